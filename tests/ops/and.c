/* Cases of And, Or and Xor. */
#include "case.h"

const struct op_case cases_and[] = {
	{ "and", "And", .in = { BOOLS(3, 37), BOOLS(3, 37) } },
	{ "or, broadcast", "Or", .in = { BOOLS(3, 1), BOOLS(37) } },
	{ "xor", "Xor", .in = { BOOLS(3, 37), BOOLS(37) } },
	{ 0 },
};
