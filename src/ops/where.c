/*
 * where.c - Where: out = condition ? x : y with broadcasting, any element type (ONNX Where-9, 16).
 */
#include "ops/build.h"

static enum status infer(struct op_io *io)
{
	if (io->in[0]->dtype != DT_BOOL)
		return fail(io->err, ERR_INPUT, "the condition is %s, not bool",
			    dtype_name(io->in[0]->dtype));
	if (io->in[1]->dtype != io->in[2]->dtype)
		return fail(io->err, ERR_INPUT, "inputs are %s and %s",
			    dtype_name(io->in[1]->dtype), dtype_name(io->in[2]->dtype));
	return infer_shapes(io, io->in[1]->dtype);
}

static enum status ref(struct op_io *io)
{
	struct tensor *y = &io->out[0];
	struct walk w = walk_start(&y->shape, 4);
	for (int k = 0; k < 3; k++)
		walk_broadcast(&w, k + 1, &io->in[k]->shape);
	for (; walk_more(&w); walk_next(&w)) {
		int k = tensor_get_int(io->in[0], w.offset[1]) ? 1 : 2;
		ref_copy(y, w.offset[0], io->in[k], w.offset[k + 1]);
	}
	return OK;
}

static void grad(struct grad *g)
{
	struct builder *b = g->b;
	uint32_t zero = build_scalar(b, 0, g->dy[0]);
	if (g->need[1])
		g->dx[1] = build(b, "Where", IN(g->x[0], g->dy[0], zero));
	if (g->need[2])
		g->dx[2] = build(b, "Where", IN(g->x[0], zero, g->dy[0]));
}

static const struct op_arg in[] = {
	{ "condition", ARG_NO_GRAD | ARG_KEEP, 0 }, { "X", 0, 0 }, { "Y", 0, 0 }, { 0 }
};
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_where_9 = {
	.domain = "",
	.name = "Where",
	.since = 9,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};
