/*
 * elu.c - Elu: y = x < 0 ? alpha (e^x - 1) : x (ONNX Elu-6, 22), and EluGrad:
 * dx = x > 0 ? dy : dy alpha e^x.
 */
#include "ops/build.h"

#include <math.h>

static enum status ref(struct op_io *io)
{
	double alpha = node_float(io->node, "alpha");
	for (int64_t i = 0, n = shape_elements(&io->out[0].shape); i < n; i++) {
		double x = tensor_get(io->in[0], i);
		tensor_set(&io->out[0], i, x < 0 ? alpha * expm1(x) : x);
	}
	return OK;
}

static enum status ref_grad(struct op_io *io)
{
	double alpha = node_float(io->node, "alpha");
	for (int64_t i = 0, n = shape_elements(&io->out[0].shape); i < n; i++) {
		double dy = tensor_get(io->in[0], i), x = tensor_get(io->in[1], i);
		tensor_set(&io->out[0], i, x > 0 ? dy : dy * alpha * exp(x));
	}
	return OK;
}

static void grad(struct grad *g)
{
	g->dx[0] = build(g->b, "EluGrad", IN(g->dy[0], g->x[0]),
			 attr_float("alpha", node_float(g->node, "alpha")));
}

static const struct op_attr attrs[] = { { "alpha", ATTR_FLOAT, 0, 0, 1, NULL }, { 0 } };
static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_elu_6 = {
	.domain = "",
	.name = "Elu",
	.since = 6,
	.attrs = attrs,
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

const struct op_def op_onnxtune_elu_grad = {
	.domain = "onnxtune",
	.name = "EluGrad",
	.since = 1,
	.attrs = attrs,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_INNER,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_gradient,
	.ref = ref_grad,
};
