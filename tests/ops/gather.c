/* Cases of Gather. */
#include "case.h"

static const int64_t shape[] = { 4, 2 };
static const double dy[] = { 1, 2, 3, 4, 5, 6 }, dx[] = { 0, 0, 3, 4, 0, 0, 6, 8 };

const struct op_case cases_gather[] = {
	{ "embedding", "Gather", .in = { NORMAL(7, 5), INTS(-7, 6, 3, 4) } },
	{ "axis 1", "Gather", .attrs = { { "axis", ATTR_INT, .i = 1 } },
	  .in = { NORMAL(2, 4, 3), LIST(3, 0, 3) } },
	{ "one element", "Gather", .attrs = { { "axis", ATTR_INT, .i = -1 } },
	  .in = { NORMAL(3, 4),
		  { FILL_VALUES, DT_I64, SHAPE_SCALAR, 0, 0, (const double[]){ 2 } } } },
	{ "large table", "Gather", .in = { NORMAL(1000, 33), INTS(0, 999, 8, 65) },
	  .flags = CASE_NO_GRAD },
	{ "gradient", "GatherGrad", "onnxtune",
	  .attrs = { { "axis", ATTR_INT, .i = 0 }, { "shape", ATTR_INTS, 2, .ints = shape } },
	  .in = { VALUES(dy, 3, 2), LIST(3, 1, 3) }, .expected = dx, .flags = CASE_NO_GRAD },
	{ "gradient of few rows", "GatherGrad", "onnxtune",
	  .attrs = { { "axis", ATTR_INT, .i = 0 }, { "shape", ATTR_INTS, 2, .ints = shape } },
	  .in = { NORMAL(1000, 2), INTS(0, 3, 1000) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
