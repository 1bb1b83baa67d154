/* Cases of RMSprop; what it computes is compared with recorded trajectories in tests/e2e. */
#include "case.h"

static const double rates[] = { 1, 0.5, 0.25, 0.125, 0.0625, 0.03125 };

#define RATES                                                                                      \
	{                                                                                          \
		FILL_VALUES, DT_F64, SHAPE(6), 0, 0, rates, true                                   \
	}

const struct op_case cases_rmsprop[] = {
	{ "plain", "RMSprop", "onnxtune", .attrs = { { "decay", ATTR_DOUBLE, .d = 0.01 } },
	  .in = { STEP_BLOCK(0, 1024), RATES, NORMAL(1031), NORMAL(1031), UNIFORM(0, 1, 1031) },
	  .outputs = 2, .flags = CASE_NO_GRAD },
	{ "momentum", "RMSprop", "onnxtune",
	  .attrs = { { "momentum", ATTR_DOUBLE, .d = 0.9 }, { "alpha", ATTR_DOUBLE, .d = 0.9 } },
	  .in = { STEP_BLOCK(0, 1), RATES, NORMAL(33, 67), NORMAL(33, 67), UNIFORM(0, 1, 33, 67),
		  NORMAL(33, 67) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "centered", "RMSprop", "onnxtune", .attrs = { { "centered", ATTR_INT, .i = 1 } },
	  .in = { STEP_BLOCK(0, 1024), RATES, NORMAL(1031), NORMAL(1031), UNIFORM(0.5, 1, 1031),
		  UNIFORM(-0.5, 0.5, 1031) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "rounded to less than nothing", "RMSprop", "onnxtune",
	  .attrs = { { "centered", ATTR_INT, .i = 1 }, { "epsilon", ATTR_DOUBLE, .d = 1 } },
	  .in = { STEP_BLOCK(0, 8), RATES, NORMAL(65), NORMAL(65), UNIFORM(0, 0.1, 65),
		  UNIFORM(2, 3, 65) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "centered momentum", "RMSprop", "onnxtune",
	  .attrs = { { "momentum", ATTR_DOUBLE, .d = 0.9 },
		     { "alpha", ATTR_DOUBLE, .d = 0.9 },
		     { "decay", ATTR_DOUBLE, .d = 0.1 },
		     { "centered", ATTR_INT, .i = 1 } },
	  .in = { STEP_BLOCK(0, 1), RATES, NORMAL(33, 67), NORMAL(33, 67), UNIFORM(0.5, 1, 33, 67),
		  UNIFORM(-0.5, 0.5, 33, 67), NORMAL(33, 67) },
	  .outputs = 4, .flags = CASE_NO_GRAD },
	{ "skipped", "RMSprop", "onnxtune", .attrs = { { "momentum", ATTR_DOUBLE, .d = 0.9 } },
	  .in = { STEP_BLOCK(1, 8), RATES, NORMAL(17), NORMAL(17), UNIFORM(0, 1, 17), NORMAL(17) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "with a copy", "RMSprop", "onnxtune",
	  .attrs = { { "momentum", ATTR_DOUBLE, .d = 0.9 }, { "centered", ATTR_INT, .i = 1 } },
	  .in = { STEP_BLOCK(0, 8), RATES, NORMAL(3, 1000), NORMAL(3, 1000), UNIFORM(1, 2, 3, 1000),
		  UNIFORM(-0.5, 0.5, 3, 1000), NORMAL(3, 1000), NORMAL_IN(DT_BF16, 3, 1000) },
	  .outputs = 5, .flags = CASE_NO_GRAD },
	{ "with a copy in float16", "RMSprop", "onnxtune",
	  .attrs = { { "momentum", ATTR_DOUBLE, .d = 0.9 }, { "centered", ATTR_INT, .i = 1 } },
	  .in = { STEP_BLOCK(0, 8), RATES, NORMAL(3, 1000), NORMAL(3, 1000), UNIFORM(1, 2, 3, 1000),
		  UNIFORM(-0.5, 0.5, 3, 1000), NORMAL(3, 1000), NORMAL_IN(DT_F16, 3, 1000) },
	  .outputs = 5, .flags = CASE_NO_GRAD },
	{ "skipped, with a copy", "RMSprop", "onnxtune",
	  .attrs = { { "momentum", ATTR_DOUBLE, .d = 0.9 }, { "centered", ATTR_INT, .i = 1 } },
	  .in = { STEP_BLOCK(1, 8), RATES, NORMAL(3, 1000), NORMAL(3, 1000), UNIFORM(1, 2, 3, 1000),
		  UNIFORM(-0.5, 0.5, 3, 1000), NORMAL(3, 1000), NORMAL_IN(DT_BF16, 3, 1000) },
	  .outputs = 5, .flags = CASE_NO_GRAD },
	{ 0 },
};
