/*
 * flatten.c - Flatten: a Reshape to a matrix whose rows are the axes before `axis`
 * (ONNX Flatten-1, 9, 11, 13; a negative axis since 11).
 */
#include "ops/build.h"

static void lower(struct lower *l)
{
	const struct shape *x = build_shape(l->b, l->in[0]);
	int64_t axis = node_int(l->node, "axis"), rows = 1, columns = 1;
	if (axis < 0)
		axis += x->rank;
	if (axis < 0 || axis > x->rank) {
		build_fail(l->b, ERR_INPUT, "axis %lld is outside rank %d",
			   (long long)node_int(l->node, "axis"), x->rank);
		return;
	}
	for (int i = 0; i < x->rank; i++)
		*(i < axis ? &rows : &columns) *= x->dim[i];
	l->out[0] = build_reshape(l->b, l->in[0], &SHAPE(rows, columns));
}

static const struct op_attr attrs[] = { { "axis", ATTR_INT, 0, 1, 0, NULL }, { 0 } };
static const struct op_arg in[] = { { "input", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_flatten_1 = {
	.domain = "",
	.name = "Flatten",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_VIEW | OP_KEEPS_FORM,
	.lower = lower,
};
