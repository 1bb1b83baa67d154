/* Cases of AveragePool, GlobalAveragePool and AveragePoolGrad. */
#include "case.h"

/* clang-format off */
#define LIST_ATTR(name, ...)                                                                       \
	{ name, ATTR_INTS, sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t),                   \
	  .ints = (const int64_t[]){ __VA_ARGS__ } }
#define KERNEL(...) LIST_ATTR("kernel_shape", __VA_ARGS__)
#define STRIDES(...) LIST_ATTR("strides", __VA_ARGS__)
#define PADS(...) LIST_ATTR("pads", __VA_ARGS__)
#define DILATIONS(...) LIST_ATTR("dilations", __VA_ARGS__)
#define OF_SHAPE(...) LIST_ATTR("_shape", __VA_ARGS__)
#define FLAG(name) { name, ATTR_INT, .i = 1 }
#define AUTO_PAD(mode) { "auto_pad", ATTR_STRING, .s = mode }
/* clang-format on */

/* Gradients are PyTorch's. */
static const double dy[] = { 1, 2, 3, 4 };
static const double dx_ceil[] = { 0.25, 0.25, 1, 0.25, 0.25, 1, 1.5, 1.5, 4 };
static const double dx_last[] = { 0.5, 0, 1, 1 };
static const double dy_padded[] = { 9, 18, 27, 36 };
static const double dx_padded[] = { 1, 3, 2, 4, 10, 6, 3, 7, 4 };

const struct op_case cases_average_pool[] = {
	{ "2x2", "AveragePool", .attrs = { KERNEL(2, 2), STRIDES(2, 2) },
	  .in = { NORMAL(2, 3, 6, 4) } },
	{ "padding not counted", "AveragePool", .attrs = { KERNEL(3, 3), PADS(1, 1, 1, 1) },
	  .in = { NORMAL(2, 2, 4, 5) } },
	{ "padding counted", "AveragePool",
	  .attrs = { KERNEL(3, 3), PADS(1, 0, 1, 2), FLAG("count_include_pad") },
	  .in = { NORMAL(2, 2, 4, 5) } },
	{ "ceil_mode", "AveragePool", .attrs = { KERNEL(3, 2), STRIDES(2, 2), FLAG("ceil_mode") },
	  .in = { NORMAL(1, 2, 6, 5) } },
	{ "ceil_mode, padding counted", "AveragePool",
	  .attrs = { KERNEL(3, 3), STRIDES(2, 2), PADS(1, 1, 1, 1), FLAG("ceil_mode"),
		     FLAG("count_include_pad") },
	  .in = { NORMAL(1, 2, 6, 4) } },
	{ "dilated", "AveragePool", .attrs = { KERNEL(2, 2), DILATIONS(2, 3), PADS(1, 0, 0, 1) },
	  .in = { NORMAL(1, 2, 5, 6) } },
	{ "same, upper", "AveragePool",
	  .attrs = { KERNEL(2, 3), STRIDES(2, 2), AUTO_PAD("SAME_UPPER") },
	  .in = { NORMAL(1, 2, 5, 5) } },
	{ "one axis", "AveragePool", .attrs = { KERNEL(3), STRIDES(2) },
	  .in = { NORMAL(2, 3, 9) } },
	{ "three axes", "AveragePool", .attrs = { KERNEL(2, 1, 2), PADS(0, 0, 1, 0, 0, 0) },
	  .in = { NORMAL(1, 2, 3, 2, 3) } },
	{ "opset 7", "AveragePool", .opset = 7, .attrs = { KERNEL(2, 2) },
	  .in = { NORMAL(1, 2, 3, 3) } },
	{ "global", "GlobalAveragePool", .in = { NORMAL(2, 3, 4, 5) } },
	{ "large", "AveragePool", .attrs = { KERNEL(3, 3), STRIDES(2, 2), PADS(1, 1, 1, 1) },
	  .in = { NORMAL(2, 19, 33, 17) }, .flags = CASE_NO_GRAD },
	{ "gradient, ceil_mode", "AveragePoolGrad", "onnxtune",
	  .attrs = { KERNEL(2, 2), STRIDES(2, 2), FLAG("ceil_mode"), OF_SHAPE(1, 1, 3, 3) },
	  .in = { VALUES(dy, 1, 1, 2, 2) }, .flags = CASE_NO_GRAD, .expected = dx_ceil },
	/* A third window would start in the padding. */
	{ "gradient, last window dropped", "AveragePoolGrad", "onnxtune",
	  .attrs = { KERNEL(2), STRIDES(3), PADS(1, 1), FLAG("ceil_mode"),
		     FLAG("count_include_pad"), OF_SHAPE(1, 1, 4) },
	  .in = { VALUES(dy, 1, 1, 2) }, .flags = CASE_NO_GRAD, .expected = dx_last },
	{ "gradient, padding counted", "AveragePoolGrad", "onnxtune",
	  .attrs = { KERNEL(3, 3), STRIDES(2, 2), PADS(1, 1, 1, 1), FLAG("count_include_pad"),
		     OF_SHAPE(1, 1, 3, 3) },
	  .in = { VALUES(dy_padded, 1, 1, 2, 2) }, .flags = CASE_NO_GRAD, .expected = dx_padded },
	{ "gradient, large", "AveragePoolGrad", "onnxtune",
	  .attrs = { KERNEL(3, 3), STRIDES(2, 2), PADS(1, 1, 1, 1), OF_SHAPE(2, 19, 33, 17) },
	  .in = { NORMAL(2, 19, 17, 9) }, .flags = CASE_NO_GRAD },
	{ "channels in fours", "AveragePool",
	  .attrs = { KERNEL(3, 2), STRIDES(2, 1), PADS(1, 0, 1, 1), DILATIONS(1, 2) },
	  .in = { NORMAL(3, 12, 9, 7) }, .flags = CASE_NO_GRAD },
	{ "gradient, channels in fours", "AveragePoolGrad", "onnxtune",
	  .attrs = { KERNEL(3, 2), STRIDES(2, 1), PADS(1, 0, 1, 1), DILATIONS(1, 2),
		     FLAG("count_include_pad"), OF_SHAPE(3, 12, 9, 7) },
	  .in = { NORMAL(3, 12, 5, 6) }, .flags = CASE_NO_GRAD },
	{ "gradient, dilated by more than the stride", "AveragePoolGrad", "onnxtune",
	  .attrs = { KERNEL(3, 3), STRIDES(2, 1), PADS(2, 1, 2, 1), DILATIONS(3, 2),
		     FLAG("ceil_mode"), OF_SHAPE(2, 3, 11, 8) },
	  .in = { NORMAL(2, 3, 5, 6) }, .flags = CASE_NO_GRAD },
	{ "gradient, three axes", "AveragePoolGrad", "onnxtune",
	  .attrs = { KERNEL(2, 3, 2), STRIDES(1, 2, 1), PADS(1, 1, 0, 0, 1, 1),
		     OF_SHAPE(2, 4, 4, 5, 5) },
	  .in = { NORMAL(2, 4, 4, 3, 5) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
