/*
 * prelu.c - PRelu: y = x < 0 ? slope x : x, the slope broadcast to x (ONNX PRelu-7, 9, 16), and
 * PReluGrad: dx = x > 0 ? dy : slope dy.
 */
#include "ops/build.h"

static enum status infer(struct op_io *io)
{
	char x[SHAPE_TEXT], slope[SHAPE_TEXT];
	TRY(infer_broadcast(io));
	if (!shape_equal(&io->out[0].shape, &io->in[0]->shape))
		return fail(io->err, ERR_INPUT, "slope %s does not broadcast to %s",
			    shape_format(&io->in[1]->shape, slope),
			    shape_format(&io->in[0]->shape, x));
	return OK;
}

static double prelu(double x, double slope)
{
	return x < 0 ? slope * x : x;
}

static int64_t prelu_int(int64_t x, int64_t slope)
{
	return x < 0 ? (int64_t)((uint64_t)slope * (uint64_t)x) : x;
}

static int64_t prelu_u64(int64_t x, int64_t slope)
{
	(void)slope;
	return x;
}

static enum status ref(struct op_io *io)
{
	return ref_binary(io, prelu, io->in[0]->dtype == DT_U64 ? prelu_u64 : prelu_int);
}

static double prelu_grad(double dy, double x, double slope)
{
	return x > 0 ? dy : slope * dy;
}

static enum status ref_grad(struct op_io *io)
{
	return ref_ternary(io, prelu_grad);
}

/* The slope gets dy min(x, 0). */
static void grad(struct grad *g)
{
	struct builder *b = g->b;
	uint32_t x = g->x[0];
	if (g->need[0])
		g->dx[0] = build(b, "PReluGrad", IN(g->dy[0], x, g->x[1]));
	if (g->need[1]) {
		uint32_t negative = build(b, "Min", IN(x, build_scalar(b, 0, x)));
		g->dx[1] = build(b, "Mul", IN(g->dy[0], negative));
	}
}

static const struct op_arg in[] = { { "X", 0, 0 }, { "slope", ARG_PARAM, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_prelu_7 = {
	.domain = "",
	.name = "PRelu",
	.since = 7,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};

static const struct op_arg grad_in[] = { { "dY", 0, 0 }, { "X", 0, 0 }, { "slope", 0, 0 }, { 0 } };
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_prelu_grad = {
	.domain = "onnxtune",
	.name = "PReluGrad",
	.since = 1,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_broadcast,
	.ref = ref_grad,
};
