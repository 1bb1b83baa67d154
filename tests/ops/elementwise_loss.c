/* Cases of the losses of outputs with targets of their shape and of their gradients; expected values are
 * PyTorch's. */
#include "case.h"

/* clang-format off */
#define WEIGHTS(lo, hi, ...) { FILL_UNIFORM, DT_F32, SHAPE(__VA_ARGS__), lo, hi, NULL }
#define WEIGHT_VALUES(v, ...) { FILL_VALUES, DT_F32, SHAPE(__VA_ARGS__), 0, 0, v }
/* clang-format on */

/* The last sample has weight 0. */
static const double y[] = { 0.5, -1.5, 800, 2, -800, 0, 1, 2, 3 };
static const double t[] = { 1, 0, 0.25, 0.5, 0.25, 1, 0, 0, 0 };
static const double weights[] = { 1, 0.5, 0 };
static const double bce[] = { 233.86184261932144 };
static const double bce_dy[] = { -0.25169377919876357,
				 0.12161701587090423,
				 0.5,
				 0.12693235932596075,
				 -0.08333333333333333,
				 -0.16666666666666666,
				 0,
				 0,
				 0 };
static const double mse[] = { 319934.7395833333 };
static const double mse_dy[] = {
	-0.6666666666666666, -2, 1066.3333333333333, 1, -533.5, -0.6666666666666666, 0, 0, 0
};

/* torchvision.ops.sigmoid_focal_loss with gamma 2 and no alpha. */
static const double hard[] = { 1, 0, 1, 0, 1, 1, 0, 0, 0 };
static const double focal[] = { 133.66198627490826 };
static const double focal_dy[] = { -0.04597899911697147,
				   0.005677035074411977,
				   0,
				   0.17945228840808033,
				   -0.16666666666666666,
				   -0.049714465856664385,
				   0,
				   0,
				   0 };

static const double l1[] = { 401.04166666666663 };
static const double l1_dy[] = { -2. / 3, -2. / 3, 2. / 3, 1. / 3, -1. / 3, -1. / 3, 0, 0, 0 };
static const double huber[] = { 300.36979166666663 };
static const double huber_dy[] = { -1. / 3, -0.5, 0.5, 0.25, -0.25, -0.25, 0, 0, 0 };

