/* Cases of Adagrad; what it computes is compared with recorded trajectories in tests/e2e. */
#include "case.h"

static const double rates[] = { 1, 0.5, 0.25, 0.125, 0.0625, 0.03125 };

#define RATES                                                                                      \
	{                                                                                          \
		FILL_VALUES, DT_F64, SHAPE(6), 0, 0, rates, true                                   \
	}

const struct op_case cases_adagrad[] = {
	{ "plain", "Adagrad", "onnxtune", .attrs = { { "decay", ATTR_DOUBLE, .d = 0.01 } },
	  .in = { STEP_BLOCK(0, 1024), RATES, NORMAL(33, 67), NORMAL(33, 67),
		  UNIFORM(0, 1, 33, 67) },
	  .outputs = 2, .flags = CASE_NO_GRAD },
	{ "skipped", "Adagrad", "onnxtune",
	  .in = { STEP_BLOCK(1, 8), RATES, NORMAL(17), NORMAL(17), UNIFORM(0, 1, 17) },
	  .outputs = 2, .flags = CASE_NO_GRAD },
	{ "with a copy", "Adagrad", "onnxtune",
	  .in = { STEP_BLOCK(0, 8), RATES, NORMAL(3, 1000), NORMAL(3, 1000), UNIFORM(0, 1, 3, 1000),
		  NORMAL_IN(DT_BF16, 3, 1000) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "with a copy in float16", "Adagrad", "onnxtune",
	  .in = { STEP_BLOCK(0, 8), RATES, NORMAL(3, 1000), NORMAL(3, 1000), UNIFORM(0, 1, 3, 1000),
		  NORMAL_IN(DT_F16, 3, 1000) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "skipped, with a copy", "Adagrad", "onnxtune",
	  .in = { STEP_BLOCK(1, 8), RATES, NORMAL(3, 1000), NORMAL(3, 1000), UNIFORM(0, 1, 3, 1000),
		  NORMAL_IN(DT_BF16, 3, 1000) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ 0 },
};
