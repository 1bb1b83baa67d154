/* Cases of Tanh. */
#include "case.h"

const struct op_case cases_tanh[] = {
	{ "both signs", "Tanh", .in = { NORMAL(3, 5) } },
	{ "far out", "Tanh", .in = { UNIFORM(-90, 90, 37) }, .flags = CASE_NO_GRAD },
	{ "large", "Tanh", .in = { UNIFORM(-8, 8, 65, 129) }, .flags = CASE_NO_GRAD },
	{ "gradient", "TanhGrad", "onnxtune", .in = { NORMAL(9, 31), UNIFORM(-1, 1, 9, 31) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
