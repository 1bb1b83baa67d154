/*
 * Cases of Fused. Their bodies are written out: small graphs of values x[...], of which the first
 * are the inputs, and nodes in order.
 */
#include "case.h"

#include "ops/op.h"

extern const struct op_def op_add_7, op_cast_6, op_clip_11, op_greater_7, op_mul_7, op_neg_6,
	op_reduce_sum_13, op_relu_6, op_sub_7, op_where_9;

#define VALUE(type, from, ...)                                                                     \
	{                                                                                          \
		.t = { type, SHAPE(__VA_ARGS__), NULL }, .node = (from)                            \
	}
#define INPUT(type, ...)                                                                           \
	{                                                                                          \
		.t = { type, SHAPE(__VA_ARGS__), NULL }, .kind = VALUE_INPUT                       \
	}
#define NODE(definition, result, attributes, ...)                                                  \
	&(struct node)                                                                             \
	{                                                                                          \
		.def = &(definition), .name = "", .op = "", .attrs = attributes, .n_out = 1,       \
		.out = (uint32_t[]){ result }, .in = (uint32_t[]){ __VA_ARGS__ },                  \
		.n_in = sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t)                     \
	}
#define LIST_OF(type, ...)                                                                         \
	{                                                                                          \
		.v = (type[]){ __VA_ARGS__ }, .n = sizeof((type[]){ __VA_ARGS__ }) / sizeof(type)  \
	}
#define NODES(...) .nodes = LIST_OF(struct node *, NULL, __VA_ARGS__)
#define IDS(...) LIST_OF(uint32_t, __VA_ARGS__)

#define BODY(g) .attrs = { { .name = "_body", .kind = ATTR_GRAPH, .graph = &(g) } }
#define OURS "Fused", "onnxtune", .flags = CASE_NO_GRAD
#define FIXED(type, ...)                                                                           \
	{                                                                                          \
		FILL_NORMAL, type, SHAPE(__VA_ARGS__), 0, 1, NULL                                  \
	}
#define F32(...) FIXED(DT_F32, __VA_ARGS__)

static const struct attr no_attrs[] = { { 0 } };
static const struct attr to_f32[] = { { .name = "to", .kind = ATTR_INT, .i = DT_F32 }, { 0 } };
static const struct attr to_f16[] = { { .name = "to", .kind = ATTR_INT, .i = DT_F16 }, { 0 } };

/* 4 = x * scale, 5 = 4 + bias, 6 = relu(5): a channel's scale and bias, two outputs */
static struct value affine_values[] = {
	INPUT(DT_F32, 2, 5, 7, 9),    INPUT(DT_F32, 5, 1, 1),       INPUT(DT_F32, 5, 1, 1),
	VALUE(DT_F32, 1, 2, 5, 7, 9), VALUE(DT_F32, 2, 2, 5, 7, 9), VALUE(DT_F32, 3, 2, 5, 7, 9),
};
static struct graph affine = {
	.values = LIST_OF(struct value *, NULL, &affine_values[0], &affine_values[1],
			  &affine_values[2], &affine_values[3], &affine_values[4],
			  &affine_values[5]),
	NODES(NODE(op_mul_7, 4, no_attrs, 1, 2), NODE(op_add_7, 5, no_attrs, 4, 3),
	      NODE(op_relu_6, 6, no_attrs, 5)),
	.order = IDS(1, 2, 3),
	.inputs = IDS(1, 2, 3),
	.outputs = IDS(6, 4),
};

/* 3 = a + b, 4 = a * 3: output 0 may be in place of a, which is read again */
static struct value again_values[] = {
	INPUT(DT_F32, 3, 700),
	INPUT(DT_F32, 3, 700),
	VALUE(DT_F32, 1, 3, 700),
	VALUE(DT_F32, 2, 3, 700),
};
static struct graph again = {
	.values = LIST_OF(struct value *, NULL, &again_values[0], &again_values[1],
			  &again_values[2], &again_values[3]),
	NODES(NODE(op_add_7, 3, no_attrs, 1, 2), NODE(op_mul_7, 4, no_attrs, 1, 3)),
	.order = IDS(1, 2),
	.inputs = IDS(1, 2),
	.outputs = IDS(3, 4),
};

