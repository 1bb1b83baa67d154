/* Cases of Swish. */
#include "case.h"

const struct op_case cases_swish[] = {
	{ "both signs", "Swish", .in = { NORMAL(3, 5) } },
	{ "attributes", "Swish", .attrs = { { "alpha", ATTR_FLOAT, .f = 1.5f } },
	  .in = { NORMAL(3, 5) } },
	{ "far out", "Swish", .in = { UNIFORM(-90, 90, 37) }, .flags = CASE_NO_GRAD },
	{ "large", "Swish", .in = { UNIFORM(-8, 8, 65, 129) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
