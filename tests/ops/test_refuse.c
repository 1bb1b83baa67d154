/*
 * test_refuse.c - what operators that compute shapes refuse: each line of the table is a node that
 * a broken or hostile model may hold, with a part of the message. Shapes that are too large must be
 * refused, or left to be planned, before memory is asked for.
 */
#include "support/case_tensor.h"

#include "ops/build.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define INT(attr_name, value)                                                                      \
	{                                                                                          \
		attr_name, ATTR_INT, .i = value                                                    \
	}
#define HUGE_DIM 1e18
#define NUMBER(x)                                                                                  \
	{                                                                                          \
		FILL_VALUES, DT_I64, SHAPE_SCALAR, 0, 0, (const double[])                          \
		{                                                                                  \
			x                                                                          \
		}                                                                                  \
	}

static const int64_t perm_twice[] = { 0, 0 }, perm_outside[] = { 0, 2 }, perm_short[] = { 0 };
static const char *const cube[] = { "Cube" };
static double two_values[] = { 1, 2 };
static const struct tensor two = { DT_F64, { 1, { 2 } }, two_values };

/* The name is what the message must hold. */
static const struct op_case refused[] = {
	{ "can't be reshaped to 2x4", "Reshape", .in = { NORMAL(2, 3), LIST(2, 4) } },
	{ "two dimensions are -1", "Reshape", .in = { NORMAL(2, 3), LIST(-1, -1) } },
	{ "has no shape 4x?", "Reshape", .in = { NORMAL(2, 3), LIST(4, -1) } },
	{ "has no shape 0x?", "Reshape", .attrs = { INT("allowzero", 1) },
	  .in = { NORMAL(2, 3), LIST(0, -1) } },
	{ "dimension 2 is 0", "Reshape", .in = { NORMAL(2, 3), LIST(2, 3, 0) } },
	{ "dimension 0 is -2", "Reshape", .in = { NORMAL(2, 3), LIST(-2, 3) } },
	{ "can't be reshaped", "Reshape", .in = { NORMAL(2, 3), LIST(HUGE_DIM, HUGE_DIM) } },
	{ "more than 8", "Reshape", .in = { NORMAL(1), LIST(1, 1, 1, 1, 1, 1, 1, 1, 1) } },
	{ "no list of integers", "Reshape", .in = { NORMAL(1), NORMAL(1) } },
	{ "no permutation", "Transpose", .attrs = { { "perm", ATTR_INTS, 2, .ints = perm_twice } },
	  .in = { NORMAL(2, 3) } },
	{ "no permutation", "Transpose",
	  .attrs = { { "perm", ATTR_INTS, 2, .ints = perm_outside } }, .in = { NORMAL(2, 3) } },
	{ "no permutation", "Transpose", .attrs = { { "perm", ATTR_INTS, 1, .ints = perm_short } },
	  .in = { NORMAL(2, 3) } },
	{ "can't be expanded", "Expand", .in = { NORMAL(2, 3), LIST(4, 3) } },
	{ "dimension 0 is -1", "Expand", .in = { NORMAL(3), LIST(-1, 3) } },
	{ "too large", "Expand", .in = { NORMAL(1), LIST(HUGE_DIM, HUGE_DIM) } },
	{ "axis 3 is outside rank 2", "Flatten", .attrs = { INT("axis", 3) },
	  .in = { NORMAL(2, 3) } },
	{ "axis 1 has size 3", "Squeeze", .in = { NORMAL(1, 3), LIST(1) } },
	{ "axis 2 is outside", "Squeeze", .in = { NORMAL(1, 3), LIST(2) } },
	{ "named twice", "Unsqueeze", .in = { NORMAL(3), LIST(0, -3) } },
	{ "more than 8", "Unsqueeze", .in = { NORMAL(1), LIST(0, 1, 2, 3, 4, 5, 6, 7) } },
	{ "input 0 (inputs) is missing", "Concat", .attrs = { INT("axis", 0) } },
	{ "attribute 'axis' is missing", "Concat", .in = { NORMAL(2) } },
	{ "differ outside axis 0", "Concat", .attrs = { INT("axis", 0) },
	  .in = { NORMAL(2, 3), NORMAL(2, 4) } },
	{ "differ outside axis 1", "Concat", .attrs = { INT("axis", 1) },
	  .in = { NORMAL(2, 3), NORMAL(2) } },
	{ "inputs are", "Concat", .attrs = { INT("axis", 0) }, .in = { NORMAL(2), LIST(2) } },
	{ "outside rank 0", "Concat", .attrs = { INT("axis", 0) }, .in = { SCALAR(2) } },
	{ "add up to 3", "Split", .in = { NORMAL(4), LIST(1, 2) }, .outputs = 2 },
	{ "3 elements, more than 2", "Split", .in = { NORMAL(4), LIST(1, 2, 1) }, .outputs = 2 },
	{ "size 1 is -1", "Split", .in = { NORMAL(4), LIST(5, -1) }, .outputs = 2 },
	{ "can't be split", "Split", .in = { NORMAL(5) }, .outputs = 2 },
	{ "can't be split", "Split", .attrs = { INT("num_outputs", 4) }, .in = { NORMAL(5) },
	  .outputs = 4 },
	{ "num_outputs is 3", "Split", .attrs = { INT("num_outputs", 3) }, .in = { NORMAL(6) },
	  .outputs = 2 },
	{ "hidden_size is 5", "LSTM", .attrs = { INT("hidden_size", 5) },
	  .in = { NORMAL(3, 2, 3), NORMAL(1, 16, 3), NORMAL(1, 16, 4) } },
	{ "W has the shape 1x12x3, not 1x16x3", "LSTM",
	  .in = { NORMAL(3, 2, 3), NORMAL(1, 12, 3), NORMAL(1, 16, 4) } },
	{ "B has the shape 1x16, not 1x32", "LSTM",
	  .in = { NORMAL(3, 2, 3), NORMAL(1, 16, 3), NORMAL(1, 16, 4), NORMAL(1, 16) } },
	{ "not three axes", "LSTM", .in = { NORMAL(3, 2), NORMAL(1, 16, 3), NORMAL(1, 16, 4) } },
	{ "R has the shape", "GRU", .in = { NORMAL(3, 2, 3), NORMAL(1, 12, 3), NORMAL(2, 12, 4) } },
	{ "sequence_lens is int64", "GRU",
	  .in = { NORMAL(3, 2, 3), NORMAL(1, 12, 3), NORMAL(1, 12, 4), ABSENT, LIST(1, 2) } },
	{ "direction is 'back'", "RNN", .attrs = { { "direction", ATTR_STRING, .s = "back" } },
	  .in = { NORMAL(3, 2, 3), NORMAL(1, 4, 3), NORMAL(1, 4, 4) } },
	{ "activation 'Cube'", "RNN",
	  .attrs = { { "activations", ATTR_STRINGS, 1, .strings = cube } },
	  .in = { NORMAL(3, 2, 3), NORMAL(1, 4, 3), NORMAL(1, 4, 4) } },
	{ "1 activations, not 2", "GRU",
	  .attrs = { { "activations", ATTR_STRINGS, 1, .strings = cube } },
	  .in = { NORMAL(3, 2, 3), NORMAL(1, 12, 3), NORMAL(1, 12, 4) } },
	{ "a sequence of 0 steps", "RNN",
	  .in = { NORMAL(0, 2, 3), NORMAL(1, 4, 3), NORMAL(1, 4, 4) } },
	{ "a sequence of 16385 steps", "RNN",
	  .in = { NORMAL(16385, 1, 1), NORMAL(1, 1, 1), NORMAL(1, 1, 1) } },
	{ "step 0", "Slice", .in = { NORMAL(4), LIST(0), LIST(1), LIST(0), LIST(0) } },
	{ "1 starts, 2 ends", "Slice", .in = { NORMAL(4, 4), LIST(0), LIST(1, 1) } },
	{ "named twice", "Slice", .in = { NORMAL(4), LIST(0, 0), LIST(1, 1), LIST(0, -1) } },
	{ "outside rank 1", "Slice", .in = { NORMAL(4), LIST(0), LIST(1), LIST(1) } },
	{ "1 pads for 1", "Pad", .in = { NORMAL(4), LIST(1) } },
	{ "can't be padded", "Pad", .in = { NORMAL(4), LIST(-3, -2) } },
	{ "can't be padded", "Pad", .in = { NORMAL(4), LIST(-9e18, 9e18) } },
	{ "can't be padded", "Pad", .in = { NORMAL(4), LIST(9e18, 9e18) } },
	{ "too large", "Pad", .in = { NORMAL(4), LIST(HUGE_DIM, 0) } },
	{ "named twice", "Pad", .in = { NORMAL(4), LIST(1, 1, 1, 1), ABSENT, LIST(0, -1) } },
	{ "mode 'x'", "Pad", .attrs = { { "mode", ATTR_STRING, .s = "x" } },
	  .in = { NORMAL(4), LIST(1, 1) } },
	{ "no elements to pad with", "Pad", .attrs = { { "mode", ATTR_STRING, .s = "edge" } },
	  .in = { NORMAL(0), LIST(1, 1) } },
	{ "no single float64", "Pad", .in = { NORMAL(4), LIST(1, 1), LIST(3) } },
	{ "index 4 is outside", "Gather", .in = { NORMAL(4), LIST(4) } },
	{ "index -5 is outside", "Gather", .in = { NORMAL(4), LIST(-5) } },
	{ "indices are float64", "Gather", .in = { NORMAL(4), NORMAL(1) } },
	{ "outside rank 0", "Gather", .in = { SCALAR(4), LIST(0) } },
	{ "1 repeats for rank 2", "Tile", .in = { NORMAL(2, 3), LIST(2) } },
	{ "dimension 1 is -1", "Tile", .in = { NORMAL(2), LIST(-1) } },
	{ "too large", "Tile", .in = { NORMAL(2, 3), LIST(HUGE_DIM, HUGE_DIM) } },
	{ "one value", "Constant",
	  .attrs = { INT("value_int", 1), { "value", ATTR_TENSOR, .tensor = &two } } },
	{ "one value", "Constant", .opset = 0 },
	{ "single element", "ConstantOfShape",
	  .attrs = { { "value", ATTR_TENSOR, .tensor = &two } }, .in = { LIST(2) } },
	{ "dimension 0 is -1", "ConstantOfShape", .in = { LIST(-1) } },
	{ "too large", "ConstantOfShape", .in = { LIST(HUGE_DIM, HUGE_DIM) } },
	{ "no end", "Range", .in = { NUMBER(0), NUMBER(1), NUMBER(0) } },
	{ "no end", "Range", .in = { SCALAR(0), SCALAR(1), SCALAR(0) } },
	{ "no number", "Range", .in = { SCALAR(0), NUMBER(1), SCALAR(0) } },
	{ "no matrix", "Trilu", .in = { NORMAL(3) } },
	{ "values are not two", "OneHot", .in = { LIST(1), NUMBER(3), LIST(1, 2, 3) } },
	{ "dimension 1 is -3", "OneHot", .in = { LIST(1), NUMBER(-3), LIST(0, 1) } },
	{ "multiple", "DepthToSpace", .attrs = { INT("blocksize", 2) },
	  .in = { NORMAL(1, 6, 2, 2) } },
	{ "blocksize is 0", "DepthToSpace", .attrs = { INT("blocksize", 0) },
	  .in = { NORMAL(1, 4, 2, 2) } },
	{ "multiple", "SpaceToDepth", .attrs = { INT("blocksize", 2) },
	  .in = { NORMAL(1, 4, 3, 2) } },
	{ "no elements", "ArgMax", .in = { NORMAL(0, 2) } },
	{ 0 },
};

