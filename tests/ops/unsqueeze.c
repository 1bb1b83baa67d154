/* Cases of Unsqueeze. */
#include "case.h"

static const int64_t axes[] = { 0, -1 };

const struct op_case cases_unsqueeze[] = {
	{ "axes out of order", "Unsqueeze", .in = { NORMAL(3, 4), LIST(3, 0) } },
	{ "opset 11", "Unsqueeze", .opset = 11, .attrs = { { "axes", ATTR_INTS, 2, .ints = axes } },
	  .in = { NORMAL(3, 4) } },
	{ 0 },
};
