/* Cases of Transpose. */
#include "case.h"

static const int64_t last_first[] = { 2, 0, 1 }, to_nhwc[] = { 0, 2, 3, 1 };
static const int64_t heads[] = { 0, 2, 1, 3 }, swap[] = { 1, 0 };
static const int64_t matrices[] = { 0, 2, 1 };

const struct op_case cases_transpose[] = {
	{ "reversed", "Transpose", .in = { NORMAL(2, 3, 4) } },
	{ "last axis first", "Transpose", .attrs = { { "perm", ATTR_INTS, 3, .ints = last_first } },
	  .in = { NORMAL(2, 3, 4) } },
	{ "matrix", "Transpose", .attrs = { { "perm", ATTR_INTS, 2, .ints = swap } },
	  .in = { NORMAL(65, 37) }, .flags = CASE_NO_GRAD },
	{ "channels last", "Transpose", .attrs = { { "perm", ATTR_INTS, 4, .ints = to_nhwc } },
	  .in = { NORMAL(2, 17, 5, 7) }, .flags = CASE_NO_GRAD },
	{ "attention heads", "Transpose", .attrs = { { "perm", ATTR_INTS, 4, .ints = heads } },
	  .in = { NORMAL(2, 9, 4, 8) }, .flags = CASE_NO_GRAD },
	{ "vector", "Transpose", .in = { NORMAL(5) } },
	{ "planes of matrices", "Transpose",
	  .attrs = { { "perm", ATTR_INTS, 3, .ints = matrices } }, .in = { NORMAL(3, 40, 70) },
	  .flags = CASE_NO_GRAD },
	{ "int64", "Transpose", .attrs = { { "perm", ATTR_INTS, 3, .ints = matrices } },
	  .in = { INTS(-9, 9, 2, 33, 17) } },
	{ "bool", "Transpose", .attrs = { { "perm", ATTR_INTS, 3, .ints = matrices } },
	  .in = { BOOLS(2, 19, 34) } },
	{ "reversed, larger than tiles", "Transpose", .in = { NORMAL(35, 5, 40) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
