/*
 * masked_softmax.c - MaskedSoftmax (ours): y = Softmax(x + mask) along the last axis, and its gradient
 *
 *	dx = y (dy - sum dy y)
 *
 * which forms y again. x, y and their gradients are of one type, mask of any, broadcast to x; it has no
 * gradient, and may be absent. What lies between, the sum and y before it is rounded, is float32 or wider.
 * passes/masked_softmax makes them of Softmax and the nodes around it.
 */
#include "ops/build.h"

#include <math.h>

static enum status infer_mask(struct op_io *io, uint32_t x, uint32_t mask)
{
	const struct shape *shape = &io->in[x]->shape;
	struct shape both;
	char tx[SHAPE_TEXT], tm[SHAPE_TEXT];
	if (!shape->rank)
		return fail(io->err, ERR_INPUT, "a scalar has no rows");
	if (mask >= io->n_in || !io->in[mask])
		return OK;
	if (!dtype_is_trainable(io->in[mask]->dtype))
		return fail(io->err, ERR_INPUT, "the mask is %s", dtype_name(io->in[mask]->dtype));
	if (!shape_broadcast(shape, &io->in[mask]->shape, &both) || !shape_equal(&both, shape))
		return fail(io->err, ERR_INPUT, "a mask of shape %s for %s",
			    shape_format(&io->in[mask]->shape, tm), shape_format(shape, tx));
	return OK;
}

static enum status infer(struct op_io *io)
{
	TRY(infer_float(io));
	return infer_mask(io, 0, 1);
}

static enum status infer_grad(struct op_io *io)
{
	TRY(infer_gradient(io));
	return infer_mask(io, 1, 2);
}

/* All of Softmax(x + mask), x being input k. */
static double *probabilities(struct op_io *io, uint32_t k)
{
	const struct tensor *x = io->in[k], *mask = k + 1 < io->n_in ? io->in[k + 1] : NULL;
	int64_t all = shape_elements(&x->shape), n = all ? x->shape.dim[x->shape.rank - 1] : 1;
	double *y = arena_alloc(io->arena, (size_t)all * sizeof *y);
	struct walk w = walk_start(&x->shape, 2);
	if (mask)
		walk_broadcast(&w, 1, &mask->shape);
	for (; walk_more(&w); walk_next(&w))
		y[w.offset[0]] = tensor_get(x, w.offset[0]) +
				 (mask ? tensor_get(mask, w.offset[1]) : 0);
	for (double *row = y; row < y + all; row += n) {
		double max = -INFINITY, sum = 0;
		for (int64_t i = 0; i < n; i++)
			max = fmax(max, row[i]);
		for (int64_t i = 0; i < n; i++)
			sum += row[i] = exp(row[i] - max);
		for (int64_t i = 0; i < n; i++)
			row[i] /= sum;
	}
	return y;
}

static enum status ref(struct op_io *io)
{
	const double *y = probabilities(io, 0);
	for (int64_t i = 0; i < shape_elements(&io->in[0]->shape); i++)
		tensor_set(&io->out[0], i, y[i]);
	return OK;
}

static enum status ref_grad(struct op_io *io)
{
	const struct tensor *dy = io->in[0];
	const double *y = probabilities(io, 1);
	int64_t all = shape_elements(&dy->shape), n = all ? dy->shape.dim[dy->shape.rank - 1] : 1;
	for (int64_t row = 0; row < all; row += n) {
		double sum = 0;
		for (int64_t i = row; i < row + n; i++)
			sum += tensor_get(dy, i) * y[i];
		for (int64_t i = row; i < row + n; i++)
			tensor_set(&io->out[0], i, y[i] * (tensor_get(dy, i) - sum));
	}
	return OK;
}

static const struct op_arg in[] = {
	{ "X", 0, 0 },
	{ "mask", ARG_KEEP | ARG_OPTIONAL | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };
static const struct op_arg grad_in[] = {
	{ "dY", 0, 0 },
	{ "X", 0, 0 },
	{ "mask", ARG_KEEP | ARG_OPTIONAL | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };
static const struct op_attr attrs[] = { { 0 } };

const struct op_def op_onnxtune_masked_softmax = {
	.domain = "onnxtune",
	.name = "MaskedSoftmax",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_INNER,
	.flags = OP_INPLACE,
	.infer = infer,
	.ref = ref,
};

const struct op_def op_onnxtune_masked_softmax_grad = {
	.domain = "onnxtune",
	.name = "MaskedSoftmaxGrad",
	.since = 1,
	.attrs = attrs,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_INNER,
	.flags = OP_INPLACE,
	.infer = infer_grad,
	.ref = ref_grad,
};
