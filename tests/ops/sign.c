/* Cases of Sign. */
#include "case.h"

static const double around[] = { -2, -0.5, -0.0, 0, 0.5, 2 };

const struct op_case cases_sign[] = {
	{ "around 0", "Sign", .in = { VALUES(around, 6) }, .flags = CASE_NO_GRAD },
	{ "int64", "Sign", .in = { INTS(-2, 2, 17) } },
	{ "large", "Sign", .in = { NORMAL(65, 129) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
