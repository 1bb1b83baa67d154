/*
 * sqrt.c - Sqrt: the square root, NaN for negative numbers (ONNX Sqrt-6, 13).
 */
#include "ops/build.h"

#include <math.h>

static enum status ref(struct op_io *io)
{
	return ref_unary(io, sqrt);
}

/* dx = dy / (2 y) */
static void grad(struct grad *g)
{
	struct builder *b = g->b;
	g->dx[0] = build(b, "Div", IN(g->dy[0], build(b, "Add", IN(g->y[0], g->y[0]))));
}

static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_sqrt_6 = {
	.domain = "",
	.name = "Sqrt",
	.since = 6,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_float,
	.ref = ref,
	.grad = grad,
};
