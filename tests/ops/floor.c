/* Cases of Floor, Ceil and Round. */
#include "case.h"

static const double halves[] = { -2.5, -1.5, -0.5, 0, 0.5, 1.5, 2.5, 3 };

const struct op_case cases_floor[] = {
	{ "floor", "Floor", .in = { VALUES(halves, 8) }, .flags = CASE_NO_GRAD },
	{ "ceil", "Ceil", .in = { VALUES(halves, 8) }, .flags = CASE_NO_GRAD },
	{ "round halves to even", "Round", .in = { VALUES(halves, 8) }, .flags = CASE_NO_GRAD },
	{ "large", "Floor", .in = { UNIFORM(-9, 9, 65, 129) }, .flags = CASE_NO_GRAD },
	{ "large round", "Round", .in = { UNIFORM(-9, 9, 65, 129) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
