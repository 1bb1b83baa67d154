/*
 * mul.c - Mul: y = a * b with broadcasting (ONNX Mul-7, 13, 14). Integers wrap around.
 */
#include "ops/build.h"

static double mul(double a, double b)
{
	return a * b;
}

static int64_t mul_int(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a * (uint64_t)b);
}

static enum status ref(struct op_io *io)
{
	return ref_binary(io, mul, mul_int);
}

static void grad(struct grad *g)
{
	for (int k = 0; k < 2; k++)
		if (g->need[k])
			g->dx[k] = build(g->b, "Mul", IN(g->dy[0], g->x[1 - k]));
}

static const struct op_arg in[] = { { "A", 0, 0 }, { "B", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "C", 0, 0 }, { 0 } };

const struct op_def op_mul_7 = {
	.domain = "",
	.name = "Mul",
	.since = 7,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_broadcast,
	.ref = ref,
	.grad = grad,
};
