/* Cases of NAdam; what it computes is compared with recorded trajectories in tests/e2e. */
#include "case.h"

static const double rates[] = { 1, 0.5, 0.25, 0.125, 0.0625, 0.03125 };

#define RATES                                                                                      \
	{                                                                                          \
		FILL_VALUES, DT_F64, SHAPE(6), 0, 0, rates, true                                   \
	}

static const double half[] = { 0.5 };

#define PRODUCT                                                                                    \
	{                                                                                          \
		FILL_VALUES, DT_F64, SHAPE_SCALAR, 0, 0, half, true                                \
	}

const struct op_case cases_nadam[] = {
	{ "plain", "NAdam", "onnxtune", .attrs = { { "decay", ATTR_DOUBLE, .d = 0.01 } },
	  .in = { STEP_BLOCK(0, 1024), RATES, NORMAL(33, 67), NORMAL(33, 67), NORMAL(33, 67),
		  UNIFORM(0, 1, 33, 67), PRODUCT },
	  .outputs = 4, .flags = CASE_NO_GRAD },
	{ "skipped", "NAdam", "onnxtune",
	  .in = { STEP_BLOCK(1, 8), RATES, NORMAL(17), NORMAL(17), NORMAL(17), UNIFORM(0, 1, 17),
		  PRODUCT },
	  .outputs = 4, .flags = CASE_NO_GRAD },
	{ "with a copy", "NAdam", "onnxtune",
	  .in = { STEP_BLOCK(0, 8), RATES, NORMAL(3, 1000), NORMAL(3, 1000), NORMAL(3, 1000),
		  UNIFORM(0, 1, 3, 1000), PRODUCT, NORMAL_IN(DT_BF16, 3, 1000) },
	  .outputs = 5, .flags = CASE_NO_GRAD },
	{ "with a copy in float16", "NAdam", "onnxtune",
	  .in = { STEP_BLOCK(0, 8), RATES, NORMAL(3, 1000), NORMAL(3, 1000), NORMAL(3, 1000),
		  UNIFORM(0, 1, 3, 1000), PRODUCT, NORMAL_IN(DT_F16, 3, 1000) },
	  .outputs = 5, .flags = CASE_NO_GRAD },
	{ "skipped, with a copy", "NAdam", "onnxtune",
	  .in = { STEP_BLOCK(1, 8), RATES, NORMAL(3, 1000), NORMAL(3, 1000), NORMAL(3, 1000),
		  UNIFORM(0, 1, 3, 1000), PRODUCT, NORMAL_IN(DT_BF16, 3, 1000) },
	  .outputs = 5, .flags = CASE_NO_GRAD },
	{ 0 },
};
