/* Cases of Elu. Inputs stay away from the kink at 0. */
#include "case.h"

static const double around[] = { -2, -1, -0.5, -0.1, 0.1, 0.5, 1, 2 };

const struct op_case cases_elu[] = {
	{ "both signs", "Elu", .in = { VALUES(around, 2, 4) } },
	{ "attributes", "Elu", .attrs = { { "alpha", ATTR_FLOAT, .f = 1.5f } },
	  .in = { VALUES(around, 2, 4) } },
	{ "far out", "Elu", .in = { UNIFORM(-90, 90, 37) }, .flags = CASE_NO_GRAD },
	{ "large", "Elu", .in = { UNIFORM(-8, 8, 65, 129) }, .flags = CASE_NO_GRAD },
	{ "gradient", "EluGrad", "onnxtune", .in = { NORMAL(9, 31), NORMAL(9, 31) },
	  .flags = CASE_NO_GRAD },
	{ "gradient, attributes", "EluGrad", "onnxtune",
	  .attrs = { { "alpha", ATTR_FLOAT, .f = 1.5f } }, .in = { NORMAL(9, 31), NORMAL(9, 31) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
