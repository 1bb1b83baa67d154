/* Cases of HardSwish. Inputs stay away from the kinks at -3 and 3. */
#include "case.h"

static const double x[] = { -5, -3.1, -2.1, -0.5, 0, 0.9, 2.1, 3.1 };

const struct op_case cases_hard_swish[] = {
	{ "all pieces", "HardSwish", .in = { VALUES(x, 2, 4) } },
	{ "large", "HardSwish", .in = { UNIFORM(-8, 8, 65, 129) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
