/* Cases of ReduceSum, ReduceMean, ReduceMax and ReduceMin, and of their forms with attributes. */
#include "case.h"

/* clang-format off */
#define KEEP(k) { "keepdims", ATTR_INT, .i = k }
#define AXES(...)                                                                                  \
	{ "axes", ATTR_INTS, sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t),                 \
	  .ints = (const int64_t[]){ __VA_ARGS__ } }
#define NOOP { "noop_with_empty_axes", ATTR_INT, .i = 1 }
/* clang-format on */

/* No two elements are close enough for a difference to change which is the largest. */
static const double apart[] = { 3, -1, 2, 5, 0, 1, -4, 4, 6, -2, 7, -3 };

static const double sums[] = { 2, 11, 5 };
static const double means[] = { 2.25, 0.25, 2 };

const struct op_case cases_reduce[] = {
	{ "sum, one axis", "ReduceSum", .in = { NORMAL(3, 4, 5), LIST(1) } },
	{ "sum, axes dropped", "ReduceSum", .attrs = { KEEP(0) },
	  .in = { NORMAL(3, 4, 5), LIST(-1, 0) } },
	{ "sum, all", "ReduceSum", .attrs = { KEEP(0) }, .in = { NORMAL(3, 4) } },
	{ "sum, none", "ReduceSum", .attrs = { NOOP }, .in = { NORMAL(3, 4) } },
	{ "sum, scalar", "ReduceSum", .in = { SCALAR(2.5) } },
	{ "sum, axis of size 1", "ReduceSum", .in = { NORMAL(3, 1, 5), LIST(1) } },
	{ "sum, bias of a batch", "ReduceSum", .attrs = { KEEP(0) },
	  .in = { NORMAL(2, 17, 7, 5), LIST(0, 2, 3) }, .flags = CASE_NO_GRAD },
	{ "sum, long rows", "ReduceSum", .in = { NORMAL(5, 4099), LIST(1) },
	  .flags = CASE_NO_GRAD },
	{ "sum, long columns", "ReduceSum", .in = { NORMAL(1031, 65), LIST(0) },
	  .flags = CASE_NO_GRAD },
	{ "sum, wide result", "ReduceSum", .attrs = { { "_out", ATTR_INT, .i = DT_F32 } },
	  .in = { UNIFORM(0, 1, 300, 3), LIST(0) }, .flags = CASE_NO_GRAD },
	{ "sum, opset 11", "ReduceSum", .opset = 11, .attrs = { AXES(-2), KEEP(0) },
	  .in = { NORMAL(3, 4, 5) } },
	{ "sum, opset 11, values", "ReduceSum", .opset = 11, .attrs = { AXES(0, 2), KEEP(0) },
	  .in = { VALUES(apart, 2, 3, 2) }, .expected = sums },
	{ "mean, opset 11, values", "ReduceMean", .opset = 11, .attrs = { AXES(-1), KEEP(1) },
	  .in = { VALUES(apart, 3, 4) }, .expected = means },
	{ "mean, one axis", "ReduceMean", .in = { NORMAL(3, 4, 5), LIST(2) } },
	{ "mean, axes dropped", "ReduceMean", .attrs = { KEEP(0) },
	  .in = { NORMAL(3, 4, 5), LIST(0, 2) } },
	{ "mean, all", "ReduceMean", .in = { NORMAL(3, 4) } },
	{ "mean, planes", "ReduceMean", .in = { NORMAL(2, 19, 7, 7), LIST(2, 3) },
	  .flags = CASE_NO_GRAD },
	{ "mean, opset 13", "ReduceMean", .opset = 13, .attrs = { AXES(1, 2) },
	  .in = { NORMAL(3, 4, 5) } },
	{ "max, one axis", "ReduceMax", .in = { VALUES(apart, 3, 4), LIST(1) } },
	{ "max, axis dropped", "ReduceMax", .attrs = { KEEP(0) },
	  .in = { VALUES(apart, 2, 3, 2), LIST(0) } },
	{ "max, all", "ReduceMax", .in = { VALUES(apart, 3, 4) } },
	{ "max, ties", "ReduceMax", .in = { INTS(0, 2, 9, 31), LIST(1) }, .flags = CASE_NO_GRAD },
	{ "max, opset 12", "ReduceMax", .opset = 12, .attrs = { AXES(0) },
	  .in = { VALUES(apart, 3, 4) } },
	{ "min, one axis", "ReduceMin", .in = { VALUES(apart, 3, 4), LIST(1) } },
	{ "min, opset 11", "ReduceMin", .opset = 11, .attrs = { AXES(0), KEEP(0) },
	  .in = { VALUES(apart, 3, 4) } },
	{ 0 },
};
