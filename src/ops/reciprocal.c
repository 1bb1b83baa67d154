/*
 * reciprocal.c - Reciprocal: y = 1 / x (ONNX Reciprocal-6, 13).
 */
#include "ops/build.h"

static double reciprocal(double x)
{
	return 1 / x;
}

static enum status ref(struct op_io *io)
{
	return ref_unary(io, reciprocal);
}

/* dx = -dy y^2 */
static void grad(struct grad *g)
{
	struct builder *b = g->b;
	uint32_t y = g->y[0], square = build(b, "Mul", IN(y, y));
	g->dx[0] = build(b, "Neg", IN(build(b, "Mul", IN(g->dy[0], square))));
}

static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_reciprocal_6 = {
	.domain = "",
	.name = "Reciprocal",
	.since = 6,
	.in = in,
	.out = out,
	.precision = PRECISION_FULL,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_float,
	.ref = ref,
	.grad = grad,
};
