/*
 * sigmoid.c - Sigmoid: y = 1 / (1 + e^-x) (ONNX Sigmoid-6, 13), and SigmoidGrad: dx = dy y (1 - y).
 */
#include "ops/build.h"

#include <math.h>

static double sigmoid(double x)
{
	double e = exp(-fabs(x)); /* never overflows */
	return (x < 0 ? e : 1) / (1 + e);
}

static double sigmoid_grad(double dy, double y)
{
	return dy * y * (1 - y);
}

static enum status ref(struct op_io *io)
{
	return ref_unary(io, sigmoid);
}

static enum status ref_grad(struct op_io *io)
{
	return ref_binary(io, sigmoid_grad, NULL);
}

static void grad(struct grad *g)
{
	g->dx[0] = build(g->b, "SigmoidGrad", IN(g->dy[0], g->y[0]));
}

static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_sigmoid_6 = {
	.domain = "",
	.name = "Sigmoid",
	.since = 6,
	.in = in,
	.out = out,
	.precision = PRECISION_INNER,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_float,
	.ref = ref,
	.grad = grad,
};

static const struct op_arg grad_in[] = { { "dY", 0, 0 }, { "Y", 0, 0 }, { 0 } };
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_sigmoid_grad = {
	.domain = "onnxtune",
	.name = "SigmoidGrad",
	.since = 1,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_INNER,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_gradient,
	.ref = ref_grad,
};
