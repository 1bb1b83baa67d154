/* Cases of LeakyRelu. Inputs stay away from the kink at 0. */
#include "case.h"

static const double around[] = { -2, -1, -0.5, -0.1, 0.1, 0.5, 1, 2 };

const struct op_case cases_leaky_relu[] = {
	{ "both signs", "LeakyRelu", .in = { VALUES(around, 2, 4) } },
	{ "attributes", "LeakyRelu", .attrs = { { "alpha", ATTR_FLOAT, .f = 0.3f } },
	  .in = { VALUES(around, 2, 4) } },
	{ "far out", "LeakyRelu", .in = { UNIFORM(-90, 90, 37) }, .flags = CASE_NO_GRAD },
	{ "large", "LeakyRelu", .in = { UNIFORM(-8, 8, 65, 129) }, .flags = CASE_NO_GRAD },
	{ "gradient", "LeakyReluGrad", "onnxtune", .in = { NORMAL(9, 31), NORMAL(9, 31) },
	  .flags = CASE_NO_GRAD },
	{ "gradient, attributes", "LeakyReluGrad", "onnxtune",
	  .attrs = { { "alpha", ATTR_FLOAT, .f = 0.3f } }, .in = { NORMAL(9, 31), NORMAL(9, 31) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