/* 3 = (f32)a, 4 = 3 - b, 5 = (f16)4: half at the rim */
static struct value half_values[] = {
	INPUT(DT_F16, 4, 33),    INPUT(DT_F32, 33),       VALUE(DT_F32, 1, 4, 33),
	VALUE(DT_F32, 2, 4, 33), VALUE(DT_F16, 3, 4, 33),
};
static struct graph half = {
	.values = LIST_OF(struct value *, NULL, &half_values[0], &half_values[1], &half_values[2],
			  &half_values[3], &half_values[4]),
	NODES(NODE(op_cast_6, 3, to_f32, 1), NODE(op_sub_7, 4, no_attrs, 3, 2),
	      NODE(op_cast_6, 5, to_f16, 4)),
	.order = IDS(1, 2, 3),
	.inputs = IDS(1, 2),
	.outputs = IDS(5, 4),
};

/* 2 = (f16)a, 3 = (f32)2, 4 = 3 - a: what rounding took away */
static struct value rounded_values[] = {
	INPUT(DT_F32, 1500),
	VALUE(DT_F16, 1, 1500),
	VALUE(DT_F32, 2, 1500),
	VALUE(DT_F32, 3, 1500),
};
static struct graph rounded = {
	.values = LIST_OF(struct value *, NULL, &rounded_values[0], &rounded_values[1],
			  &rounded_values[2], &rounded_values[3]),
	NODES(NODE(op_cast_6, 2, to_f16, 1), NODE(op_cast_6, 3, to_f32, 2),
	      NODE(op_sub_7, 4, no_attrs, 3, 1)),
	.order = IDS(1, 2, 3),
	.inputs = IDS(1),
	.outputs = IDS(4),
};

/* 2 = -a in place of a, 3 = (f16)a: an input is an output */
static struct value copied_values[] = {
	INPUT(DT_F32, 2100),
	VALUE(DT_F32, 1, 2100),
	VALUE(DT_F16, 2, 2100),
};
static struct graph copied = {
	.values = LIST_OF(struct value *, NULL, &copied_values[0], &copied_values[1],
			  &copied_values[2]),
	NODES(NODE(op_neg_6, 2, no_attrs, 1), NODE(op_cast_6, 3, to_f16, 1)),
	.order = IDS(1, 2),
	.inputs = IDS(1),
	.outputs = IDS(2, 3),
};

/* 3 = a > b, 4 = 3 ? a : b, 5 = -4, 6 = clip(5, no bounds) */
static struct value selected_values[] = {
	INPUT(DT_F32, 5, 6),    INPUT(DT_F32, 5, 1),    VALUE(DT_BOOL, 1, 5, 6),
	VALUE(DT_F32, 2, 5, 6), VALUE(DT_F32, 3, 5, 6), VALUE(DT_F32, 4, 5, 6),
};
static struct graph selected = {
	.values = LIST_OF(struct value *, NULL, &selected_values[0], &selected_values[1],
			  &selected_values[2], &selected_values[3], &selected_values[4],
			  &selected_values[5]),
	NODES(NODE(op_greater_7, 3, no_attrs, 1, 2), NODE(op_where_9, 4, no_attrs, 3, 1, 2),
	      NODE(op_neg_6, 5, no_attrs, 4), NODE(op_clip_11, 6, no_attrs, 5)),
	.order = IDS(1, 2, 3, 4),
	.inputs = IDS(1, 2),
	.outputs = IDS(3, 6),
};

