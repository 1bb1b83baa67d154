/* Cases of Sigmoid. */
#include "case.h"

const struct op_case cases_sigmoid[] = {
	{ "both signs", "Sigmoid", .in = { NORMAL(3, 5) } },
	{ "far out", "Sigmoid", .in = { UNIFORM(-90, 90, 37) }, .flags = CASE_NO_GRAD },
	{ "large", "Sigmoid", .in = { UNIFORM(-8, 8, 65, 129) }, .flags = CASE_NO_GRAD },
	{ "gradient", "SigmoidGrad", "onnxtune", .in = { NORMAL(9, 31), UNIFORM(0, 1, 9, 31) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
