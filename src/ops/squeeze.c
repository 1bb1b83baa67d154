/*
 * squeeze.c - Squeeze: a Reshape that drops axes of size 1, all of them when none are named
 * (ONNX Squeeze-1, 11: `axes` is an attribute; 13: an input).
 */
#include "ops/build.h"

static void squeeze(struct lower *l, const int64_t *axes, uint32_t n, bool all)
{
	struct builder *b = l->b;
	const struct shape *x = build_shape(b, l->in[0]);
	struct shape y = { 0 };
	bool drop[SHAPE_MAX_RANK] = { 0 };
	for (uint32_t i = 0; i < n; i++) {
		int axis;
		if (!shape_axis(x, axes[i], &axis))
			build_fail(b, ERR_INPUT, "axis %lld is outside rank %d", (long long)axes[i],
				   x->rank);
		else if (x->dim[axis] != 1)
			build_fail(b, ERR_INPUT, "axis %d has size %lld, not 1", axis,
				   (long long)x->dim[axis]);
		else
			drop[axis] = true;
	}
	for (int i = 0; i < x->rank; i++)
		if (!drop[i] && !(all && x->dim[i] == 1))
			y.dim[y.rank++] = x->dim[i];
	l->out[0] = build_reshape(b, l->in[0], &y);
}

static void lower_1(struct lower *l)
{
	const struct attr *axes = node_attr(l->node, "axes");
	squeeze(l, axes ? axes->ints : NULL, axes ? axes->n : 0, !axes);
}

static void lower_13(struct lower *l)
{
	int64_t axes[SHAPE_MAX_RANK];
	uint32_t n = 0;
	bool given = l->n_in > 1 && l->in[1];
	if (!given || build_get_ints(l->b, l->in, 1, axes, SHAPE_MAX_RANK, &n))
		squeeze(l, axes, n, !given);
}

static const struct op_attr attrs[] = { { "axes", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL }, { 0 } };
static const struct op_arg in[] = {
	{ "data", 0, 0 },
	{ "axes", ARG_HOST | ARG_KEEP | ARG_NO_GRAD | ARG_OPTIONAL, 0 },
	{ 0 },
};
static const struct op_arg in_1[] = { { "data", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "squeezed", 0, 0 }, { 0 } };

const struct op_def op_squeeze_1 = {
	.domain = "",
	.name = "Squeeze",
	.since = 1,
	.attrs = attrs,
	.in = in_1,
	.out = out,
	.flags = OP_VIEW | OP_KEEPS_FORM,
	.lower = lower_1,
};

const struct op_def op_squeeze_13 = {
	.domain = "",
	.name = "Squeeze",
	.since = 13,
	.in = in,
	.out = out,
	.flags = OP_VIEW | OP_KEEPS_FORM,
	.lower = lower_13,
};
