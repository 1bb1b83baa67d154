/*
 * pointwise.h - one driver for all operators that compute each output element from the elements at
 * the same place of their inputs, and for Fused, which is several of them. An operator is a row of
 * pointwise_table: the loop that computes it over contiguous elements. The driver brings operands of
 * any broadcast shape and layout into that form piece by piece, within the first-level cache; half
 * types are float32 inside.
 */
#ifndef ONNXTUNE_BACKEND_CPU_POINTWISE_H
#define ONNXTUNE_BACKEND_CPU_POINTWISE_H

#include "backend/cpu/loop.h"

#include "backend/backend.h"

#define POINTWISE_INPUTS 4

/* y[i] = f(x[0][i], x[1][i], ...) for 0 <= i < n; y may be one of the x. p: up to two numbers. */
typedef void pointwise_loop(void *y, const void *const *x, int64_t n, const float *p);

/* What a call comes to. */
struct pointwise_choice {
	pointwise_loop *loop; /* NULL: not supported */
	float p[2];
	int inputs; /* that the loop reads, the first of the node */
};

/* Which element types an operator takes. */
enum pointwise_types {
	POINTWISE_FLOAT,   /* all operands are of one type, f32, f16 or bf16 */
	POINTWISE_COMPARE, /* the same, but a BOOL output */
	POINTWISE_LOGIC,   /* all BOOL */
	POINTWISE_SELECT,  /* BOOL, then operands of any one type of 1, 2, 4 or 8 bytes */
};

enum pointwise_trait {
	POINTWISE_COSTLY = 1, /* worth a thread for few elements */
	POINTWISE_EXACT = 2,  /* from operands of a half type comes a number of that type */
};

struct pointwise_op {
	const char *op;
	enum pointwise_types types;
	int inputs;
	unsigned traits;
	pointwise_loop *loop;
	/* Chooses another loop, numbers or fewer inputs by attributes and constants; NULL: no need. */
	void (*choose)(const struct op_call *call, struct pointwise_choice *choice);
	/* Values of absent inputs (of scalar bounds), by input. */
	float absent[POINTWISE_INPUTS];
};

extern const struct pointwise_op pointwise_table[]; /* ended by a row without op */

extern pointwise_loop *const pointwise_copy; /* y = x */

enum fusible pointwise_fusible(const struct op_call *call);

bool pointwise_supports(const struct op_call *call, const char **why);
enum status pointwise_create(struct device *device, const struct op_call *call, void **state,
			     size_t *workspace, struct error *err);
enum status pointwise_run(void *state, const struct kernel_io *io, struct stream *stream);
void pointwise_destroy(void *state);

#define POINTWISE(operator)                                                                        \
	{                                                                                          \
		.op = operator, .name = "vector loop", .supports = pointwise_supports,             \
		.propose = propose_common, .create = pointwise_create, .run = pointwise_run,       \
		.destroy = pointwise_destroy                                                       \
	}

#endif
