/* Cases of Softplus. */
#include "case.h"

const struct op_case cases_softplus[] = {
	{ "both signs", "Softplus", .in = { NORMAL(3, 5) } },
	{ "far out", "Softplus", .in = { UNIFORM(-90, 90, 37) }, .flags = CASE_NO_GRAD },
	{ "large", "Softplus", .in = { UNIFORM(-8, 8, 65, 129) }, .flags = CASE_NO_GRAD },
	{ "gradient", "SoftplusGrad", "onnxtune", .in = { NORMAL(9, 31), NORMAL(9, 31) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
