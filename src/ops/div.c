/*
 * div.c - Div: y = a / b with broadcasting (ONNX Div-7, 13, 14). Integers are divided as in C,
 * toward zero; a division by zero, which ONNX leaves open, gives 0.
 */
#include "ops/build.h"

static double divide(double a, double b)
{
	return a / b;
}

static int64_t divide_int(int64_t a, int64_t b)
{
	if (b == -1) /* the one quotient that may overflow */
		return (int64_t)(0 - (uint64_t)a);
	return b ? a / b : 0;
}

static int64_t divide_u64(int64_t a, int64_t b)
{
	return b ? (int64_t)((uint64_t)a / (uint64_t)b) : 0;
}

static enum status ref(struct op_io *io)
{
	return ref_binary(io, divide, io->in[0]->dtype == DT_U64 ? divide_u64 : divide_int);
}

/* da = dy / b and db = -(dy / b) y */
static void grad(struct grad *g)
{
	struct builder *b = g->b;
	g->dx[0] = build(b, "Div", IN(g->dy[0], g->x[1]));
	if (g->need[1])
		g->dx[1] = build(b, "Neg", IN(build(b, "Mul", IN(g->dx[0], g->y[0]))));
}

static const struct op_arg in[] = { { "A", 0, 0 }, { "B", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "C", 0, 0 }, { 0 } };

const struct op_def op_div_7 = {
	.domain = "",
	.name = "Div",
	.since = 7,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_broadcast,
	.ref = ref,
	.grad = grad,
};
