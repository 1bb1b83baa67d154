/* Cases of Gather. */
#include "case.h"

static const int64_t shape[] = { 4, 2 }, wide[] = { 32, 70 }, one[] = { 1, 3 };
static const int64_t middle[] = { 3, 30, 5 }, table[] = { 5000, 9 };
/* Sorted, equal ones begin and end where 32, 64 and 96 are, or do not. */
static const double whole[128] = { [0 ... 31] = 2, [32 ... 63] = 0, [64 ... 127] = 3 };
static const double across[128] = { [0 ... 19] = 0, [20 ... 109] = 2, [110 ... 127] = 3 };
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
	{ "rows of 16 bytes", "Gather", .in = { NORMAL(9, 40), INTS(-9, 8, 70) },
	  .flags = CASE_NO_GRAD },
	{ "bytes, int32 indices", "Gather", .attrs = { { "axis", ATTR_INT, .i = 1 } },
	  .in = { { FILL_INTS, DT_U8, SHAPE(3, 6, 5), 0, 255, NULL },
		  { FILL_INTS, DT_I32, SHAPE(4), -6, 5, NULL } },
	  .flags = CASE_NO_GRAD },
	{ "int64 elements of the last axis", "Gather", .attrs = { { "axis", ATTR_INT, .i = 2 } },
	  .in = { { FILL_INTS, DT_I64, SHAPE(5, 30, 3), -9, 9, NULL }, INTS(0, 2, 2) },
	  .flags = CASE_NO_GRAD },
	{ "gradient of few rows, wide sums", "GatherGrad", "onnxtune",
	  .attrs = { { "axis", ATTR_INT, .i = 0 },
		     { "shape", ATTR_INTS, 2, .ints = wide },
		     { "_out", ATTR_INT, .i = DT_F32 } },
	  .in = { NORMAL(300, 70), INTS(-16, 15, 300) }, .flags = CASE_NO_GRAD },
	{ "gradient of one row", "GatherGrad", "onnxtune",
	  .attrs = { { "axis", ATTR_INT, .i = 0 }, { "shape", ATTR_INTS, 2, .ints = one } },
	  .in = { NORMAL(101, 3), INTS(-1, 0, 101) }, .flags = CASE_NO_GRAD },
	{ "gradient along a middle axis", "GatherGrad", "onnxtune",
	  .attrs = { { "axis", ATTR_INT, .i = 1 }, { "shape", ATTR_INTS, 3, .ints = middle } },
	  .in = { NORMAL(3, 65, 5), { FILL_INTS, DT_I32, SHAPE(65), 0, 29, NULL } },
	  .flags = CASE_NO_GRAD },
	{ "gradient, equal indices in whole chunks", "GatherGrad", "onnxtune",
	  .attrs = { { "axis", ATTR_INT, .i = 0 }, { "shape", ATTR_INTS, 2, .ints = shape } },
	  .in = { NORMAL(128, 2), { FILL_VALUES, DT_I64, SHAPE(128), 0, 0, whole } },
	  .flags = CASE_NO_GRAD },
	{ "gradient, equal indices across chunks", "GatherGrad", "onnxtune",
	  .attrs = { { "axis", ATTR_INT, .i = 0 }, { "shape", ATTR_INTS, 2, .ints = shape } },
	  .in = { NORMAL(128, 2), { FILL_VALUES, DT_I64, SHAPE(128), 0, 0, across } },
	  .flags = CASE_NO_GRAD },
	{ "gradient of a large table", "GatherGrad", "onnxtune",
	  .attrs = { { "axis", ATTR_INT, .i = 0 }, { "shape", ATTR_INTS, 2, .ints = table } },
	  .in = { NORMAL(40, 9), INTS(0, 4999, 40) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
