/* Cases of Trilu. */
#include "case.h"

#define NUMBER(x)                                                                                  \
	{                                                                                          \
		FILL_VALUES, DT_I64, SHAPE_SCALAR, 0, 0, (const double[])                          \
		{                                                                                  \
			x                                                                          \
		}                                                                                  \
	}

const struct op_case cases_trilu[] = {
	{ "upper", "Trilu", .in = { NORMAL(2, 3, 4), NUMBER(1) } },
	{ "lower", "Trilu", .attrs = { { "upper", ATTR_INT, .i = 0 } }, .in = { NORMAL(4, 4) } },
	{ "lower, below the diagonal", "Trilu", .attrs = { { "upper", ATTR_INT, .i = 0 } },
	  .in = { NORMAL(2, 37, 41), NUMBER(-3) }, .flags = CASE_NO_GRAD },
	{ "integers", "Trilu", .in = { INTS(-9, 9, 3, 5, 4) }, .flags = CASE_NO_GRAD },
	{ "booleans", "Trilu", .in = { BOOLS(33, 9), NUMBER(-2) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
