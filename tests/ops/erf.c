/* Cases of Erf. */
#include "case.h"

const struct op_case cases_erf[] = {
	{ "both signs", "Erf", .in = { NORMAL(3, 5) } },
	{ "far out", "Erf", .in = { UNIFORM(-90, 90, 37) }, .flags = CASE_NO_GRAD },
	{ "large", "Erf", .in = { UNIFORM(-8, 8, 65, 129) }, .flags = CASE_NO_GRAD },
	{ "gradient", "ErfGrad", "onnxtune", .in = { NORMAL(9, 31), NORMAL(9, 31) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
