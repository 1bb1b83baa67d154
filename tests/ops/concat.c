/* Cases of Concat. */
#include "case.h"

const struct op_case cases_concat[] = {
	{ "axis 1", "Concat", .attrs = { { "axis", ATTR_INT, .i = 1 } },
	  .in = { NORMAL(2, 3, 4), NORMAL(2, 1, 4), NORMAL(2, 2, 4) } },
	{ "negative axis", "Concat", .attrs = { { "axis", ATTR_INT, .i = -1 } },
	  .in = { NORMAL(2, 3), NORMAL(2, 2) } },
	{ "one input", "Concat", .attrs = { { "axis", ATTR_INT, .i = 0 } }, .in = { NORMAL(5) } },
	{ "an empty input", "Concat", .attrs = { { "axis", ATTR_INT, .i = 0 } },
	  .in = { NORMAL(2, 3), NORMAL(0, 3), NORMAL(1, 3) } },
	{ "channels", "Concat", .attrs = { { "axis", ATTR_INT, .i = 1 } },
	  .in = { NORMAL(2, 17, 5, 3), NORMAL(2, 33, 5, 3) }, .flags = CASE_NO_GRAD },
	{ "rows of 16 bytes", "Concat", .attrs = { { "axis", ATTR_INT, .i = 1 } },
	  .in = { NORMAL(5, 24), NORMAL(5, 8), NORMAL(5, 300) }, .flags = CASE_NO_GRAD },
	{ "int64", "Concat", .attrs = { { "axis", ATTR_INT, .i = 1 } },
	  .in = { INTS(-9, 9, 3, 2), INTS(-9, 9, 3, 3) } },
	{ "bytes", "Concat", .attrs = { { "axis", ATTR_INT, .i = 0 } },
	  .in = { BOOLS(3), BOOLS(18) } },
	{ 0 },
};
