/*
 * max.c - Max and Min of any number of tensors with broadcasting (ONNX Max-6, 8, 12, 13, Min-6, 8,
 * 12, 13), and the gradients for one of two operands: MaxGrad(dy, a, b) is that of a in max(a, b).
 * Where both are equal each gets half, as in PyTorch. A NaN wins.
 */
#include "ops/build.h"

#include <math.h>
#include <string.h>

static enum status infer(struct op_io *io)
{
	if (!io->n_in)
		return fail(io->err, ERR_INPUT, "there are no inputs");
	return infer_broadcast(io);
}

static bool less(const struct tensor *a, int64_t i, const struct tensor *b, int64_t j)
{
	if (dtype_is_float(a->dtype))
		return tensor_get(a, i) < tensor_get(b, j);
	if (a->dtype == DT_U64)
		return (uint64_t)tensor_get_int(a, i) < (uint64_t)tensor_get_int(b, j);
	return tensor_get_int(a, i) < tensor_get_int(b, j);
}

/* The result grows in scratch memory, as the output may lie on any of the inputs. */
static enum status extremum(struct op_io *io, bool max)
{
	struct tensor best = tensor_new(io->arena, io->out[0].dtype, &io->out[0].shape);
	for (uint32_t k = 0; k < io->n_in; k++) {
		const struct tensor *x = io->in[k];
		struct walk w = walk_start(&best.shape, 2);
		walk_broadcast(&w, 1, &x->shape);
		for (; walk_more(&w); walk_next(&w)) {
			int64_t i = w.offset[0], j = w.offset[1];
			if (!k || (max ? less(&best, i, x, j) : less(x, j, &best, i)) ||
			    (dtype_is_float(x->dtype) && isnan(tensor_get(x, j))))
				ref_copy(&best, i, x, j);
		}
	}
	if (tensor_bytes(&best))
		memcpy(io->out[0].data, best.data, tensor_bytes(&best));
	return OK;
}

static enum status ref_max(struct op_io *io)
{
	return extremum(io, true);
}

static enum status ref_min(struct op_io *io)
{
	return extremum(io, false);
}

static double max_grad(double dy, double a, double b)
{
	return a < b ? 0 : a == b ? dy / 2 : dy;
}

static double min_grad(double dy, double a, double b)
{
	return a > b ? 0 : a == b ? dy / 2 : dy;
}

static enum status ref_max_grad(struct op_io *io)
{
	return ref_ternary(io, max_grad);
}

static enum status ref_min_grad(struct op_io *io)
{
	return ref_ternary(io, min_grad);
}

/* max(a, b, c) is max(max(a, b), c): from the last input back. */
static void grad(struct grad *g, const char *op, const char *op_grad)
{
	struct builder *b = g->b;
	uint32_t dy = g->dy[0];
	for (uint32_t k = g->node->n_in - 1; k > 0; k--) {
		uint32_t before = g->x[0];
		if (k > 1)
			before = build_op(b, op, (struct inputs){ g->x, k }, NULL);
		if (g->need[k])
			g->dx[k] = build(b, op_grad, IN(dy, g->x[k], before));
		dy = build(b, op_grad, IN(dy, before, g->x[k]));
	}
	g->dx[0] = dy;
}

static void grad_max(struct grad *g)
{
	grad(g, "Max", "MaxGrad");
}

static void grad_min(struct grad *g)
{
	grad(g, "Min", "MinGrad");
}

static const struct op_arg in[] = { { "data_0", ARG_VARIADIC, 0 }, { 0 } };
static const struct op_arg out_max[] = { { "max", 0, 0 }, { 0 } };
static const struct op_arg out_min[] = { { "min", 0, 0 }, { 0 } };
static const struct op_arg grad_in[] = { { "dY", 0, 0 }, { "A", 0, 0 }, { "B", 0, 0 }, { 0 } };
static const struct op_arg grad_out[] = { { "dA", 0, 0 }, { 0 } };

const struct op_def op_max_6 = {
	.domain = "",
	.name = "Max",
	.since = 6,
	.in = in,
	.out = out_max,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer,
	.ref = ref_max,
	.grad = grad_max,
};

const struct op_def op_min_6 = {
	.domain = "",
	.name = "Min",
	.since = 6,
	.in = in,
	.out = out_min,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer,
	.ref = ref_min,
	.grad = grad_min,
};

const struct op_def op_onnxtune_max_grad = {
	.domain = "onnxtune",
	.name = "MaxGrad",
	.since = 1,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_broadcast,
	.ref = ref_max_grad,
};

const struct op_def op_onnxtune_min_grad = {
	.domain = "onnxtune",
	.name = "MinGrad",
	.since = 1,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_broadcast,
	.ref = ref_min_grad,
};
