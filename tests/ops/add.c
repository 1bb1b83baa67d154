/* Cases of Add. */
#include "case.h"

const struct op_case cases_add[] = {
	{ "same shape", "Add", .in = { NORMAL(3, 5), NORMAL(3, 5) } },
	{ "broadcast both", "Add", .in = { NORMAL(4, 1, 3), NORMAL(2, 1) } },
	{ "scalar", "Add", .in = { NORMAL(7), SCALAR(2.5) } },
	{ "channel bias", "Add", .in = { NORMAL(2, 17, 5, 3), NORMAL(1, 17, 1, 1) } },
	{ "large", "Add", .in = { NORMAL(33, 1027), NORMAL(1027) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
