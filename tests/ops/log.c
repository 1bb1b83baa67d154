/* Cases of Log. */
#include "case.h"

const struct op_case cases_log[] = {
	{ "around 1", "Log", .in = { UNIFORM(0.5, 2, 3, 5) } },
	{ "large", "Log", .in = { UNIFORM(0.001, 100, 65, 129) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
