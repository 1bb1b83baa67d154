/*
 * hard_sigmoid.c - HardSigmoid: y = max(0, min(1, alpha x + beta)) (ONNX HardSigmoid-6, 22), and
 * HardSigmoidGrad: dx = 0 < y < 1 ? alpha dy : 0.
 */
#include "ops/build.h"

static enum status ref(struct op_io *io)
{
	double alpha = node_float(io->node, "alpha"), beta = node_float(io->node, "beta");
	for (int64_t i = 0, n = shape_elements(&io->out[0].shape); i < n; i++) {
		double y = alpha * tensor_get(io->in[0], i) + beta;
		tensor_set(&io->out[0], i, y < 0 ? 0 : y > 1 ? 1 : y);
	}
	return OK;
}

static enum status ref_grad(struct op_io *io)
{
	double alpha = node_float(io->node, "alpha");
	for (int64_t i = 0, n = shape_elements(&io->out[0].shape); i < n; i++) {
		double dy = tensor_get(io->in[0], i), y = tensor_get(io->in[1], i);
		tensor_set(&io->out[0], i, y <= 0 || y >= 1 ? 0 : alpha * dy);
	}
	return OK;
}

static void grad(struct grad *g)
{
	g->dx[0] = build(g->b, "HardSigmoidGrad", IN(g->dy[0], g->y[0]),
			 attr_float("alpha", node_float(g->node, "alpha")));
}

static const struct op_attr attrs[] = {
	{ "alpha", ATTR_FLOAT, 0, 0, 0.2f, NULL },
	{ "beta", ATTR_FLOAT, 0, 0, 0.5f, NULL },
	{ 0 },
};
static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_hard_sigmoid_6 = {
	.domain = "",
	.name = "HardSigmoid",
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

static const struct op_attr grad_attrs[] = {
	{ "alpha", ATTR_FLOAT, ATTR_REQUIRED, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg grad_in[] = { { "dY", 0, 0 }, { "Y", 0, 0 }, { 0 } };
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_hard_sigmoid_grad = {
	.domain = "onnxtune",
	.name = "HardSigmoidGrad",
	.since = 1,
	.attrs = grad_attrs,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_INNER,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_gradient,
	.ref = ref_grad,
};
