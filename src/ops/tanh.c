/*
 * tanh.c - Tanh: the hyperbolic tangent (ONNX Tanh-6, 13), and TanhGrad: dx = dy (1 - y^2).
 */
#include "ops/build.h"

#include <math.h>

static double tanh_grad(double dy, double y)
{
	return dy * (1 - y * y);
}

static enum status ref(struct op_io *io)
{
	return ref_unary(io, tanh);
}

static enum status ref_grad(struct op_io *io)
{
	return ref_binary(io, tanh_grad, NULL);
}

static void grad(struct grad *g)
{
	g->dx[0] = build(g->b, "TanhGrad", IN(g->dy[0], g->y[0]));
}

static const struct op_arg in[] = { { "input", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_tanh_6 = {
	.domain = "",
	.name = "Tanh",
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

const struct op_def op_onnxtune_tanh_grad = {
	.domain = "onnxtune",
	.name = "TanhGrad",
	.since = 1,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_INNER,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_gradient,
	.ref = ref_grad,
};
