/* Cases of Conv, of FusedConv and of the operators of its gradient. */
#include "case.h"

#include <math.h>

/* clang-format off */
#define LIST_ATTR(name, ...)                                                                       \
	{ name, ATTR_INTS, sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t),                   \
	  .ints = (const int64_t[]){ __VA_ARGS__ } }
#define STRIDES(...) LIST_ATTR("strides", __VA_ARGS__)
#define PADS(...) LIST_ATTR("pads", __VA_ARGS__)
#define DILATIONS(...) LIST_ATTR("dilations", __VA_ARGS__)
#define OF_SHAPE(...) LIST_ATTR("_shape", __VA_ARGS__)
#define GROUP(g) { "group", ATTR_INT, .i = g }
#define AUTO_PAD(mode) { "auto_pad", ATTR_STRING, .s = mode }
#define WIDE { "_out", ATTR_INT, .i = DT_F32 }
#define RELU { "relu", ATTR_INT, .i = 1 }
#define HIGH(x) { "high", ATTR_FLOAT, .f = x }
/* clang-format on */

/* A 3x3 image, a 2x2 kernel, stride 2, padding 1; the gradients are PyTorch's. */
static const double x[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
static const double w[] = { 1, -1, 2, 0.5 };
static const double dy[] = { 1, 2, 3, 4 };
static const double dx[] = { 0.5, 4, 1, -3, 4, -4, 1.5, 8, 2 };
static const double dw[] = { 20, 36, 36, 64 };

/* Two channels, 1x1: x -> 2 x + 1 + residual and x -> NaN, in [0, 6]. */
static const double fused_x[] = { -3, 0.5, 4, 1, -1, -2, 0, 3 };
static const double fused_w[] = { 2, 1 }, fused_dense[] = { 2, 0, 0, 1 };
static const double fused_bias[] = { 1, NAN };
static const double fused_residual[] = { 1, 2, 3, -4, 0, 1, 2, 3 };
static const double fused_y[] = { 0, 4, 6, 0, NAN, NAN, NAN, NAN };

const struct op_case cases_conv[] = {
	{ "3x3, padded", "Conv", .attrs = { PADS(1, 1, 1, 1) },
	  .in = { NORMAL(2, 3, 5, 4), NORMAL(4, 3, 3, 3), NORMAL(4) } },
	{ "1x1", "Conv", .in = { NORMAL(2, 3, 4, 3), NORMAL(5, 3, 1, 1) } },
	{ "strided, uneven pads", "Conv", .attrs = { STRIDES(2, 3), PADS(0, 1, 2, 0) },
	  .in = { NORMAL(2, 2, 7, 6), NORMAL(3, 2, 3, 2), NORMAL(3) } },
	{ "dilated", "Conv", .attrs = { DILATIONS(2, 1), PADS(2, 0, 2, 0) },
	  .in = { NORMAL(1, 2, 6, 5), NORMAL(2, 2, 3, 3) } },
	{ "groups", "Conv", .attrs = { GROUP(2), PADS(1, 1, 1, 1) },
	  .in = { NORMAL(2, 4, 4, 4), NORMAL(6, 2, 3, 3), NORMAL(6) } },
	{ "depthwise", "Conv", .attrs = { GROUP(4), STRIDES(2, 2), PADS(1, 1, 1, 1) },
	  .in = { NORMAL(2, 4, 5, 5), NORMAL(4, 1, 3, 3) } },
	{ "depthwise, two outputs each", "Conv", .attrs = { GROUP(3) },
	  .in = { NORMAL(1, 3, 4, 4), NORMAL(6, 1, 2, 2) } },
	{ "same, upper", "Conv", .attrs = { AUTO_PAD("SAME_UPPER"), STRIDES(2, 2) },
	  .in = { NORMAL(1, 2, 5, 6), NORMAL(2, 2, 2, 3) } },
	{ "same, lower", "Conv", .attrs = { AUTO_PAD("SAME_LOWER"), STRIDES(2, 2) },
	  .in = { NORMAL(1, 2, 5, 6), NORMAL(2, 2, 2, 3) } },
	{ "valid", "Conv", .attrs = { AUTO_PAD("VALID") },
	  .in = { NORMAL(1, 2, 5, 4), NORMAL(2, 2, 3, 2) } },
	{ "one axis", "Conv", .attrs = { STRIDES(2), PADS(2, 1) },
	  .in = { NORMAL(2, 3, 8), NORMAL(4, 3, 3), NORMAL(4) } },
	{ "three axes", "Conv", .attrs = { PADS(1, 0, 1, 1, 1, 0) },
	  .in = { NORMAL(1, 2, 3, 4, 3), NORMAL(2, 2, 2, 3, 2), NORMAL(2) } },
	{ "input not covered", "Conv", .attrs = { STRIDES(3, 3) },
	  .in = { NORMAL(1, 1, 8, 7), NORMAL(2, 1, 2, 2) } },
	{ "first layer", "Conv", .attrs = { STRIDES(2, 2), PADS(3, 3, 3, 3) },
	  .in = { NORMAL(2, 3, 33, 31), NORMAL(16, 3, 7, 7), NORMAL(16) }, .flags = CASE_NO_GRAD },
	{ "grey", "Conv", .attrs = { PADS(2, 2, 2, 2) },
	  .in = { NORMAL(3, 1, 28, 28), NORMAL(6, 1, 5, 5), NORMAL(6) }, .flags = CASE_NO_GRAD },
	{ "odd channels", "Conv", .attrs = { PADS(1, 1, 1, 1) },
	  .in = { NORMAL(2, 19, 9, 7), NORMAL(35, 19, 3, 3) }, .flags = CASE_NO_GRAD },
	{ "wide channels", "Conv", .attrs = { STRIDES(2, 2) },
	  .in = { NORMAL(2, 64, 8, 8), NORMAL(48, 64, 1, 1), NORMAL(48) }, .flags = CASE_NO_GRAD },
	{ "many groups", "Conv", .attrs = { GROUP(32), PADS(1, 1, 1, 1) },
	  .in = { NORMAL(2, 32, 9, 9), NORMAL(32, 1, 3, 3) }, .flags = CASE_NO_GRAD },
	{ "long rows", "Conv", .attrs = { PADS(1, 0, 1, 2) },
	  .in = { NORMAL(3, 64, 6, 5), NORMAL(33, 64, 3, 3), NORMAL(33) }, .flags = CASE_NO_GRAD },
	{ "small planes", "Conv", .attrs = { PADS(1, 1, 1, 1) },
	  .in = { NORMAL(5, 64, 2, 3), NORMAL(66, 64, 3, 3), NORMAL(66) }, .flags = CASE_NO_GRAD },
	{ "middling planes, many channels", "Conv", .attrs = { PADS(0, 1, 0, 1) },
	  .in = { NORMAL(11, 128, 14, 13), NORMAL(128, 128, 1, 2), NORMAL(128) },
	  .flags = CASE_NO_GRAD },
	{ "large planes, strided", "Conv", .attrs = { STRIDES(2, 2), PADS(1, 1, 1, 1) },
	  .in = { NORMAL(3, 64, 59, 60), NORMAL(3, 64, 3, 3), NORMAL(3) }, .flags = CASE_NO_GRAD },
	{ "residual", "FusedConv", "onnxtune", .attrs = { PADS(1, 1, 1, 1) },
	  .in = { NORMAL(2, 16, 5, 4), NORMAL(24, 16, 3, 3), NORMAL(24), NORMAL(2, 24, 5, 4) },
	  .flags = CASE_NO_GRAD },
	{ "residual, odd channels, limits", "FusedConv", "onnxtune",
	  .attrs = { STRIDES(2, 2), PADS(1, 1, 1, 1), RELU },
	  .in = { NORMAL(2, 19, 9, 7), NORMAL(35, 19, 3, 3), NORMAL(35), NORMAL(2, 35, 5, 4) },
	  .flags = CASE_NO_GRAD },
	{ "limits", "FusedConv", "onnxtune", .attrs = { RELU, HIGH(1.5f) },
	  .in = { NORMAL(2, 8, 4, 3), NORMAL(16, 8, 1, 1), NORMAL(16) }, .flags = CASE_NO_GRAD },
	{ "one axis, limits", "FusedConv", "onnxtune", .attrs = { PADS(2, 1), RELU },
	  .in = { NORMAL(2, 8, 9), NORMAL(16, 8, 3), NORMAL(16), NORMAL(2, 16, 10) },
	  .flags = CASE_NO_GRAD },
	{ "depthwise, limits", "FusedConv", "onnxtune",
	  .attrs = { GROUP(16), PADS(1, 1, 1, 1), RELU, HIGH(2) },
	  .in = { NORMAL(2, 16, 9, 9), NORMAL(16, 1, 3, 3), NORMAL(16) }, .flags = CASE_NO_GRAD },
	{ "depthwise, residual, limits", "FusedConv", "onnxtune",
	  .attrs = { GROUP(8), STRIDES(2, 2), PADS(1, 1, 1, 1), RELU },
	  .in = { NORMAL(2, 8, 9, 9), NORMAL(8, 1, 3, 3), NORMAL(8), NORMAL(2, 8, 5, 5) },
	  .flags = CASE_NO_GRAD },
	{ "NaN, depthwise", "FusedConv", "onnxtune", .attrs = { GROUP(2), RELU, HIGH(6) },
	  .in = { VALUES(fused_x, 1, 2, 2, 2), VALUES(fused_w, 2, 1, 1, 1), VALUES(fused_bias, 2),
		  VALUES(fused_residual, 1, 2, 2, 2) },
	  .flags = CASE_NO_GRAD, .expected = fused_y },
	{ "NaN", "FusedConv", "onnxtune", .attrs = { RELU, HIGH(6) },
	  .in = { VALUES(fused_x, 1, 2, 2, 2), VALUES(fused_dense, 2, 2, 1, 1),
		  VALUES(fused_bias, 2), VALUES(fused_residual, 1, 2, 2, 2) },
	  .flags = CASE_NO_GRAD, .expected = fused_y },
	{ "input gradient", "ConvGradInput", "onnxtune",
	  .attrs = { STRIDES(2, 2), PADS(1, 1, 1, 1), OF_SHAPE(1, 1, 3, 3) },
	  .in = { VALUES(dy, 1, 1, 2, 2), VALUES(w, 1, 1, 2, 2) }, .flags = CASE_NO_GRAD,
	  .expected = dx },
	{ "input gradient, odd channels", "ConvGradInput", "onnxtune",
	  .attrs = { STRIDES(2, 2), PADS(1, 1, 1, 1), OF_SHAPE(2, 19, 10, 7) },
	  .in = { NORMAL(2, 35, 5, 4), NORMAL(35, 19, 3, 3) }, .flags = CASE_NO_GRAD },
	{ "input gradient, small planes", "ConvGradInput", "onnxtune",
	  .attrs = { PADS(1, 1, 1, 1), OF_SHAPE(5, 64, 2, 3) },
	  .in = { NORMAL(5, 66, 2, 3), NORMAL(66, 64, 3, 3) }, .flags = CASE_NO_GRAD },
	{ "input gradient, large planes", "ConvGradInput", "onnxtune",
	  .attrs = { STRIDES(2, 2), PADS(1, 1, 1, 1), OF_SHAPE(3, 64, 59, 60) },
	  .in = { NORMAL(3, 3, 30, 30), NORMAL(3, 64, 3, 3) }, .flags = CASE_NO_GRAD },
	{ "input gradient, depthwise", "ConvGradInput", "onnxtune",
	  .attrs = { GROUP(16), PADS(1, 1, 1, 1), OF_SHAPE(2, 16, 9, 9) },
	  .in = { NORMAL(2, 16, 9, 9), NORMAL(16, 1, 3, 3) }, .flags = CASE_NO_GRAD },
	{ "input gradient, one axis", "ConvGradInput", "onnxtune",
	  .attrs = { DILATIONS(2), PADS(2, 2), OF_SHAPE(2, 5, 12) },
	  .in = { NORMAL(2, 7, 12), NORMAL(7, 5, 3) }, .flags = CASE_NO_GRAD },
	{ "weight gradient", "ConvGradWeight", "onnxtune",
	  .attrs = { STRIDES(2, 2), PADS(1, 1, 1, 1), OF_SHAPE(1, 1, 2, 2) },
	  .in = { VALUES(dy, 1, 1, 2, 2), VALUES(x, 1, 1, 3, 3) }, .flags = CASE_NO_GRAD,
	  .expected = dw },
	{ "weight gradient, odd channels", "ConvGradWeight", "onnxtune",
	  .attrs = { STRIDES(2, 2), PADS(1, 1, 1, 1), OF_SHAPE(35, 19, 3, 3), WIDE },
	  .in = { NORMAL(2, 35, 5, 4), NORMAL(2, 19, 10, 7) },
	  .flags = CASE_NO_GRAD | CASE_MAY_NARROW },
	{ "weight gradient, wide result, one position", "ConvGradWeight", "onnxtune",
	  .attrs = { OF_SHAPE(70, 35, 1, 1), WIDE },
	  .in = { NORMAL(3, 70, 5, 7), NORMAL(3, 35, 5, 7) },
	  .flags = CASE_NO_GRAD | CASE_MAY_NARROW },
	{ "weight gradient, wide result, one position in four", "ConvGradWeight", "onnxtune",
	  .attrs = { STRIDES(2, 2), OF_SHAPE(33, 64, 1, 1), WIDE },
	  .in = { NORMAL(3, 33, 4, 5), NORMAL(3, 64, 7, 10) },
	  .flags = CASE_NO_GRAD | CASE_MAY_NARROW },
	{ "weight gradient, wide result, many rows", "ConvGradWeight", "onnxtune",
	  .attrs = { STRIDES(1, 2), PADS(1, 0, 1, 2), DILATIONS(1, 2), OF_SHAPE(40, 45, 3, 2),
		     WIDE },
	  .in = { NORMAL(3, 40, 29, 32), NORMAL(3, 45, 29, 63) },
	  .flags = CASE_NO_GRAD | CASE_MAY_NARROW },
	{ "weight gradient, small planes", "ConvGradWeight", "onnxtune",
	  .attrs = { PADS(2, 2, 2, 2), OF_SHAPE(66, 64, 5, 5) },
	  .in = { NORMAL(5, 66, 2, 2), NORMAL(5, 64, 2, 2) }, .flags = CASE_NO_GRAD },
	{ "weight gradient, middling planes, many channels", "ConvGradWeight", "onnxtune",
	  .attrs = { PADS(0, 1, 0, 1), OF_SHAPE(128, 128, 1, 2) },
	  .in = { NORMAL(11, 128, 14, 14), NORMAL(11, 128, 14, 13) }, .flags = CASE_NO_GRAD },
	{ "weight gradient, large planes", "ConvGradWeight", "onnxtune",
	  .attrs = { STRIDES(2, 2), PADS(1, 1, 1, 1), OF_SHAPE(3, 64, 3, 3) },
	  .in = { NORMAL(3, 3, 30, 30), NORMAL(3, 64, 59, 60) }, .flags = CASE_NO_GRAD },
	{ "weight gradient, depthwise", "ConvGradWeight", "onnxtune",
	  .attrs = { GROUP(16), PADS(1, 1, 1, 1), OF_SHAPE(16, 1, 3, 3) },
	  .in = { NORMAL(2, 16, 9, 9), NORMAL(2, 16, 9, 9) }, .flags = CASE_NO_GRAD },
	{ "weight gradient, depthwise, long rows", "ConvGradWeight", "onnxtune",
	  .attrs = { GROUP(67), STRIDES(2, 1), PADS(2, 3, 2, 1), OF_SHAPE(67, 1, 5, 5) },
	  .in = { NORMAL(2, 67, 4, 130), NORMAL(2, 67, 7, 130) }, .flags = CASE_NO_GRAD },
	{ "weight gradient, depthwise, strided rows", "ConvGradWeight", "onnxtune",
	  .attrs = { GROUP(19), STRIDES(1, 2), DILATIONS(1, 2), PADS(0, 2, 0, 1),
		     OF_SHAPE(19, 1, 9, 3) },
	  .in = { NORMAL(3, 19, 3, 9), NORMAL(3, 19, 11, 18) }, .flags = CASE_NO_GRAD },
	{ "weight gradient, depthwise, rows of seven", "ConvGradWeight", "onnxtune",
	  .attrs = { GROUP(19), PADS(3, 3, 3, 3), OF_SHAPE(19, 1, 7, 7) },
	  .in = { NORMAL(2, 19, 9, 8), NORMAL(2, 19, 9, 8) }, .flags = CASE_NO_GRAD },
	{ "weight gradient, depthwise, many samples", "ConvGradWeight", "onnxtune",
	  .attrs = { GROUP(3), PADS(2, 2, 2, 2), OF_SHAPE(3, 1, 5, 5) },
	  .in = { NORMAL(67, 3, 6, 5), NORMAL(67, 3, 6, 5) }, .flags = CASE_NO_GRAD },
	{ "weight gradient, one axis", "ConvGradWeight", "onnxtune",
	  .attrs = { DILATIONS(2), PADS(2, 2), OF_SHAPE(7, 5, 3) },
	  .in = { NORMAL(2, 7, 12), NORMAL(2, 5, 12) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
