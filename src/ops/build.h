/*
 * build.h - building graphs: every node is checked, typed and, where its inputs are known, folded
 * as it is added.
 *
 * Errors are sticky: after the first one every call returns 0 and the error stays in b->err, so
 * rules of one line need no checks; who owns the builder looks at b->status.
 *
 *	uint32_t y = build(b, "Mul", IN(x, scale));
 *	uint32_t t = build(b, "Transpose", IN(y), attr_ints("perm", perm, 2));
 */
#ifndef ONNXTUNE_OPS_BUILD_H
#define ONNXTUNE_OPS_BUILD_H

#include "ops/op.h"

struct builder {
	struct graph *graph;
	struct error *err;
	enum status status;
	const char *name; /* user's node that new nodes are said to come from */
	const char *op;
	size_t fold_limit; /* bytes up to which a constant float result is folded; integers: 16 MiB at least */
};

struct inputs {
	const uint32_t *v;
	uint32_t n;
};
#define IN(...)                                                                                    \
	((struct inputs){ (const uint32_t[]){ __VA_ARGS__ },                                       \
			  sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t) })

/* The newest form of an operator of ai.onnx or of "onnxtune"; returns output 0. */
#define build(b, op, in, ...)                                                                      \
	build_op(b, op, in, (const struct attr[]){ { 0 }, ##__VA_ARGS__, { 0 } } + 1)
uint32_t build_op(struct builder *b, const char *op, struct inputs in, const struct attr *attrs);

/* The same with n_out outputs into out[]; wanted (NULL: all) leaves some away. */
void build_outputs(struct builder *b, const char *op, struct inputs in, const struct attr *attrs,
		   const bool *wanted, uint32_t *out, uint32_t n_out);

/* Any definition, lowered if it has a lower rule; out_names may be NULL. */
void build_def(struct builder *b, const struct op_def *def, struct inputs in,
	       const struct attr *attrs, const bool *wanted, const char *const *out_names,
	       uint32_t *out, uint32_t n_out);

/* Fails the builder: status, text. */
void build_fail(struct builder *b, enum status status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Types of values; a scalar F32 when the builder has failed. */
const struct tensor *build_type(const struct builder *b, uint32_t value);
static inline const struct shape *build_shape(const struct builder *b, uint32_t value)
{
	return &build_type(b, value)->shape;
}

/*
 * For lower and grad rules: the inputs as infer sees them (out and wanted are NULL), so that they
 * share its code; its status belongs in b->status.
 */
struct op_io build_io(struct builder *b, const struct node *node, const uint32_t *in,
		      uint32_t n_in);

/* The integers of in[k] as infer_ints reads them; false, and the builder has failed, when not. */
bool build_get_ints(struct builder *b, const uint32_t *in, uint32_t k, int64_t *out, uint32_t max,
		    uint32_t *n);

/* Constants. A scalar of the type of `like`; a list of int64. */
uint32_t build_scalar(struct builder *b, double x, uint32_t like);
uint32_t build_scalar_dtype(struct builder *b, double x, enum dtype dtype);
uint32_t build_ints(struct builder *b, const int64_t *v, uint32_t n);
uint32_t build_constant(struct builder *b, const char *name, struct tensor t);

/* Frequent forms; each returns its input when there is nothing to do. */
uint32_t build_cast(struct builder *b, uint32_t x, enum dtype dtype);
uint32_t build_reshape(struct builder *b, uint32_t x, const struct shape *shape);
uint32_t build_transpose(struct builder *b, uint32_t x, const int64_t *perm);
/* Sums x over the axes that broadcasting `shape` to x's shape added; the result has `shape`. */
uint32_t build_reduce_to(struct builder *b, uint32_t x, const struct shape *shape);

#endif
