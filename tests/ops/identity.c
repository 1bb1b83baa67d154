/* Cases of Identity. */
#include "case.h"

const struct op_case cases_identity[] = {
	{ "float", "Identity", .in = { NORMAL(3, 5) } },
	{ "int64", "Identity", .in = { INTS(-9, 9, 3, 5) } },
	{ "bool", "Identity", .in = { BOOLS(7) } },
	{ 0 },
};
