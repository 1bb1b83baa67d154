/* Cases of Range. */
#include "case.h"

#define NUMBER(x)                                                                                  \
	{                                                                                          \
		FILL_VALUES, DT_I64, SHAPE_SCALAR, 0, 0, (const double[])                          \
		{                                                                                  \
			x                                                                          \
		}                                                                                  \
	}

static const double up[] = { 1, 1.25, 1.5, 1.75 }, down[] = { 5, 2, -1 };

const struct op_case cases_range[] = {
	{ "floats", "Range", .in = { SCALAR(1), SCALAR(2), SCALAR(0.25) }, .expected = up,
	  .flags = CASE_NO_GRAD },
	{ "integers, down", "Range", .in = { NUMBER(5), NUMBER(-2), NUMBER(-3) }, .expected = down,
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
