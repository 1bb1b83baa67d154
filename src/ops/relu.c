/*
 * relu.c - Relu: y = max(x, 0) (ONNX Relu-6, 13, 14) and its gradient ReluGrad: dx = y > 0 ? dy : 0.
 * A NaN passes through both, as in PyTorch.
 */
#include "ops/build.h"

static double relu(double x)
{
	return x < 0 ? 0 : x;
}

static double relu_grad(double dy, double y)
{
	return y <= 0 ? 0 : dy;
}

static enum status ref(struct op_io *io)
{
	if (dtype_is_float(io->in[0]->dtype))
		return ref_unary(io, relu);
	for (int64_t i = 0, n = shape_elements(&io->out[0].shape); i < n; i++) {
		int64_t x = tensor_get_int(io->in[0], i);
		tensor_set_int(&io->out[0], i, x < 0 ? 0 : x);
	}
	return OK;
}

static enum status ref_grad(struct op_io *io)
{
	return ref_binary(io, relu_grad, NULL);
}

static void grad(struct grad *g)
{
	g->dx[0] = build(g->b, "ReluGrad", IN(g->dy[0], g->y[0]));
}

static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_relu_6 = {
	.domain = "",
	.name = "Relu",
	.since = 6,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_number,
	.ref = ref,
	.grad = grad,
};

static const struct op_arg grad_in[] = { { "dY", 0, 0 }, { "Y", 0, 0 }, { 0 } };
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_relu_grad = {
	.domain = "onnxtune",
	.name = "ReluGrad",
	.since = 1,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_broadcast,
	.ref = ref_grad,
};