static struct value sum_values[] = {
	INPUT(DT_F32, 3),
	INPUT(DT_F32, 3),
	VALUE(DT_F32, 1, 3),
	VALUE(DT_F32, 2, 3),
};
static struct graph sum = {
	.values = LIST_OF(struct value *, NULL, &sum_values[0], &sum_values[1], &sum_values[2],
			  &sum_values[3]),
	NODES(NODE(op_add_7, 3, no_attrs, 1, 2), NODE(op_relu_6, 4, no_attrs, 3)),
	.order = IDS(1, 2),
	.inputs = IDS(1, 2),
	.outputs = IDS(4),
};

/* 3 = x * y, summed over all but the channels, over the channels, and over all but the samples */
static int64_t axes_a[] = { 0, 2, 3 }, axes_b[] = { 1 }, axes_c[] = { 1, 2, 3 };
#define AXIS(n, axes)                                                                              \
	{                                                                                          \
		.t = { DT_I64, SHAPE(n), axes }, .kind = VALUE_CONSTANT                            \
	}
static const struct attr keep[] = { { .name = "keepdims", .kind = ATTR_INT, .i = 1 },
				    { .name = "noop_with_empty_axes", .kind = ATTR_INT, .i = 0 },
				    { .name = "_out", .kind = ATTR_INT, .i = 0 },
				    { 0 } };
static const struct attr drop[] = { { .name = "keepdims", .kind = ATTR_INT, .i = 0 },
				    { .name = "noop_with_empty_axes", .kind = ATTR_INT, .i = 0 },
				    { .name = "_out", .kind = ATTR_INT, .i = 0 },
				    { 0 } };
static struct value summed_values[] = {
	INPUT(DT_F32, 3, 5, 9, 31),
	INPUT(DT_F32, 5, 1, 1),
	AXIS(3, axes_a),
	AXIS(1, axes_b),
	AXIS(3, axes_c),
	VALUE(DT_F32, 1, 3, 5, 9, 31),
	VALUE(DT_F32, 2, 1, 5, 1, 1),
	VALUE(DT_F32, 3, 3, 9, 31),
	VALUE(DT_F32, 4, 3, 1, 1, 1),
	VALUE(DT_F16, 5, 3, 1, 1, 1),
};
static struct graph summed = {
	.values = LIST_OF(struct value *, NULL, &summed_values[0], &summed_values[1],
			  &summed_values[2], &summed_values[3], &summed_values[4],
			  &summed_values[5], &summed_values[6], &summed_values[7],
			  &summed_values[8], &summed_values[9]),
	NODES(NODE(op_mul_7, 6, no_attrs, 1, 2), NODE(op_reduce_sum_13, 7, keep, 6, 3),
	      NODE(op_reduce_sum_13, 8, drop, 6, 4), NODE(op_reduce_sum_13, 9, keep, 6, 5),
	      NODE(op_cast_6, 10, to_f16, 9)),
	.order = IDS(1, 2, 3, 4, 5),
	.inputs = IDS(1, 2),
	.outputs = IDS(7, 6, 8, 10),
};

/* 5 = -x, summed over the rows, over the columns and over all, all in float32 from float16 */
static int64_t axes_d[] = { 0 }, axes_e[] = { -1 }, axes_f[] = { 0, 1 };
static const struct attr drop_wide[] = {
	{ .name = "keepdims", .kind = ATTR_INT, .i = 0 },
	{ .name = "noop_with_empty_axes", .kind = ATTR_INT, .i = 0 },
	{ .name = "_out", .kind = ATTR_INT, .i = DT_F32 },
	{ 0 }
};
static struct value long_values[] = {
	INPUT(DT_F16, 700, 37),    AXIS(1, axes_d),
	AXIS(1, axes_e),           AXIS(2, axes_f),
	VALUE(DT_F16, 1, 700, 37), VALUE(DT_F32, 2, 37),
	VALUE(DT_F32, 3, 700),     { .t = { DT_F32, { 0 }, NULL }, .node = 4 },
};
static struct graph long_sums = {
	.values = LIST_OF(struct value *, NULL, &long_values[0], &long_values[1], &long_values[2],
			  &long_values[3], &long_values[4], &long_values[5], &long_values[6],
			  &long_values[7]),
	NODES(NODE(op_neg_6, 5, no_attrs, 1), NODE(op_reduce_sum_13, 6, drop_wide, 5, 2),
	      NODE(op_reduce_sum_13, 7, drop_wide, 5, 3),
	      NODE(op_reduce_sum_13, 8, drop_wide, 5, 4)),
	.order = IDS(1, 2, 3, 4),
	.inputs = IDS(1),
	.outputs = IDS(6, 7, 8),
};

