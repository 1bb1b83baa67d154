/* Cases of Sqrt. */
#include "case.h"

const struct op_case cases_sqrt[] = {
	{ "positive", "Sqrt", .in = { UNIFORM(0.5, 2, 3, 5) } },
	{ "large", "Sqrt", .in = { UNIFORM(0, 9, 65, 129) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
