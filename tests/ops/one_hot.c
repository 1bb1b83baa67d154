/* Cases of OneHot. */
#include "case.h"

#define NUMBER(x)                                                                                  \
	{                                                                                          \
		FILL_VALUES, DT_I64, SHAPE_SCALAR, 0, 0, (const double[])                          \
		{                                                                                  \
			x                                                                          \
		}                                                                                  \
	}

static const double values[] = { -1, 2 };
static const double rows[] = { -1, 2, -1, 2, -1, -1, -1, -1, 2, -1, -1, -1 };
static const double columns[] = { -1, 2, -1, -1, 2, -1, -1, -1, -1, -1, 2, -1 };

const struct op_case cases_one_hot[] = {
	{ "last axis", "OneHot", .in = { LIST(1, 0, -1, 3), NUMBER(3), VALUES(values, 2) },
	  .expected = rows, .flags = CASE_NO_GRAD },
	{ "first axis", "OneHot", .attrs = { { "axis", ATTR_INT, .i = 0 } },
	  .in = { LIST(1, 0, -1, 3), NUMBER(3), VALUES(values, 2) }, .expected = columns,
	  .flags = CASE_NO_GRAD },
	{ "middle axis", "OneHot", .attrs = { { "axis", ATTR_INT, .i = 1 } },
	  .in = { INTS(-12, 12, 7, 33), NUMBER(11), VALUES(values, 2) }, .flags = CASE_NO_GRAD },
	{ "floats as indices, integers as values", "OneHot",
	  .in = { { FILL_INTS, DT_F64, SHAPE(65), -5, 5, NULL }, NUMBER(5), LIST(3, -7) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
