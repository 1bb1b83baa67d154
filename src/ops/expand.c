/*
 * expand.c - Expand: the input broadcast together with a shape (ONNX Expand-8, 13). Its gradient is
 * dy, which the driver sums over the broadcast axes.
 */
#include "ops/build.h"

static enum status infer(struct op_io *io)
{
	const struct shape *x = &io->in[0]->shape;
	struct shape with, y;
	char a[SHAPE_TEXT], b[SHAPE_TEXT];
	uint32_t rank;
	TRY(infer_ints(io, 1, with.dim, SHAPE_MAX_RANK, &rank));
	with.rank = (int)rank;
	for (int i = 0; i < with.rank; i++)
		if (with.dim[i] < 0)
			return fail(io->err, ERR_INPUT, "dimension %d is %lld", i,
				    (long long)with.dim[i]);
	if (!shape_broadcast(x, &with, &y))
		return fail(io->err, ERR_INPUT, "%s can't be expanded to %s", shape_format(x, a),
			    shape_format(&with, b));
	return infer_set(io, 0, io->in[0]->dtype, &y);
}

static enum status ref(struct op_io *io)
{
	struct walk w = walk_start(&io->out[0].shape, 2);
	walk_broadcast(&w, 1, &io->in[0]->shape);
	for (; walk_more(&w); walk_next(&w))
		ref_copy(&io->out[0], w.offset[0], io->in[0], w.offset[1]);
	return OK;
}

static void grad(struct grad *g)
{
	g->dx[0] = g->dy[0];
}

static const struct op_arg in[] = {
	{ "input", 0, 0 },
	{ "shape", ARG_HOST | ARG_KEEP | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_expand_8 = {
	.domain = "",
	.name = "Expand",
	.since = 8,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_KEEPS_FORM,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};
