/* Cases of Split. */
#include "case.h"

static const int64_t sizes[] = { 1, 3 };

const struct op_case cases_split[] = {
	{ "equal parts", "Split", .attrs = { { "axis", ATTR_INT, .i = -1 } },
	  .in = { NORMAL(2, 6) }, .outputs = 3 },
	{ "sizes", "Split", .attrs = { { "axis", ATTR_INT, .i = 1 } },
	  .in = { NORMAL(2, 5, 3), LIST(1, 0, 4) }, .outputs = 3 },
	{ "smaller last part", "Split", .attrs = { { "num_outputs", ATTR_INT, .i = 3 } },
	  .in = { NORMAL(5, 2) }, .outputs = 3 },
	{ "opset 11", "Split", .opset = 11, .attrs = { { "split", ATTR_INTS, 2, .ints = sizes } },
	  .in = { NORMAL(4, 3) }, .outputs = 2 },
	{ "query, key, value", "Split", .attrs = { { "axis", ATTR_INT, .i = -1 } },
	  .in = { NORMAL(5, 7, 99) }, .outputs = 3, .flags = CASE_NO_GRAD },
	{ 0 },
};
