/* Cases of Reshape. */
#include "case.h"

const struct op_case cases_reshape[] = {
	{ "one dim open", "Reshape", .in = { NORMAL(2, 3, 4), LIST(4, -1) } },
	{ "dims copied", "Reshape", .in = { NORMAL(2, 3, 4), LIST(0, 0, 2, 2) } },
	{ "opset 5", "Reshape", .opset = 5, .in = { NORMAL(6), LIST(1, 3, 2) } },
	{ "zero allowed", "Reshape", .attrs = { { "allowzero", ATTR_INT, .i = 1 } },
	  .in = { NORMAL(0, 3), LIST(3, 0) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
