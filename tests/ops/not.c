/* Cases of Not. */
#include "case.h"

const struct op_case cases_not[] = {
	{ "bools", "Not", .in = { BOOLS(3, 37) } },
	{ 0 },
};
