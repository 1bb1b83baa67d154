/* Cases of MaxPool, GlobalMaxPool and MaxPoolGrad. */
#include "case.h"

#include <math.h>

/* clang-format off */
#define LIST_ATTR(name, ...)                                                                       \
	{ name, ATTR_INTS, sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t),                   \
	  .ints = (const int64_t[]){ __VA_ARGS__ } }
#define KERNEL(...) LIST_ATTR("kernel_shape", __VA_ARGS__)
#define STRIDES(...) LIST_ATTR("strides", __VA_ARGS__)
#define PADS(...) LIST_ATTR("pads", __VA_ARGS__)
#define DILATIONS(...) LIST_ATTR("dilations", __VA_ARGS__)
#define FLAG(name) { name, ATTR_INT, .i = 1 }
#define AUTO_PAD(mode) { "auto_pad", ATTR_STRING, .s = mode }
/* Whole numbers, which no type rounds: rounding must not change which element is the largest. */
#define WHOLE(lo, hi, ...) { FILL_INTS, DT_F64, SHAPE(__VA_ARGS__), lo, hi, NULL }
/* clang-format on */

/* No two elements are close enough for a difference to change which is the largest. */
static const double apart[] = {
	12, -7,  3,  25, -18, 9,   -22, 14,  0,  -11, 20, -4,  7,  -15, 17, -1,  23, -9,
	5,  -20, 11, -2, 16,  -13, 2,   -24, 19, -6,  8,  -17, 21, -10, 4,  -14, 13, -23,
};

static const double not_finite[] = {
	1, NAN, -INFINITY, -INFINITY, 2, 3, -INFINITY, -INFINITY, INFINITY, NAN, NAN, INFINITY,
};

