/* Cases of Where. */
#include "case.h"

const struct op_case cases_where[] = {
	{ "same shape", "Where", .in = { BOOLS(3, 5), NORMAL(3, 5), NORMAL(3, 5) } },
	{ "broadcast all", "Where", .in = { BOOLS(4, 1, 1), NORMAL(3, 1), NORMAL(5) } },
	{ "mask", "Where", .in = { BOOLS(2, 1, 3, 3), NORMAL(2, 2, 3, 3), SCALAR(-9) } },
	{ "int64", "Where", .in = { BOOLS(7), INTS(-9, 9, 7), INTS(-9, 9, 1) } },
	{ "large", "Where", .in = { BOOLS(33, 257), NORMAL(33, 257), SCALAR(0) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
