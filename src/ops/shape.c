/*
 * shape.c - Shape: the dims of the input from `start` up to `end` (ONNX Shape-1, 13; 15: a part of
 * them), and Size: its number of elements (ONNX Size-1, 13). Shapes are known when a graph is
 * built, so both are constants.
 */
#include "ops/build.h"

static int clamp_axis(int64_t axis, int rank)
{
	axis += axis < 0 ? rank : 0;
	return axis < 0 ? 0 : axis > rank ? rank : (int)axis;
}

static void lower_shape(struct lower *l)
{
	const struct shape *x = build_shape(l->b, l->in[0]);
	const struct attr *end = node_attr(l->node, "end");
	int from = clamp_axis(node_int(l->node, "start"), x->rank);
	int to = end ? clamp_axis(end->i, x->rank) : x->rank;
	l->out[0] = build_ints(l->b, x->dim + from, to > from ? (uint32_t)(to - from) : 0);
}

static void lower_size(struct lower *l)
{
	l->out[0] = build_scalar_dtype(l->b, 0, DT_I64);
	if (l->out[0])
		tensor_set_int(&graph_value(l->b->graph, l->out[0])->t, 0,
			       shape_elements(build_shape(l->b, l->in[0])));
}

static const struct op_attr attrs[] = {
	{ "start", ATTR_INT, 0, 0, 0, NULL },
	{ "end", ATTR_INT, ATTR_OPTIONAL, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg in[] = { { "data", ARG_NO_GRAD, 0 }, { 0 } };
static const struct op_arg out[] = { { "shape", 0, 0 }, { 0 } };
static const struct op_arg out_size[] = { { "size", 0, 0 }, { 0 } };

const struct op_def op_shape_1 = {
	.domain = "",
	.name = "Shape",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.lower = lower_shape,
};

const struct op_def op_size_1 = {
	.domain = "",
	.name = "Size",
	.since = 1,
	.in = in,
	.out = out_size,
	.flags = OP_NO_GRAD,
	.lower = lower_size,
};
