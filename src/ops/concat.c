/*
 * concat.c - Concat: the inputs one after the other along an axis (ONNX Concat-4, 11, 13; a
 * negative axis since 11).
 */
#include "ops/build.h"

static enum status infer(struct op_io *io)
{
	struct shape y = io->in[0]->shape;
	char first[SHAPE_TEXT], other[SHAPE_TEXT];
	int axis;
	TRY(infer_axis(io, &y, node_int(io->node, "axis"), &axis));
	for (uint32_t k = 1; k < io->n_in; k++) {
		struct shape x = io->in[k]->shape;
		int64_t n = axis < x.rank ? x.dim[axis] : 0;
		if (io->in[k]->dtype != io->in[0]->dtype)
			return fail(io->err, ERR_INPUT, "inputs are %s and %s",
				    dtype_name(io->in[0]->dtype), dtype_name(io->in[k]->dtype));
		x.dim[axis] = y.dim[axis];
		if (!shape_equal(&x, &y))
			return fail(io->err, ERR_INPUT, "%s and %s differ outside axis %d",
				    shape_format(&io->in[0]->shape, first),
				    shape_format(&io->in[k]->shape, other), axis);
		if (__builtin_add_overflow(y.dim[axis], n, &y.dim[axis]))
			return fail(io->err, ERR_INPUT, "the shape is too large");
	}
	return infer_set(io, 0, io->in[0]->dtype, &y);
}

static enum status ref(struct op_io *io)
{
	struct tensor *y = &io->out[0];
	int axis;
	TRY(infer_axis(io, &y->shape, node_int(io->node, "axis"), &axis));
	int64_t strides[SHAPE_MAX_RANK], start = 0;
	shape_strides(&y->shape, strides);
	for (uint32_t k = 0; k < io->n_in; k++) {
		const struct tensor *x = io->in[k];
		struct walk w = walk_start(&x->shape, 2);
		for (int i = 0; i < y->shape.rank; i++)
			w.stride[1][i] = strides[i];
		for (; walk_more(&w); walk_next(&w))
			ref_copy(y, start * strides[axis] + w.offset[1], x, w.offset[0]);
		start += x->shape.dim[axis];
	}
	return OK;
}

/* The parts of dy: those that are needed, from one Split. */
static void grad(struct grad *g)
{
	struct builder *b = g->b;
	uint32_t n = g->node->n_in;
	int64_t *sizes = arena_alloc(b->graph->arena, n * sizeof *sizes);
	int axis;
	if (n == 1) {
		g->dx[0] = g->dy[0];
		return;
	}
	if (!shape_axis(build_shape(b, g->x[0]), node_int(g->node, "axis"), &axis))
		return; /* the builder has failed */
	for (uint32_t k = 0; k < n; k++)
		sizes[k] = build_shape(b, g->x[k])->dim[axis];
	const struct attr attrs[] = { attr_int("axis", axis), { 0 } };
	build_outputs(b, "Split", IN(g->dy[0], build_ints(b, sizes, n)), attrs, g->need, g->dx, n);
}

static const struct op_attr attrs[] = { { "axis", ATTR_INT, ATTR_REQUIRED, 0, 0, NULL }, { 0 } };
static const struct op_arg in[] = { { "inputs", ARG_VARIADIC, 0 }, { 0 } };
static const struct op_arg out[] = { { "concat_result", 0, 0 }, { 0 } };

const struct op_def op_concat_4 = {
	.domain = "",
	.name = "Concat",
	.since = 4,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};