const struct op_case cases_elementwise_loss[] = {
	{ "bce", "SigmoidCrossEntropy", "onnxtune",
	  .in = { NORMAL(4, 5), UNIFORM(0, 1, 4, 5), WEIGHTS(0.5, 2, 4) } },
	{ "bce, maps", "SigmoidCrossEntropy", "onnxtune",
	  .in = { NORMAL(2, 1, 3, 4), UNIFORM(0, 1, 2, 1, 3, 4), WEIGHTS(0.5, 2, 2) } },
	{ "bce, one output", "SigmoidCrossEntropy", "onnxtune",
	  .in = { NORMAL(4), UNIFORM(0, 1, 4), WEIGHTS(0.5, 2, 4) } },
	{ "bce, large logits", "SigmoidCrossEntropy", "onnxtune",
	  .in = { VALUES(y, 3, 3), VALUES(t, 3, 3), WEIGHT_VALUES(weights, 3) },
	  .flags = CASE_NO_GRAD, .expected = bce },
	{ "bce, many", "SigmoidCrossEntropy", "onnxtune",
	  .in = { NORMAL(33, 129), UNIFORM(0, 1, 33, 129), WEIGHTS(0, 2, 33) },
	  .flags = CASE_NO_GRAD },
	{ "bce, gradient", "SigmoidCrossEntropyGrad", "onnxtune",
	  .in = { SCALAR(2), VALUES(y, 3, 3), VALUES(t, 3, 3), WEIGHT_VALUES(weights, 3) },
	  .flags = CASE_NO_GRAD, .expected = bce_dy },
	{ "bce, gradient, many", "SigmoidCrossEntropyGrad", "onnxtune",
	  .in = { SCALAR(2), NORMAL(33, 129), UNIFORM(0, 1, 33, 129), WEIGHTS(0, 2, 33) },
	  .flags = CASE_NO_GRAD },
	{ "bce, gradient, maps", "SigmoidCrossEntropyGrad", "onnxtune",
	  .in = { SCALAR(2), NORMAL(3, 5, 17, 19), UNIFORM(0, 1, 3, 5, 17, 19),
		  WEIGHTS(0.5, 2, 3) },
	  .flags = CASE_NO_GRAD },
	{ "mse", "SquaredError", "onnxtune",
	  .in = { NORMAL(4, 5), NORMAL(4, 5), WEIGHTS(0.5, 2, 4) } },
	{ "mse, one output", "SquaredError", "onnxtune",
	  .in = { NORMAL(4), NORMAL(4), WEIGHTS(0.5, 2, 4) } },
	{ "mse, values", "SquaredError", "onnxtune",
	  .in = { VALUES(y, 3, 3), VALUES(t, 3, 3), WEIGHT_VALUES(weights, 3) },
	  .flags = CASE_NO_GRAD, .expected = mse },
	{ "mse, many", "SquaredError", "onnxtune",
	  .in = { NORMAL(33, 129), NORMAL(33, 129), WEIGHTS(0, 2, 33) }, .flags = CASE_NO_GRAD },
	{ "mse, gradient", "SquaredErrorGrad", "onnxtune",
	  .in = { SCALAR(2), VALUES(y, 3, 3), VALUES(t, 3, 3), WEIGHT_VALUES(weights, 3) },
	  .flags = CASE_NO_GRAD, .expected = mse_dy },
	{ "mse, gradient, many", "SquaredErrorGrad", "onnxtune",
	  .in = { SCALAR(2), NORMAL(33, 129), NORMAL(33, 129), WEIGHTS(0, 2, 33) },
	  .flags = CASE_NO_GRAD },
	{ "mse, maps", "SquaredError", "onnxtune",
	  .in = { NORMAL(3, 5, 17, 19), NORMAL(3, 5, 17, 19), WEIGHTS(0.5, 2, 3) },
	  .flags = CASE_NO_GRAD },
	{ "l1", "AbsoluteError", "onnxtune",
	  .in = { NORMAL(4, 5), NORMAL(4, 5), WEIGHTS(0.5, 2, 4) } },
	{ "l1, values", "AbsoluteError", "onnxtune",
	  .in = { VALUES(y, 3, 3), VALUES(t, 3, 3), WEIGHT_VALUES(weights, 3) },
	  .flags = CASE_NO_GRAD, .expected = l1 },
	{ "l1, gradient", "AbsoluteErrorGrad", "onnxtune",
	  .in = { SCALAR(2), VALUES(y, 3, 3), VALUES(t, 3, 3), WEIGHT_VALUES(weights, 3) },
	  .flags = CASE_NO_GRAD, .expected = l1_dy },
	{ "huber", "HuberError", "onnxtune",
	  .in = { NORMAL(4, 5), NORMAL(4, 5), WEIGHTS(0.5, 2, 4) } },
	{ "huber, values", "HuberError", "onnxtune",
	  .attrs = { { "delta", ATTR_DOUBLE, .d = 0.75 } },
	  .in = { VALUES(y, 3, 3), VALUES(t, 3, 3), WEIGHT_VALUES(weights, 3) },
	  .flags = CASE_NO_GRAD, .expected = huber },
	{ "huber, gradient", "HuberErrorGrad", "onnxtune",
	  .attrs = { { "delta", ATTR_DOUBLE, .d = 0.75 } },
	  .in = { SCALAR(2), VALUES(y, 3, 3), VALUES(t, 3, 3), WEIGHT_VALUES(weights, 3) },
	  .flags = CASE_NO_GRAD, .expected = huber_dy },
	{ "focal", "SigmoidCrossEntropy", "onnxtune", .attrs = { { "gamma", ATTR_DOUBLE, .d = 2 } },
	  .in = { VALUES(y, 3, 3), VALUES(hard, 3, 3), WEIGHT_VALUES(weights, 3) },
	  .flags = CASE_NO_GRAD, .expected = focal },
	{ "focal, gradient", "SigmoidCrossEntropyGrad", "onnxtune",
	  .attrs = { { "gamma", ATTR_DOUBLE, .d = 2 } },
	  .in = { SCALAR(1), VALUES(y, 3, 3), VALUES(hard, 3, 3), WEIGHT_VALUES(weights, 3) },
	  .flags = CASE_NO_GRAD, .expected = focal_dy },
	{ "focal, odd power", "SigmoidCrossEntropy", "onnxtune",
	  .attrs = { { "gamma", ATTR_DOUBLE, .d = 0.7 } },
	  .in = { NORMAL(5, 3), UNIFORM(0, 1, 5, 3), WEIGHTS(0.5, 2, 5) } },
	{ "l1, many", "AbsoluteError", "onnxtune",
	  .in = { NORMAL(33, 529), NORMAL(33, 529), WEIGHTS(0, 2, 33) }, .flags = CASE_NO_GRAD },
	{ "l1, many slopes", "AbsoluteErrorGrad", "onnxtune",
	  .in = { SCALAR(2), NORMAL(33, 529), NORMAL(33, 529), WEIGHTS(0, 2, 33) },
	  .flags = CASE_NO_GRAD },
	{ "huber, many", "HuberError", "onnxtune", .attrs = { { "delta", ATTR_DOUBLE, .d = 0.3 } },
	  .in = { NORMAL(33, 529), NORMAL(33, 529), WEIGHTS(0, 2, 33) }, .flags = CASE_NO_GRAD },
	{ "huber, many slopes", "HuberErrorGrad", "onnxtune",
	  .attrs = { { "delta", ATTR_DOUBLE, .d = 0.3 } },
	  .in = { SCALAR(2), NORMAL(33, 529), NORMAL(33, 529), WEIGHTS(0, 2, 33) },
	  .flags = CASE_NO_GRAD },
	{ "focal, many", "SigmoidCrossEntropy", "onnxtune",
	  .attrs = { { "gamma", ATTR_DOUBLE, .d = 2 } },
	  .in = { NORMAL(33, 529), UNIFORM(0, 1, 33, 529), WEIGHTS(0, 2, 33) },
	  .flags = CASE_NO_GRAD },
	{ "focal, many slopes", "SigmoidCrossEntropyGrad", "onnxtune",
	  .attrs = { { "gamma", ATTR_DOUBLE, .d = 2 } },
	  .in = { SCALAR(2), NORMAL(33, 529), UNIFORM(0, 1, 33, 529), WEIGHTS(0, 2, 33) },
	  .flags = CASE_NO_GRAD },
	{ "focal, slopes at an odd power", "SigmoidCrossEntropyGrad", "onnxtune",
	  .attrs = { { "gamma", ATTR_DOUBLE, .d = 0.7 } },
	  .in = { SCALAR(1), VALUES(y, 3, 3), VALUES(hard, 3, 3), WEIGHT_VALUES(weights, 3) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
