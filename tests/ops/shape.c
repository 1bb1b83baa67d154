/* Cases of Shape and Size. */
#include "case.h"

static const double all[] = { 2, 3, 4 }, middle[] = { 3 }, size[] = { 24 };

const struct op_case cases_shape[] = {
	{ "all", "Shape", .in = { NORMAL(2, 3, 4) }, .expected = all, .flags = CASE_NO_GRAD },
	{ "a part", "Shape",
	  .attrs = { { "start", ATTR_INT, .i = -2 }, { "end", ATTR_INT, .i = -1 } },
	  .in = { NORMAL(2, 3, 4) }, .expected = middle, .flags = CASE_NO_GRAD },
	{ "size", "Size", .in = { NORMAL(2, 3, 4) }, .expected = size, .flags = CASE_NO_GRAD },
	{ 0 },
};
