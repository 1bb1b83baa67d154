/*
 * erf.c - Erf: the error function (ONNX Erf-9, 13), and ErfGrad: dx = dy 2/sqrt(pi) e^(-x^2).
 */
#include "ops/build.h"

#include <math.h>

static double erf_grad(double dy, double x)
{
	return dy * M_2_SQRTPI * exp(-x * x);
}

static enum status ref(struct op_io *io)
{
	return ref_unary(io, erf);
}

static enum status ref_grad(struct op_io *io)
{
	return ref_binary(io, erf_grad, NULL);
}

static void grad(struct grad *g)
{
	g->dx[0] = build(g->b, "ErfGrad", IN(g->dy[0], g->x[0]));
}

static const struct op_arg in[] = { { "input", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_erf_9 = {
	.domain = "",
	.name = "Erf",
	.since = 9,
	.in = in,
	.out = out,
	.precision = PRECISION_INNER,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_float,
	.ref = ref,
	.grad = grad,
};

static const struct op_arg grad_in[] = { { "dY", 0, 0 }, { "X", 0, 0 }, { 0 } };
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_erf_grad = {
	.domain = "onnxtune",
	.name = "ErfGrad",
	.since = 1,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_INNER,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_gradient,
	.ref = ref_grad,
};
