/* Cases of Softsign. Inputs stay away from the kink at 0. */
#include "case.h"

static const double around[] = { -2, -1, -0.5, -0.1, 0.1, 0.5, 1, 2 };

const struct op_case cases_softsign[] = {
	{ "both signs", "Softsign", .in = { VALUES(around, 2, 4) } },
	{ "far out", "Softsign", .in = { UNIFORM(-90, 90, 37) }, .flags = CASE_NO_GRAD },
	{ "large", "Softsign", .in = { UNIFORM(-8, 8, 65, 129) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