/* Ties and overlapping windows: the first of equal elements gets the gradient (PyTorch's). */
static const double ties[] = { 1, 2, 2, 0, 2, 2, -1, -1, 5, 0, 0, 5, 1, 1, 1, 1 };
static const double dy[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
static const double dx[] = { 0, 6, 4, 0, 0, 0, 0, 0, 57, 0, 0, 69, 0, 0, 0, 0 };

const struct op_case cases_max_pool[] = {
	{ "2x2", "MaxPool", .attrs = { KERNEL(2, 2), STRIDES(2, 2) },
	  .in = { VALUES(apart, 1, 1, 6, 6) } },
	{ "overlapping, padded", "MaxPool",
	  .attrs = { KERNEL(3, 3), STRIDES(2, 2), PADS(1, 1, 1, 1) },
	  .in = { VALUES(apart, 1, 2, 6, 3) } },
	{ "uneven pads", "MaxPool", .attrs = { KERNEL(3, 2), PADS(0, 1, 2, 0) },
	  .in = { VALUES(apart, 2, 1, 6, 3) } },
	{ "ceil_mode", "MaxPool",
	  .attrs = { KERNEL(2, 2), STRIDES(2, 2), PADS(0, 1, 0, 0), FLAG("ceil_mode") },
	  .in = { VALUES(apart, 1, 4, 3, 3) } },
	{ "dilated", "MaxPool", .attrs = { KERNEL(2, 2), DILATIONS(2, 3) },
	  .in = { VALUES(apart, 1, 1, 6, 6) } },
	{ "same, lower", "MaxPool",
	  .attrs = { KERNEL(2, 2), STRIDES(2, 2), AUTO_PAD("SAME_LOWER") },
	  .in = { VALUES(apart, 2, 2, 3, 3) } },
	{ "same, upper", "MaxPool",
	  .attrs = { KERNEL(2, 2), STRIDES(2, 2), AUTO_PAD("SAME_UPPER") },
	  .in = { VALUES(apart, 2, 2, 3, 3) } },
	{ "one axis", "MaxPool", .attrs = { KERNEL(3), STRIDES(2) },
	  .in = { VALUES(apart, 2, 2, 9) } },
	{ "three axes", "MaxPool", .attrs = { KERNEL(2, 2, 2), PADS(1, 0, 0, 0, 0, 0) },
	  .in = { VALUES(apart, 1, 2, 2, 3, 3) } },
	{ "indices", "MaxPool", .attrs = { KERNEL(2, 2) }, .in = { VALUES(apart, 2, 2, 3, 3) },
	  .outputs = 2 },
	{ "indices by columns", "MaxPool", .attrs = { KERNEL(2, 2), FLAG("storage_order") },
	  .in = { VALUES(apart, 2, 1, 6, 3) }, .outputs = 2 },
	{ "indices by columns, three axes", "MaxPool",
	  .attrs = { KERNEL(2, 3, 2), STRIDES(1, 2, 1), PADS(1, 1, 0, 0, 1, 1), DILATIONS(1, 1, 2),
		     FLAG("storage_order") },
	  .in = { NORMAL(2, 4, 4, 5, 5) }, .outputs = 2, .flags = CASE_NO_GRAD },
	{ "indices, channels in fours", "MaxPool",
	  .attrs = { KERNEL(3, 2), STRIDES(2, 1), PADS(1, 0, 1, 1), DILATIONS(1, 2) },
	  .in = { NORMAL(3, 12, 9, 7) }, .outputs = 2, .flags = CASE_NO_GRAD },
	{ "global", "GlobalMaxPool", .in = { VALUES(apart, 2, 2, 3, 3) } },
	{ "large", "MaxPool", .attrs = { KERNEL(3, 3), STRIDES(2, 2), PADS(1, 1, 1, 1) },
	  .in = { NORMAL(2, 19, 33, 17) }, .flags = CASE_NO_GRAD },
	{ "gradient", "MaxPoolGrad", "onnxtune", .attrs = { KERNEL(3, 3), PADS(1, 1, 1, 1) },
	  .in = { VALUES(dy, 1, 1, 4, 4), VALUES(ties, 1, 1, 4, 4) }, .flags = CASE_NO_GRAD,
	  .expected = dx },
	{ "gradient, large", "MaxPoolGrad", "onnxtune",
	  .attrs = { KERNEL(3, 3), STRIDES(2, 2), PADS(1, 1, 1, 1) },
	  .in = { NORMAL(2, 19, 17, 9), WHOLE(-100, 100, 2, 19, 33, 17) }, .flags = CASE_NO_GRAD },
	{ "channels in fours", "MaxPool",
	  .attrs = { KERNEL(3, 2), STRIDES(2, 1), PADS(1, 0, 1, 1), DILATIONS(1, 2) },
	  .in = { NORMAL(3, 12, 9, 7) }, .flags = CASE_NO_GRAD },
	{ "NaN and infinities", "MaxPool", .attrs = { KERNEL(2, 2) },
	  .in = { VALUES(not_finite, 1, 1, 3, 4) }, .flags = CASE_NO_GRAD },
	{ "gradient, NaN and infinities", "MaxPoolGrad", "onnxtune", .attrs = { KERNEL(2, 2) },
	  .in = { VALUES(dy, 1, 1, 2, 3), VALUES(not_finite, 1, 1, 3, 4) }, .flags = CASE_NO_GRAD },
	{ "gradient, channels in fours, dilated", "MaxPoolGrad", "onnxtune",
	  .attrs = { KERNEL(3, 2), STRIDES(2, 1), PADS(1, 0, 1, 1), DILATIONS(1, 2) },
	  .in = { NORMAL(3, 12, 5, 6), WHOLE(-50, 50, 3, 12, 9, 7) }, .flags = CASE_NO_GRAD },
	{ "gradient, dilated by more than the stride", "MaxPoolGrad", "onnxtune",
	  .attrs = { KERNEL(3, 3), STRIDES(2, 1), PADS(2, 1, 2, 1), DILATIONS(3, 2),
		     FLAG("ceil_mode") },
	  .in = { NORMAL(2, 3, 5, 6), WHOLE(-50, 50, 2, 3, 11, 8) }, .flags = CASE_NO_GRAD },
	{ "gradient, one axis", "MaxPoolGrad", "onnxtune",
	  .attrs = { KERNEL(3), STRIDES(2), PADS(1, 0) },
	  .in = { NORMAL(2, 3, 5), WHOLE(-50, 50, 2, 3, 10) }, .flags = CASE_NO_GRAD },
	{ "gradient, three axes", "MaxPoolGrad", "onnxtune",
	  .attrs = { KERNEL(2, 3, 2), STRIDES(1, 2, 1), PADS(1, 1, 0, 0, 1, 1) },
	  .in = { NORMAL(2, 4, 4, 3, 5), WHOLE(-50, 50, 2, 4, 4, 5, 5) }, .flags = CASE_NO_GRAD },
	{ "gradient of a large window", "MaxPoolGrad", "onnxtune",
	  .attrs = { KERNEL(17, 19), STRIDES(3, 2) },
	  .in = { NORMAL(2, 3, 2, 2), WHOLE(-100, 100, 2, 3, 20, 21) }, .flags = CASE_NO_GRAD },
	{ "gradient, many ties", "MaxPoolGrad", "onnxtune",
	  .attrs = { KERNEL(2, 2), STRIDES(2, 2) },
	  .in = { NORMAL(2, 5, 8, 8), WHOLE(0, 1, 2, 5, 16, 16) }, .flags = CASE_NO_GRAD },
	{ "gradient, disjoint windows, a rest", "MaxPoolGrad", "onnxtune",
	  .attrs = { KERNEL(2, 3), STRIDES(2, 3) },
	  .in = { NORMAL(3, 6, 5, 4), WHOLE(-9, 9, 3, 6, 11, 13) }, .flags = CASE_NO_GRAD },
	{ "gradient, disjoint windows, gaps", "MaxPoolGrad", "onnxtune",
	  .attrs = { KERNEL(2, 2), STRIDES(3, 4), PADS(1, 1, 1, 0), DILATIONS(1, 2) },
	  .in = { NORMAL(2, 3, 3, 3), WHOLE(-9, 9, 2, 3, 7, 10) }, .flags = CASE_NO_GRAD },
	{ "gradient, disjoint windows, one channel", "MaxPoolGrad", "onnxtune",
	  .attrs = { KERNEL(2, 2), STRIDES(2, 2) },
	  .in = { NORMAL(3, 1, 9, 10), WHOLE(-9, 9, 3, 1, 18, 20) }, .flags = CASE_NO_GRAD },
	{ "gradient, disjoint windows, three axes", "MaxPoolGrad", "onnxtune",
	  .attrs = { KERNEL(2, 2, 2), STRIDES(2, 2, 2) },
	  .in = { NORMAL(2, 19, 2, 3, 2), WHOLE(-9, 9, 2, 19, 4, 6, 5) }, .flags = CASE_NO_GRAD },
	{ "gradient, disjoint windows, one axis", "MaxPoolGrad", "onnxtune",
	  .attrs = { KERNEL(3), STRIDES(3), PADS(1, 1) },
	  .in = { NORMAL(2, 10, 6), WHOLE(-9, 9, 2, 10, 16) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
