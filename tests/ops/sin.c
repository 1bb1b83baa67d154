/* Cases of Sin and Cos. */
#include "case.h"

const struct op_case cases_sin[] = {
	{ "sine", "Sin", .in = { NORMAL(3, 5) } },
	{ "cosine", "Cos", .in = { NORMAL(3, 5) } },
	{ "large sine", "Sin", .in = { UNIFORM(-30, 30, 65, 129) }, .flags = CASE_NO_GRAD },
	{ "large cosine", "Cos", .in = { UNIFORM(-30, 30, 65, 129) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
