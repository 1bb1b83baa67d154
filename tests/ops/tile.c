/* Cases of Tile. */
#include "case.h"

const struct op_case cases_tile[] = {
	{ "two axes", "Tile", .in = { NORMAL(2, 3, 4), LIST(2, 1, 3) } },
	{ "once", "Tile", .in = { NORMAL(3), LIST(1) } },
	{ 0 },
};
