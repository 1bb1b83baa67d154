/* Cases of Relu. Inputs stay away from the kink at 0. */
#include "case.h"

static const double around[] = { -2, -1, -0.5, -0.1, 0.1, 0.5, 1, 2 };

const struct op_case cases_relu[] = {
	{ "both signs", "Relu", .in = { VALUES(around, 2, 4) } },
	{ "large", "Relu", .in = { NORMAL(65, 129) }, .flags = CASE_NO_GRAD },
	{ "gradient", "ReluGrad", "onnxtune", .in = { NORMAL(9, 31), NORMAL(9, 31) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
