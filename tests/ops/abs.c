/* Cases of Abs. Inputs stay away from the kink at 0. */
#include "case.h"

static const double around[] = { -2, -1, -0.5, -0.1, 0.1, 0.5, 1, 2 };

const struct op_case cases_abs[] = {
	{ "both signs", "Abs", .in = { VALUES(around, 2, 4) } },
	{ "int64", "Abs", .in = { INTS(-9, 9, 7) } },
	{ "large", "Abs", .in = { NORMAL(65, 129) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
