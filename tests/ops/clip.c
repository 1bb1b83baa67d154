/* Cases of Clip. Inputs stay away from the bounds, except where the gradient there is stated. */
#include "case.h"

static const double x[] = { -3, -1.5, -0.5, 0, 0.3, 0.9, 2, 7 };
static const double on_bounds[] = { -1, 0, 1, 2 }, dy[] = { 5, 6, 7, 8 }, dx[] = { 0, 6, 0, 0 };

const struct op_case cases_clip[] = {
	{ "both bounds", "Clip", .in = { VALUES(x, 2, 4), SCALAR(-1), SCALAR(1) } },
	{ "lower bound", "Clip", .in = { VALUES(x, 8), SCALAR(-1) } },
	{ "upper bound", "Clip", .in = { VALUES(x, 8), ABSENT, SCALAR(6) } },
	{ "no bound", "Clip", .in = { VALUES(x, 8) } },
	{ "bounds crossed", "Clip", .in = { VALUES(x, 8), SCALAR(1.2), SCALAR(-1) } },
	{ "int64", "Clip", .in = { INTS(-9, 9, 17), LIST(-3), LIST(4) } },
	{ "opset 6", "Clip", .opset = 6, .attrs = { { "max", ATTR_FLOAT, .f = 6 } },
	  .in = { VALUES(x, 8) } },
	{ "opset 6, both bounds", "Clip", .opset = 6,
	  .attrs = { { "min", ATTR_FLOAT, .f = -1 }, { "max", ATTR_FLOAT, .f = 1 } },
	  .in = { VALUES(x, 8) } },
	{ "large", "Clip", .in = { UNIFORM(-2, 9, 65, 129), SCALAR(0), SCALAR(6) },
	  .flags = CASE_NO_GRAD },
	{ "gradient on the bounds", "ClipGrad", "onnxtune",
	  .in = { VALUES(dy, 4), VALUES(on_bounds, 4), SCALAR(-1), SCALAR(1) }, .expected = dx,
	  .flags = CASE_NO_GRAD },
	{ "gradient", "ClipGrad", "onnxtune",
	  .in = { NORMAL(9, 31), NORMAL(9, 31), SCALAR(-0.5), SCALAR(0.5) },
	  .flags = CASE_NO_GRAD },
	{ "gradient, upper bound", "ClipGrad", "onnxtune",
	  .in = { NORMAL(9, 31), NORMAL(9, 31), ABSENT, SCALAR(0.5) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
