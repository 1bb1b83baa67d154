/*
 * gelu.c - Gelu: y = x P(x) with the normal distribution P, or its approximation by tanh
 * (ONNX Gelu-20), and GeluGrad.
 *
 *	none: y = x (1 + erf(x / sqrt 2)) / 2        dx = dy (P(x) + x e^(-x^2 / 2) / sqrt(2 pi))
 *	tanh: y = x (1 + t) / 2,                     dx = dy (1 + t + x (1 - t^2) u') / 2
 *	      t = tanh u, u = sqrt(2 / pi) (x + 0.044715 x^3)
 */
#include "ops/build.h"

#include <math.h>
#include <string.h>

#define ROOT_2_OVER_PI (M_2_SQRTPI * M_SQRT1_2)
#define CUBIC 0.044715

static double inner_tanh(double x)
{
	return tanh(ROOT_2_OVER_PI * (x + CUBIC * x * x * x));
}

static double gelu(double x)
{
	return x * 0.5 * erfc(-x * M_SQRT1_2);
}

static double gelu_tanh(double x)
{
	return x * 0.5 * (1 + inner_tanh(x));
}

static double gelu_grad(double dy, double x)
{
	double density = 0.5 * ROOT_2_OVER_PI * exp(-0.5 * x * x);
	return dy * (0.5 * erfc(-x * M_SQRT1_2) + x * density);
}

static double gelu_tanh_grad(double dy, double x)
{
	double t = inner_tanh(x), du = ROOT_2_OVER_PI * (1 + 3 * CUBIC * x * x);
	return dy * 0.5 * (1 + t + x * (1 - t * t) * du);
}

static bool approximate(const struct op_io *io)
{
	return !strcmp(node_string(io->node, "approximate"), "tanh");
}

static enum status infer(struct op_io *io)
{
	if (!approximate(io) && strcmp(node_string(io->node, "approximate"), "none"))
		return fail(io->err, ERR_INPUT, "attribute 'approximate' is neither none nor tanh");
	return io->n_in == 1 ? infer_float(io) : infer_gradient(io);
}

static enum status ref(struct op_io *io)
{
	return ref_unary(io, approximate(io) ? gelu_tanh : gelu);
}

static enum status ref_grad(struct op_io *io)
{
	return ref_binary(io, approximate(io) ? gelu_tanh_grad : gelu_grad, NULL);
}

static void grad(struct grad *g)
{
	g->dx[0] = build(g->b, "GeluGrad", IN(g->dy[0], g->x[0]),
			 attr_string("approximate", node_string(g->node, "approximate")));
}

static const struct op_attr attrs[] = { { "approximate", ATTR_STRING, 0, 0, 0, "none" }, { 0 } };
static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_gelu_20 = {
	.domain = "",
	.name = "Gelu",
	.since = 20,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_INNER,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};

static const struct op_arg grad_in[] = { { "dY", 0, 0 }, { "X", 0, 0 }, { 0 } };
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_gelu_grad = {
	.domain = "onnxtune",
	.name = "GeluGrad",
	.since = 1,
	.attrs = attrs,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_INNER,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer,
	.ref = ref_grad,
};
