/* Cases of Mish. */
#include "case.h"

const struct op_case cases_mish[] = {
	{ "both signs", "Mish", .in = { NORMAL(3, 5) } },
	{ "far out", "Mish", .in = { UNIFORM(-90, 90, 37) }, .flags = CASE_NO_GRAD },
	{ "large", "Mish", .in = { UNIFORM(-8, 8, 65, 129) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
