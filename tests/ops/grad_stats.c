/* Cases of GradStats. */
#include "case.h"

static const double weight[] = { 4 };

#define W                                                                                          \
	{                                                                                          \
		FILL_VALUES, DT_F64, SHAPE_SCALAR, 0, 0, weight, true                              \
	}

const struct op_case cases_grad_stats[] = {
	{ "clipped", "GradStats", "onnxtune", .attrs = { { "max_norm", ATTR_DOUBLE, .d = 0.001 } },
	  .in = { STEP_BLOCK(0, 1024), W, SCALAR(2), NORMAL(37), NORMAL(3, 5) },
	  .flags = CASE_NO_GRAD },
	{ "not clipped", "GradStats", "onnxtune",
	  .attrs = { { "max_norm", ATTR_DOUBLE, .d = 1e9 } },
	  .in = { STEP_BLOCK(1, 1), W, SCALAR(2), NORMAL(37) }, .flags = CASE_NO_GRAD },
	{ "large", "GradStats", "onnxtune",
	  .in = { STEP_BLOCK(0, 8), W, SCALAR(2), NORMAL(129, 511), NORMAL(70000) },
	  .flags = CASE_NO_GRAD },
	{ "the first", "GradStats", "onnxtune", .attrs = { { "part", ATTR_INT, .i = 1 } },
	  .in = { STEP_BLOCK(1, 2), W, SCALAR(2), NORMAL(37) }, .flags = CASE_NO_GRAD },
	{ "more of them", "GradStats", "onnxtune", .attrs = { { "part", ATTR_INT, .i = 2 } },
	  .in = { STEP_BLOCK(0, 2), W, SCALAR(2), NORMAL(37), NORMAL(20000) },
	  .flags = CASE_NO_GRAD },
	{ "more in a skipped step", "GradStats", "onnxtune",
	  .attrs = { { "part", ATTR_INT, .i = 2 } },
	  .in = { STEP_BLOCK(1, 1), W, SCALAR(2), NORMAL(37) }, .flags = CASE_NO_GRAD },
	{ "a loss that float32 has not", "GradStats", "onnxtune",
	  .attrs = { { "part", ATTR_INT, .i = 1 } },
	  .in = { STEP_BLOCK(0, 1), W, SCALAR(1e39), NORMAL(37) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
