/* Cases of Squeeze. */
#include "case.h"

static const int64_t axes[] = { 0, -1 };

const struct op_case cases_squeeze[] = {
	{ "all", "Squeeze", .in = { NORMAL(1, 3, 1, 2) } },
	{ "axes", "Squeeze", .in = { NORMAL(1, 3, 1, 1), LIST(0, -1) } },
	{ "opset 11", "Squeeze", .opset = 11, .attrs = { { "axes", ATTR_INTS, 2, .ints = axes } },
	  .in = { NORMAL(1, 3, 1) } },
	{ 0 },
};
