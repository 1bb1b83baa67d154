/* Cases of PRelu. Inputs stay away from the kink at 0. */
#include "case.h"

static const double around[] = { -2, -1, -0.5, -0.1, 0.1, 0.5, 1, 2 };

const struct op_case cases_prelu[] = {
	{ "one slope", "PRelu", .in = { VALUES(around, 2, 4), SCALAR(0.25) } },
	{ "slope per channel", "PRelu", .in = { VALUES(around, 1, 2, 4, 1), NORMAL(2, 1, 1) } },
	{ "slope per element", "PRelu", .in = { VALUES(around, 2, 4), NORMAL(2, 4) } },
	{ "int64", "PRelu", .in = { INTS(-9, 9, 3, 5), INTS(-3, 3, 5) } },
	{ "large", "PRelu", .in = { NORMAL(3, 17, 9, 11), NORMAL(17, 1, 1) },
	  .flags = CASE_NO_GRAD },
	{ "gradient", "PReluGrad", "onnxtune",
	  .in = { NORMAL(3, 17, 5), NORMAL(3, 17, 5), NORMAL(17, 1) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
