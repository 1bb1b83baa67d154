/* Cases of Neg. */
#include "case.h"

const struct op_case cases_neg[] = {
	{ "both signs", "Neg", .in = { NORMAL(3, 5) } },
	{ "int64", "Neg", .in = { INTS(-9, 9, 7) } },
	{ "large", "Neg", .in = { NORMAL(65, 129) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
