/* Cases of Flatten. */
#include "case.h"

const struct op_case cases_flatten[] = {
	{ "default axis", "Flatten", .in = { NORMAL(2, 3, 4) } },
	{ "axis 0", "Flatten", .attrs = { { "axis", ATTR_INT, .i = 0 } }, .in = { NORMAL(2, 3) } },
	{ "last axis, negative", "Flatten", .attrs = { { "axis", ATTR_INT, .i = -1 } },
	  .in = { NORMAL(2, 3, 4) } },
	{ 0 },
};