/* The case as a node on constants, in a graph of its own. */
static void build_case(const struct op_case *c, struct builder *b, uint32_t out[8])
{
	uint32_t in[8] = { 0 }, n = case_inputs(c);
	for (uint32_t k = 0; k < n; k++) {
		struct tensor t = case_tensor(c, k, DT_F64, 1, b->graph->arena);
		in[k] = t.data ? build_constant(b, NULL, t) : 0;
	}
	build_def(b, op_find("", c->op, INT_MAX), (struct inputs){ in, n }, c->attrs, NULL, NULL,
		  out, case_outputs(c));
}

static void test_refused(void **state)
{
	const struct op_case *c = *state;
	struct arena arena;
	struct error err = { 0 };
	uint32_t out[8];
	arena_init(&arena);
	struct builder b = { .graph = graph_new(&arena),
			     .err = &err,
			     .name = "",
			     .op = c->op,
			     .fold_limit = SIZE_MAX };
	build_case(c, &b, out);
	graph_free(b.graph);
	arena_release(&arena);
	assert_int_not_equal(b.status, OK);
	if (!strstr(err.text, c->name))
		fail_msg("'%s' instead of '%s'", err.text, c->name);
}

static int64_t seven = 7;
static const struct tensor integer = { DT_I64, { 1, { 1 } }, &seven };

