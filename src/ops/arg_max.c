/*
 * arg_max.c - ArgMax and ArgMin: the index of the largest or smallest element along an axis, the
 * first of equal ones (ONNX ArgMax-1, 11, 13; 12: or the last). As in NumPy a NaN wins.
 */
#include "ops/build.h"

#include <math.h>

static enum status infer(struct op_io *io)
{
	const struct shape *x = &io->in[0]->shape;
	struct shape y = { 0 };
	int axis;
	TRY(infer_axis(io, x, node_int(io->node, "axis"), &axis));
	if (!dtype_is_float(io->in[0]->dtype) && !dtype_is_integer(io->in[0]->dtype))
		return fail(io->err, ERR_INPUT, "the input is %s", dtype_name(io->in[0]->dtype));
	if (!x->dim[axis])
		return fail(io->err, ERR_INPUT, "axis %d has no elements", axis);
	for (int i = 0; i < x->rank; i++)
		if (i != axis)
			y.dim[y.rank++] = x->dim[i];
		else if (node_int(io->node, "keepdims"))
			y.dim[y.rank++] = 1;
	return infer_set(io, 0, DT_I64, &y);
}

/* Whether element i of t comes before element k: sign is 1 for the largest, -1 for the smallest. */
static bool better(const struct tensor *t, int64_t i, int64_t k, int sign, bool last)
{
	if (dtype_is_integer(t->dtype) && t->dtype != DT_U64) {
		int64_t a = tensor_get_int(t, i), b = tensor_get_int(t, k);
		return a == b ? last : (a > b) == (sign > 0);
	}
	if (t->dtype == DT_U64) {
		uint64_t a = (uint64_t)tensor_get_int(t, i), b = (uint64_t)tensor_get_int(t, k);
		return a == b ? last : (a > b) == (sign > 0);
	}
	double a = sign * tensor_get(t, i), b = sign * tensor_get(t, k);
	if (isnan(b))
		return isnan(a) && last;
	return isnan(a) || a > b || (a == b && last);
}

static enum status arg_best(struct op_io *io, int sign)
{
	const struct tensor *x = io->in[0];
	bool last = node_int(io->node, "select_last_index");
	int axis;
	TRY(infer_axis(io, &x->shape, node_int(io->node, "axis"), &axis));
	int64_t strides[SHAPE_MAX_RANK], n = x->shape.dim[axis], k = 0;
	struct shape rows = x->shape; /* the elements of y in order, whatever keepdims says */
	rows.dim[axis] = 1;
	shape_strides(&x->shape, strides);
	struct walk w = walk_start(&rows, 1);
	for (int i = 0; i < rows.rank; i++)
		w.stride[0][i] = strides[i];
	for (; walk_more(&w); walk_next(&w)) {
		int64_t best = 0;
		for (int64_t i = 1; i < n; i++)
			if (better(x, w.offset[0] + i * strides[axis],
				   w.offset[0] + best * strides[axis], sign, last))
				best = i;
		tensor_set_int(&io->out[0], k++, best);
	}
	return OK;
}

static enum status ref_max(struct op_io *io)
{
	return arg_best(io, 1);
}

static enum status ref_min(struct op_io *io)
{
	return arg_best(io, -1);
}

static const struct op_attr attrs[] = {
	{ "axis", ATTR_INT, 0, 0, 0, NULL },
	{ "keepdims", ATTR_INT, 0, 1, 0, NULL },
	{ "select_last_index", ATTR_INT, 0, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg in[] = { { "data", ARG_NO_GRAD, 0 }, { 0 } };
static const struct op_arg out[] = { { "reduced", 0, 0 }, { 0 } };

const struct op_def op_arg_max_1 = {
	.domain = "",
	.name = "ArgMax",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_NO_GRAD,
	.infer = infer,
	.ref = ref_max,
};

const struct op_def op_arg_min_1 = {
	.domain = "",
	.name = "ArgMin",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_NO_GRAD,
	.infer = infer,
	.ref = ref_min,
};
