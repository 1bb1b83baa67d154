/* Cases of Div. Divisors stay away from 0. */
#include "case.h"

static const double signs[] = { -7, 7, 7, -7, 0, 5 }, by[] = { 2, 2, -2, -2, 3, -1 };

const struct op_case cases_div[] = {
	{ "same shape", "Div", .in = { NORMAL(3, 5), UNIFORM(0.5, 2, 3, 5) } },
	{ "broadcast both", "Div", .in = { NORMAL(4, 1, 3), UNIFORM(0.5, 2, 2, 1) } },
	{ "scalar", "Div", .in = { NORMAL(7), SCALAR(-2.5) } },
	{ "int64 toward zero", "Div",
	  .in = { { FILL_VALUES, DT_I64, SHAPE(6), 0, 0, signs },
		  { FILL_VALUES, DT_I64, SHAPE(6), 0, 0, by } } },
	{ "rows", "Div", .in = { NORMAL(33, 1027), UNIFORM(0.5, 2, 33, 1) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
