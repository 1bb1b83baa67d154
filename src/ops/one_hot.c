/*
 * one_hot.c - OneHot: values[1] where the new axis meets the index, values[0] elsewhere; an index
 * outside [-depth, depth) gives a row of values[0] (ONNX OneHot-9, 11, 28).
 */
#include "ops/build.h"

static enum status infer(struct op_io *io)
{
	const struct tensor *indices = io->in[0], *depth = io->in[1], *values = io->in[2];
	struct shape y = { .rank = indices->shape.rank + 1 };
	int axis;
	if (y.rank > SHAPE_MAX_RANK)
		return fail(io->err, ERR_UNSUPPORTED, "the output has more than %d axes",
			    SHAPE_MAX_RANK);
	TRY(infer_axis(io, &y, node_int(io->node, "axis"), &axis));
	for (uint32_t k = 0; k < 2; k++)
		if (!dtype_is_float(io->in[k]->dtype) && !dtype_is_integer(io->in[k]->dtype))
			return fail(io->err, ERR_INPUT, "input %u is no number", k);
	if (shape_elements(&depth->shape) != 1)
		return fail(io->err, ERR_INPUT, "depth is no number");
	if (!depth->data)
		return fail(io->err, ERR_UNSUPPORTED, "depth is computed from the data");
	if (values->shape.rank != 1 || values->shape.dim[0] != 2)
		return fail(io->err, ERR_INPUT, "values are not two");
	for (int i = 0; i < y.rank; i++)
		y.dim[i] = i == axis ? tensor_get_int(depth, 0)
				     : indices->shape.dim[i < axis ? i : i - 1];
	return infer_set(io, 0, values->dtype, &y);
}

static enum status ref(struct op_io *io)
{
	struct tensor *y = &io->out[0];
	int axis;
	TRY(infer_axis(io, &y->shape, node_int(io->node, "axis"), &axis));
	int64_t depth = y->shape.dim[axis], strides[SHAPE_MAX_RANK];
	struct walk w = walk_start(&y->shape, 2);
	shape_strides(&io->in[0]->shape, strides);
	for (int i = 0; i < y->shape.rank; i++)
		w.stride[1][i] = i == axis ? 0 : strides[i < axis ? i : i - 1];
	for (; walk_more(&w); walk_next(&w)) {
		int64_t at = tensor_get_int(io->in[0], w.offset[1]);
		at += at < 0 ? depth : 0;
		ref_copy(y, w.offset[0], io->in[2], at == w.index[axis]);
	}
	return OK;
}

static const struct op_attr attrs[] = { { "axis", ATTR_INT, 0, -1, 0, NULL }, { 0 } };
static const struct op_arg in[] = {
	{ "indices", ARG_KEEP | ARG_NO_GRAD, 0 },
	{ "depth", ARG_HOST | ARG_KEEP | ARG_NO_GRAD, 0 },
	{ "values", 0, 0 },
	{ 0 },
};
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_one_hot_9 = {
	.domain = "",
	.name = "OneHot",
	.since = 9,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.infer = infer,
	.ref = ref,
};
