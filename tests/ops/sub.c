/* Cases of Sub. */
#include "case.h"

const struct op_case cases_sub[] = {
	{ "same shape", "Sub", .in = { NORMAL(3, 5), NORMAL(3, 5) } },
	{ "broadcast both", "Sub", .in = { NORMAL(4, 1, 3), NORMAL(2, 1) } },
	{ "scalar left", "Sub", .in = { SCALAR(1), NORMAL(7) } },
	{ "int64", "Sub", .in = { INTS(-9, 9, 3, 5), INTS(-9, 9, 5) } },
	{ "channel mean", "Sub", .in = { NORMAL(2, 17, 5, 3), NORMAL(1, 17, 1, 1) },
	  .flags = CASE_NO_GRAD },
	{ "large", "Sub", .in = { NORMAL(33, 1027), NORMAL(33, 1) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
