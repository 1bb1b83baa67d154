/*
 * unsqueeze.c - Unsqueeze: a Reshape that adds axes of size 1; `axes` are positions in the output
 * (ONNX Unsqueeze-1, 11: an attribute; 13: an input).
 */
#include "ops/build.h"

static void unsqueeze(struct lower *l, const int64_t *axes, uint32_t n)
{
	struct builder *b = l->b;
	const struct shape *x = build_shape(b, l->in[0]);
	struct shape y = { 0 };
	bool added[SHAPE_MAX_RANK] = { 0 };
	if (n > (uint32_t)(SHAPE_MAX_RANK - x->rank)) {
		build_fail(b, ERR_UNSUPPORTED, "rank %d and %u axes are more than %d", x->rank, n,
			   SHAPE_MAX_RANK);
		return;
	}
	y.rank = x->rank + (int)n;
	for (uint32_t i = 0; i < n; i++) {
		int axis;
		if (!shape_axis(&y, axes[i], &axis))
			build_fail(b, ERR_INPUT, "axis %lld is outside rank %d", (long long)axes[i],
				   y.rank);
		else if (added[axis])
			build_fail(b, ERR_INPUT, "axis %d is named twice", axis);
		else
			added[axis] = true;
	}
	if (b->status != OK)
		return;
	for (int i = 0, k = 0; i < y.rank; i++)
		y.dim[i] = added[i] ? 1 : x->dim[k++];
	l->out[0] = build_reshape(b, l->in[0], &y);
}

static void lower_1(struct lower *l)
{
	const struct attr *axes = node_attr(l->node, "axes");
	unsqueeze(l, axes->ints, axes->n);
}

static void lower_13(struct lower *l)
{
	int64_t axes[SHAPE_MAX_RANK];
	uint32_t n;
	if (build_get_ints(l->b, l->in, 1, axes, SHAPE_MAX_RANK, &n))
		unsqueeze(l, axes, n);
}

static const struct op_attr attrs[] = { { "axes", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL }, { 0 } };
static const struct op_arg in[] = {
	{ "data", 0, 0 },
	{ "axes", ARG_HOST | ARG_KEEP | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg in_1[] = { { "data", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "expanded", 0, 0 }, { 0 } };

const struct op_def op_unsqueeze_1 = {
	.domain = "",
	.name = "Unsqueeze",
	.since = 1,
	.attrs = attrs,
	.in = in_1,
	.out = out,
	.flags = OP_VIEW | OP_KEEPS_FORM,
	.lower = lower_1,
};

const struct op_def op_unsqueeze_13 = {
	.domain = "",
	.name = "Unsqueeze",
	.since = 13,
	.in = in,
	.out = out,
	.flags = OP_VIEW | OP_KEEPS_FORM,
	.lower = lower_13,
};
