/* Cases of Max and Min. Operands that the gradient check moves are far enough apart. */
#include "case.h"

static const double a[] = { -2, -1, 0.5, 3, 1, 0 }, b[] = { -1, -2, 0.6, 2, 1.5, -1 };
static const double c[] = { 0, 1, 0.2 };
static const double ties[] = { 1, 2, 3 }, tied[] = { 1, 0, 3 }, dy[] = { 8, 8, 8 };
static const double da_max[] = { 4, 8, 4 }, da_min[] = { 4, 0, 4 };

const struct op_case cases_max[] = {
	{ "max", "Max", .in = { VALUES(a, 2, 3), VALUES(b, 2, 3) } },
	{ "min", "Min", .in = { VALUES(a, 2, 3), VALUES(b, 2, 3) } },
	{ "one", "Max", .in = { VALUES(a, 2, 3) } },
	{ "max of three, broadcast", "Max", .in = { VALUES(b, 2, 3), VALUES(c, 3), SCALAR(0.1) } },
	{ "min of four", "Min",
	  .in = { VALUES(a, 2, 3), VALUES(b, 2, 3), VALUES(c, 3), SCALAR(0.1) } },
	{ "relu by a bound", "Max", .in = { VALUES(b, 6), SCALAR(0) } },
	{ "int64", "Max", .in = { INTS(-9, 9, 3, 5), INTS(-9, 9, 5) } },
	{ "int64 min", "Min", .in = { INTS(-9, 9, 3, 5), INTS(-9, 9, 5) } },
	{ "large", "Max", .in = { NORMAL(33, 257), NORMAL(33, 257) }, .flags = CASE_NO_GRAD },
	{ "large min", "Min", .in = { NORMAL(33, 257), SCALAR(0.5) }, .flags = CASE_NO_GRAD },
	{ "half each where equal", "MaxGrad", "onnxtune",
	  .in = { VALUES(dy, 3), VALUES(ties, 3), VALUES(tied, 3) }, .expected = da_max,
	  .flags = CASE_NO_GRAD },
	{ "half each where equal, min", "MinGrad", "onnxtune",
	  .in = { VALUES(dy, 3), VALUES(ties, 3), VALUES(tied, 3) }, .expected = da_min,
	  .flags = CASE_NO_GRAD },
	{ "gradient", "MaxGrad", "onnxtune", .in = { NORMAL(9, 31), NORMAL(9, 31), NORMAL(31) },
	  .flags = CASE_NO_GRAD },
	{ "gradient of min", "MinGrad", "onnxtune",
	  .in = { NORMAL(9, 31), NORMAL(9, 31), NORMAL(31) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
