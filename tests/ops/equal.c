/* Cases of the comparisons. */
#include "case.h"

static const double a[] = { -1, 0, 1, 2, 2 }, b[] = { 1, 0, 1, 1, 3 };

const struct op_case cases_equal[] = {
	{ "equal", "Equal", .in = { VALUES(a, 5), VALUES(b, 5) } },
	{ "equal int64, broadcast", "Equal", .in = { INTS(0, 3, 7, 1), INTS(0, 3, 9) } },
	{ "equal bools", "Equal", .in = { BOOLS(3, 9), BOOLS(9) } },
	{ "less", "Less", .in = { VALUES(a, 5), VALUES(b, 5) } },
	{ "less or equal", "LessOrEqual", .in = { VALUES(a, 5), VALUES(b, 5) } },
	{ "greater", "Greater", .in = { VALUES(a, 5), VALUES(b, 5) } },
	{ "greater or equal", "GreaterOrEqual", .in = { VALUES(a, 5), VALUES(b, 5) } },
	{ "less int64", "Less", .in = { INTS(-3, 3, 7, 1), INTS(-3, 3, 9) } },
	{ "large", "Greater", .in = { NORMAL(33, 257), SCALAR(0) } },
	{ 0 },
};
