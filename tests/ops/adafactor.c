/* Cases of Adafactor; what it computes is compared with recorded trajectories in tests/e2e. */
#include "case.h"

static const double rates[] = { 1, 0.5, 0.25, 0.125, 0.0625, 0.03125 };

#define RATES                                                                                      \
	{                                                                                          \
		FILL_VALUES, DT_F64, SHAPE(6), 0, 0, rates, true                                   \
	}

const struct op_case cases_adafactor[] = {
	{ "matrix", "Adafactor", "onnxtune", .attrs = { { "decay", ATTR_DOUBLE, .d = 0.1 } },
	  .in = { STEP_BLOCK(0, 1024), RATES, NORMAL(33, 267), NORMAL(33, 267),
		  UNIFORM(0, 1, 33, 1), UNIFORM(0, 1, 1, 267) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "many rows", "Adafactor", "onnxtune",
	  .in = { STEP_BLOCK(0, 1), RATES, NORMAL(2, 300, 17), NORMAL(2, 300, 17),
		  UNIFORM(0, 1, 2, 300, 1), UNIFORM(0, 1, 2, 1, 17) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "matrices", "Adafactor", "onnxtune",
	  .in = { STEP_BLOCK(0, 1), RATES, NORMAL(7, 5, 3, 2), NORMAL(7, 5, 3, 2),
		  UNIFORM(0, 1, 7, 5, 3, 1), UNIFORM(0, 1, 7, 5, 1, 2) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "vector", "Adafactor", "onnxtune", .attrs = { { "epsilon", ATTR_DOUBLE, .d = 1e-3 } },
	  .in = { STEP_BLOCK(0, 1), RATES, NORMAL(67), NORMAL(67), UNIFORM(0, 1, 67) },
	  .outputs = 2, .flags = CASE_NO_GRAD },
	{ "skipped", "Adafactor", "onnxtune",
	  .in = { STEP_BLOCK(1, 8), RATES, NORMAL(5, 7), NORMAL(5, 7), UNIFORM(0, 1, 5, 1),
		  UNIFORM(0, 1, 1, 7) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "with a copy", "Adafactor", "onnxtune",
	  .in = { STEP_BLOCK(0, 8), RATES, NORMAL(3, 1000), NORMAL(3, 1000), UNIFORM(0, 1, 3, 1),
		  UNIFORM(0, 1, 1, 1000), NORMAL_IN(DT_BF16, 3, 1000) },
	  .outputs = 4, .flags = CASE_NO_GRAD },
	{ "with a copy in float16", "Adafactor", "onnxtune",
	  .in = { STEP_BLOCK(0, 8), RATES, NORMAL(3, 1000), NORMAL(3, 1000), UNIFORM(0, 1, 3, 1),
		  UNIFORM(0, 1, 1, 1000), NORMAL_IN(DT_F16, 3, 1000) },
	  .outputs = 4, .flags = CASE_NO_GRAD },
	{ "skipped, with a copy", "Adafactor", "onnxtune",
	  .in = { STEP_BLOCK(1, 8), RATES, NORMAL(3, 1000), NORMAL(3, 1000), UNIFORM(0, 1, 3, 1),
		  UNIFORM(0, 1, 1, 1000), NORMAL_IN(DT_BF16, 3, 1000) },
	  .outputs = 4, .flags = CASE_NO_GRAD },
	{ 0 },
};
