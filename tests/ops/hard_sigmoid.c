/* Cases of HardSigmoid. Inputs stay away from the kinks. */
#include "case.h"

static const double x[] = { -5, -3.1, -2.1, -0.5, 0, 0.9, 2.1, 3.1 };
static const double dy[] = { 1, 2, 3, 4 }, y[] = { 0, 0.25, 0.75, 1 }, dx[] = { 0, 1, 1.5, 0 };

const struct op_case cases_hard_sigmoid[] = {
	{ "default", "HardSigmoid", .in = { VALUES(x, 2, 4) } },
	{ "as in HardSwish", "HardSigmoid",
	  .attrs = { { "alpha", ATTR_FLOAT, .f = 1 / 6.0f }, { "beta", ATTR_FLOAT, .f = 0.5f } },
	  .in = { VALUES(x, 2, 4) } },
	{ "large", "HardSigmoid", .in = { UNIFORM(-8, 8, 65, 129) }, .flags = CASE_NO_GRAD },
	{ "gradient at the ends", "HardSigmoidGrad", "onnxtune",
	  .attrs = { { "alpha", ATTR_FLOAT, .f = 0.5f } }, .in = { VALUES(dy, 4), VALUES(y, 4) },
	  .expected = dx, .flags = CASE_NO_GRAD },
	{ "gradient", "HardSigmoidGrad", "onnxtune",
	  .attrs = { { "alpha", ATTR_FLOAT, .f = 0.2f } },
	  .in = { NORMAL(9, 31), UNIFORM(-0.5, 1.5, 9, 31) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
