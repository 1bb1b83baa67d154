/* Cases of ArgMax and ArgMin. */
#include "case.h"

#include <math.h>

static const double x[] = { 1, 5, 5, -2, 4, -2 };
static const double first[] = { 1, 1 }, last[] = { 2, 1 }, rows[] = { 1, 1, 1 };
static const double odd[] = { 1, NAN, 5, NAN, 0, NAN, -INFINITY, -INFINITY, -INFINITY, 0, -0., -1 };
static const double odd_best[] = { 1, 0, 0, 0 }, odd_last[] = { 1, 2, 2, 2 };
static const double int64_at[] = { 1 };

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
	{ "NaN wins", "ArgMax", .attrs = { { "axis", ATTR_INT, .i = 1 } },
	  .in = { VALUES(odd, 4, 3) }, .expected = odd_best, .flags = CASE_NO_GRAD },
	{ "the last NaN", "ArgMin",
	  .attrs = { { "axis", ATTR_INT, .i = 1 }, { "select_last_index", ATTR_INT, .i = 1 } },
	  .in = { VALUES(odd, 4, 3) }, .expected = odd_last, .flags = CASE_NO_GRAD },
	{ "channels", "ArgMax", .attrs = { { "axis", ATTR_INT, .i = 1 } },
	  .in = { NORMAL(2, 21, 9, 11) }, .flags = CASE_NO_GRAD },
	{ "middle axis of integers", "ArgMin", .attrs = { { "axis", ATTR_INT, .i = 1 } },
	  .in = { { FILL_INTS, DT_I32, SHAPE(3, 41, 7), -3, 3, NULL } }, .flags = CASE_NO_GRAD },
	{ "last of many equal ones", "ArgMax",
	  .attrs = { { "axis", ATTR_INT, .i = -1 }, { "select_last_index", ATTR_INT, .i = 1 } },
	  .in = { { FILL_INTS, DT_F64, SHAPE(3, 2051), -3, 3, NULL } }, .flags = CASE_NO_GRAD },
	{ "first of many equal ones", "ArgMin", .attrs = { { "axis", ATTR_INT, .i = -1 } },
	  .in = { { FILL_INTS, DT_U8, SHAPE(3, 2051), 250, 255, NULL } }, .flags = CASE_NO_GRAD },
	{ "int64", "ArgMax", .attrs = { { "axis", ATTR_INT, .i = 1 } },
	  .in = { INTS(-9, 9, 5, 70) }, .flags = CASE_NO_GRAD },
	{ "smallest int64, the least there is", "ArgMin", .attrs = { { "axis", ATTR_INT, .i = 0 } },
	  .in = { LIST(4, -0x1p63, 3, -0x1p63, 0) }, .expected = int64_at, .flags = CASE_NO_GRAD },
	{ "float64", "ArgMin", .attrs = { { "axis", ATTR_INT, .i = -1 } },
	  .in = { { FILL_NORMAL, DT_F64, SHAPE(4, 33), 0, 1, NULL, true } },
	  .flags = CASE_NO_GRAD },
	{ "height", "ArgMax", .attrs = { { "axis", ATTR_INT, .i = 2 } },
	  .in = { NORMAL(2, 3, 5, 7) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
