/*
 * exp.c - Exp: y = e^x (ONNX Exp-6, 13).
 */
#include "ops/build.h"

#include <math.h>

static enum status ref(struct op_io *io)
{
	return ref_unary(io, exp);
}

static void grad(struct grad *g)
{
	g->dx[0] = build(g->b, "Mul", IN(g->dy[0], g->y[0]));
}

static const struct op_arg in[] = { { "input", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_exp_6 = {
	.domain = "",
	.name = "Exp",
	.since = 6,
	.in = in,
	.out = out,
	.precision = PRECISION_FULL,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_float,
	.ref = ref,
	.grad = grad,
};