/* Integers and floats that take terabytes. */
static const struct op_case large[] = {
	{ "floats", "ConstantOfShape", .in = { LIST(1e12) } },
	{ "integers", "ConstantOfShape", .attrs = { { "value", ATTR_TENSOR, .tensor = &integer } },
	  .in = { LIST(1e12) } },
	{ "range", "Range", .in = { NUMBER(0), NUMBER(1e12), NUMBER(1) } },
	{ "tile", "Tile", .in = { LIST(1, 2), LIST(1e12) } },
	{ "pad", "Pad", .in = { LIST(1, 2), LIST(1e12, 1) } },
};

/* A few bytes of file ask for terabytes: typed, but not computed while the graph is built. */
static void test_not_folded(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(large); i++) {
		struct arena arena;
		struct error err = { 0 };
		uint32_t out[8];
		arena_init(&arena);
		struct builder b = { .graph = graph_new(&arena),
				     .err = &err,
				     .name = "",
				     .op = large[i].op,
				     .fold_limit = 1 << 16 };
		build_case(&large[i], &b, out);
		if (b.status != OK)
			fail_msg("%s: %s", large[i].name, err.text);
		assert_int_equal(graph_value(b.graph, out[0])->kind, VALUE_TEMP);
		graph_free(b.graph);
		arena_release(&arena);
	}
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(refused)] = { cmocka_unit_test(test_not_folded) };
	char names[ARRAY_SIZE(refused)][100];
	for (size_t i = 0; refused[i].name; i++) {
		snprintf(names[i], sizeof names[i], "%s: %s", refused[i].op, refused[i].name);
		tests[i + 1] = (struct CMUnitTest){ .name = names[i],
						    .test_func = test_refused,
						    .initial_state = (void *)&refused[i] };
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