/* 3 = -x, summed over the rows, which are short */
static struct value short_values[] = {
	INPUT(DT_F32, 901, 13),
	AXIS(1, axes_d),
	VALUE(DT_F32, 1, 901, 13),
	VALUE(DT_F32, 2, 13),
};
static struct graph short_rows = {
	.values = LIST_OF(struct value *, NULL, &short_values[0], &short_values[1],
			  &short_values[2], &short_values[3]),
	NODES(NODE(op_neg_6, 3, no_attrs, 1), NODE(op_reduce_sum_13, 4, drop, 3, 2)),
	.order = IDS(1, 2),
	.inputs = IDS(1),
	.outputs = IDS(4),
};

/* 4 = x + y, 5 = its sum over the rows, which may have the memory of x */
static struct value kept_values[] = {
	INPUT(DT_F32, 1, 50),     INPUT(DT_F32, 90, 50),   AXIS(1, axes_d),
	VALUE(DT_F32, 1, 90, 50), VALUE(DT_F32, 2, 1, 50),
};
static struct graph kept = {
	.values = LIST_OF(struct value *, NULL, &kept_values[0], &kept_values[1], &kept_values[2],
			  &kept_values[3], &kept_values[4]),
	NODES(NODE(op_add_7, 4, no_attrs, 1, 2), NODE(op_reduce_sum_13, 5, keep, 4, 3)),
	.order = IDS(1, 2),
	.inputs = IDS(1, 2),
	.outputs = IDS(5, 4),
};

#define NUMBERS(...)                                                                               \
	{                                                                                          \
		FILL_VALUES, DT_F32, SHAPE(3), 0, 0, (const double[])                              \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

const struct op_case cases_fused[] = {
	{ "relu(a + b)", OURS, BODY(sum), .in = { NUMBERS(1, -2, 3), NUMBERS(4, 1, -1) },
	  .expected = (const double[]){ 5, 0, 2 } },
	{ "scale and bias of channels", OURS, BODY(affine),
	  .in = { F32(2, 5, 7, 9), F32(5, 1, 1), F32(5, 1, 1) }, .outputs = 2 },
	{ "an input read after the first output", OURS, BODY(again),
	  .in = { F32(3, 700), F32(3, 700) }, .outputs = 2 },
	{ "half at the rim", OURS, BODY(half), .in = { FIXED(DT_F16, 4, 33), F32(33) },
	  .outputs = 2 },
	{ "rounded to half inside", OURS, BODY(rounded), .in = { F32(1500) } },
	{ "an input as an output", OURS, BODY(copied), .in = { F32(2100) }, .outputs = 2 },
	{ "sums over axes", OURS, BODY(summed), .in = { F32(3, 5, 9, 31), F32(5, 1, 1) },
	  .outputs = 4 },
	{ "long sums", OURS, BODY(long_sums), .in = { FIXED(DT_F16, 700, 37) }, .outputs = 3 },
	{ "sums of short rows", OURS, BODY(short_rows), .in = { F32(901, 13) } },
	{ "a sum in place of an input", OURS, BODY(kept), .in = { F32(1, 50), F32(90, 50) },
	  .outputs = 2 },
	{ "comparison and selection", OURS, BODY(selected), .in = { F32(5, 6), F32(5, 1) },
	  .outputs = 2 },
	{ 0 },
};
