/* chain_expression.h - pointwise operators as expressions of CUDA C, and the types of elements. */
#ifndef ONNXTUNE_BACKEND_CUDA_CHAIN_EXPRESSION_H
#define ONNXTUNE_BACKEND_CUDA_CHAIN_EXPRESSION_H

#include "ops/target.h"

enum takes {
	TAKES_FLOATS,  /* f32, f16, bf16, all of one type */
	TAKES_NUMBERS, /* those or integers, all of one type; the result is BOOL */
	TAKES_BOOLS,
	TAKES_CHOICE, /* BOOL, then two of one type */
	TAKES_CAST,   /* anything to a float */
};

struct chain_expression {
	const char *op;
	enum takes takes;
	int inputs;
	bool costly;
	const char *text;               /* $0.. inputs, $p alpha, $q beta */
	const char *absent[4];          /* what stands for absent inputs */
	const char *attr, *value, *alt; /* where the attribute has the value: this text instead */
};

/* The row of an operator, or NULL. */
const struct chain_expression *chain_find(const char *op);

/* Whether there is an expression for the call, which is no Fused; costly may be NULL. */
bool chain_has_expression(const struct op_call *call, bool *costly);

/* What the expressions call, a printf format: the limits of struct chain_args (chain.h). */
extern const char chain_prelude[];

/* How elements of a type are held and stored, and the functions between. */
struct chain_type {
	enum dtype dtype;
	const char *held, *stored, *load, *store;
};
extern const struct chain_type chain_types[];

/* Which of them; -1: none. */
int chain_type_of(enum dtype dtype);
bool chain_is_float(enum dtype dtype);

/* The type of an input, DT_NONE where it is absent. */
static inline enum dtype chain_type_in(const struct op_call *call, uint32_t k)
{
	return k < call->n_in ? call->in[k].t.dtype : DT_NONE;
}

#endif
