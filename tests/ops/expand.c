/* Cases of Expand. */
#include "case.h"

const struct op_case cases_expand[] = {
	{ "new and old axes", "Expand", .in = { NORMAL(3, 1), LIST(2, 1, 4) } },
	{ "scalar", "Expand", .in = { SCALAR(1.5), LIST(2, 3) } },
	{ "class token", "Expand", .in = { NORMAL(1, 1, 33), LIST(5, 1, 33) } },
	{ "means over images", "Expand", .in = { NORMAL(2, 20, 1, 1), LIST(2, 20, 5, 3) } },
	{ "int64", "Expand", .in = { INTS(-9, 9, 2, 1), LIST(2, 300) } },
	{ 0 },
};
