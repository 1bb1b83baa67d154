/* Cases of ArgMax and ArgMin. */
#include "case.h"

static const double x[] = { 1, 5, 5, -2, 4, -2 };
static const double first[] = { 1, 1 }, last[] = { 2, 1 }, rows[] = { 1, 1, 1 };

const struct op_case cases_arg_max[] = {
	{ "first of equal ones", "ArgMax", .attrs = { { "axis", ATTR_INT, .i = -1 } },
	  .in = { VALUES(x, 2, 3) }, .expected = first, .flags = CASE_NO_GRAD },
	{ "last of equal ones", "ArgMax",
	  .attrs = { { "axis", ATTR_INT, .i = 1 }, { "select_last_index", ATTR_INT, .i = 1 } },
	  .in = { VALUES(x, 2, 3) }, .expected = last, .flags = CASE_NO_GRAD },
	{ "smallest", "ArgMin", .attrs = { { "keepdims", ATTR_INT, .i = 0 } },
	  .in = { VALUES(x, 2, 3) }, .expected = rows, .flags = CASE_NO_GRAD },
	{ "classes", "ArgMax", .attrs = { { "axis", ATTR_INT, .i = 1 } }, .in = { NORMAL(65, 37) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
