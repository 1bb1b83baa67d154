/* Cases of Mul. */
#include "case.h"

const struct op_case cases_mul[] = {
	{ "same shape", "Mul", .in = { NORMAL(3, 5), NORMAL(3, 5) } },
	{ "broadcast both", "Mul", .in = { NORMAL(4, 1, 3), NORMAL(2, 1) } },
	{ "scalar", "Mul", .in = { NORMAL(7), SCALAR(2.5) } },
	{ "scale in front", "Mul", .in = { NORMAL(3, 1, 1), NORMAL(2, 3, 2, 2) } },
	{ "int64", "Mul", .in = { INTS(-9, 9, 3, 5), INTS(-9, 9, 5) } },
	{ "channel scale", "Mul", .in = { NORMAL(2, 17, 5, 3), NORMAL(1, 17, 1, 1) },
	  .flags = CASE_NO_GRAD },
	{ "gate per channel", "Mul", .in = { NORMAL(3, 19, 7, 5), NORMAL(3, 19, 1, 1) },
	  .flags = CASE_NO_GRAD },
	{ "large", "Mul", .in = { NORMAL(33, 1027), NORMAL(33, 1027) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
