/* Cases of Exp. */
#include "case.h"

const struct op_case cases_exp[] = {
	{ "both signs", "Exp", .in = { NORMAL(3, 5) } },
	{ "wide range", "Exp", .in = { UNIFORM(-20, 10, 65, 129) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
