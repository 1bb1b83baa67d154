/*
 * add.c - Add: y = a + b with broadcasting (ONNX Add-7, 13, 14).
 */
#include "ops/build.h"

static double add(double a, double b)
{
	return a + b;
}

static int64_t add_int(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

static enum status ref(struct op_io *io)
{
	return ref_binary(io, add, add_int);
}

static void grad(struct grad *g)
{
	g->dx[0] = g->dx[1] = g->dy[0];
}

static const struct op_arg in[] = { { "A", 0, 0 }, { "B", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "C", 0, 0 }, { 0 } };

const struct op_def op_add_7 = {
	.domain = "",
	.name = "Add",
	.since = 7,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_broadcast,
	.ref = ref,
	.grad = grad,
};
