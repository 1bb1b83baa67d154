/*
 * softplus.c - Softplus: y = log(1 + e^x), formed without overflow (ONNX Softplus-1, 22), and
 * SoftplusGrad: dx = dy / (1 + e^-x).
 */
#include "ops/build.h"

#include <math.h>

static double softplus(double x)
{
	return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double softplus_grad(double dy, double x)
{
	double e = exp(-fabs(x));
	return dy * (x < 0 ? e : 1) / (1 + e);
}

static enum status ref(struct op_io *io)
{
	return ref_unary(io, softplus);
}

static enum status ref_grad(struct op_io *io)
{
	return ref_binary(io, softplus_grad, NULL);
}

static void grad(struct grad *g)
{
	g->dx[0] = build(g->b, "SoftplusGrad", IN(g->dy[0], g->x[0]));
}

static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_softplus_1 = {
	.domain = "",
	.name = "Softplus",
	.since = 1,
	.in = in,
	.out = out,
	.precision = PRECISION_FULL,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_float,
	.ref = ref,
	.grad = grad,
};

static const struct op_arg grad_in[] = { { "dY", 0, 0 }, { "X", 0, 0 }, { 0 } };
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_softplus_grad = {
	.domain = "onnxtune",
	.name = "SoftplusGrad",
	.since = 1,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FULL,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_gradient,
	.ref = ref_grad,
};
