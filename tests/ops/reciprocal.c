/* Cases of Reciprocal. */
#include "case.h"

const struct op_case cases_reciprocal[] = {
	{ "positive", "Reciprocal", .in = { UNIFORM(0.5, 2, 3, 5) } },
	{ "negative", "Reciprocal", .in = { UNIFORM(-2, -0.5, 7) } },
	{ "large", "Reciprocal", .in = { UNIFORM(0.1, 9, 65, 129) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
