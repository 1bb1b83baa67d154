/* Cases of BatchNormalization, BatchNormTrain and BatchNormGrad; expected values are PyTorch's. */
#include "case.h"

/* clang-format off */
#define EPSILON(e) { "epsilon", ATTR_FLOAT, .f = e }
#define TRAINING { "training_mode", ATTR_INT, .i = 1 }
/* Uniform in float32 whatever type is under test: half types can't tell them from each other. */
#define FLOATS(lo, hi, ...) { FILL_UNIFORM, DT_F32, SHAPE(__VA_ARGS__), lo, hi, NULL }
/* Scale, bias, mean and variance of c channels. */
#define CHANNELS(c) NORMAL(c), NORMAL(c), NORMAL(c), UNIFORM(0.5, 2, c)
/* clang-format on */

static const double x[] = { 1, 2, 3, -4, 6, 8 };
static const double scale[] = { 2, 0.5 };
static const double bias[] = { 0.5, -1 };
static const double zero[] = { 0, 0 };
static const double y[] = { -1.7708372987645982, -1,
			    0.17559467160505715, -1.612359977326894,
			    3.09524262715954,    -0.38764002267310627 };
static const double dy[] = { 1, 0, 2, 1, -1, 3 };
static const double mean[] = { 3.3333333333333335, 2 };
static const double rstd[] = { 0.48660799259241383, 0.20411999244229795 };
static const double dx[] = { -0.6912606538998112, -0.13607999496153195, 1.1525261732519483,
			     0.06803584481786078, -0.461265519352137,   0.0680441501436712 };

const struct op_case cases_batch_normalization[] = {
	{ "images", "BatchNormalization", .in = { NORMAL(2, 3, 4, 5), CHANNELS(3) } },
	{ "rows", "BatchNormalization", .attrs = { EPSILON(0.01f) },
	  .in = { NORMAL(4, 3), CHANNELS(3) } },
	{ "one axis", "BatchNormalization", .in = { NORMAL(2, 3, 7), CHANNELS(3) } },
	{ "three axes", "BatchNormalization", .in = { NORMAL(2, 3, 2, 3, 2), CHANNELS(3) } },
	{ "opset 7", "BatchNormalization", .opset = 7, .in = { NORMAL(2, 3, 4), CHANNELS(3) } },
	{ "opset 9", "BatchNormalization", .opset = 9, .in = { NORMAL(2, 3, 4), CHANNELS(3) } },
	{ "training mode", "BatchNormalization", .attrs = { TRAINING },
	  .in = { NORMAL(3, 2, 4), CHANNELS(2) } },
	{ "training mode, statistics", "BatchNormalization", .attrs = { TRAINING },
	  .in = { NORMAL(3, 2, 4), CHANNELS(2) }, .outputs = 3, .flags = CASE_NO_GRAD },
	{ "odd channels", "BatchNormalization", .in = { NORMAL(2, 35, 9, 7), CHANNELS(35) },
	  .flags = CASE_NO_GRAD },
	{ "train, images", "BatchNormTrain", "onnxtune", .in = { NORMAL(2, 3, 4, 5), CHANNELS(3) },
	  .outputs = 5, .flags = CASE_NO_GRAD },
	{ "train, gradient", "BatchNormTrain", "onnxtune", .attrs = { EPSILON(0.1f) },
	  .in = { NORMAL(3, 2, 4), CHANNELS(2) } },
	{ "train, rows", "BatchNormTrain", "onnxtune",
	  .attrs = { EPSILON(0x1p-10f), { "momentum", ATTR_FLOAT, .f = 0.5f } },
	  .in = { VALUES(x, 3, 2), VALUES(scale, 2), VALUES(bias, 2), VALUES(zero, 2),
		  VALUES(zero, 2) },
	  .outputs = 5, .flags = CASE_NO_GRAD, .expected = y },
	{ "train, odd channels", "BatchNormTrain", "onnxtune",
	  .in = { NORMAL(2, 35, 9, 7), CHANNELS(35) }, .outputs = 5, .flags = CASE_NO_GRAD },
	{ "train, far from zero", "BatchNormTrain", "onnxtune",
	  .in = { FLOATS(100, 101, 4, 3, 8, 8), FLOATS(1, 2, 3), FLOATS(1, 2, 3), FLOATS(0, 1, 3),
		  FLOATS(1, 2, 3) },
	  .outputs = 5, .flags = CASE_NO_GRAD },
	{ "train, several parts", "BatchNormTrain", "onnxtune",
	  .in = { UNIFORM(-0.5, 1, 4, 3, 41, 39), CHANNELS(3) }, .outputs = 5,
	  .flags = CASE_NO_GRAD },
	{ "train, parts far from zero", "BatchNormTrain", "onnxtune",
	  .in = { FLOATS(100, 101, 4, 3, 41, 39), FLOATS(1, 2, 3), FLOATS(1, 2, 3), FLOATS(0, 1, 3),
		  FLOATS(1, 2, 3) },
	  .outputs = 5, .flags = CASE_NO_GRAD },
	{ "gradient", "BatchNormGrad", "onnxtune",
	  .in = { VALUES(dy, 3, 2), VALUES(x, 3, 2), VALUES(scale, 2), VALUES(mean, 2),
		  VALUES(rstd, 2) },
	  .outputs = 3, .flags = CASE_NO_GRAD, .expected = dx },
	{ "gradient, odd channels", "BatchNormGrad", "onnxtune",
	  .in = { NORMAL(2, 35, 9, 7), NORMAL(2, 35, 9, 7), NORMAL(35), UNIFORM(-0.1, 0.1, 35),
		  UNIFORM(0.9, 1.1, 35) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "gradient, several parts", "BatchNormGrad", "onnxtune",
	  .in = { NORMAL(4, 3, 41, 39), NORMAL(4, 3, 41, 39), NORMAL(3), UNIFORM(-0.1, 0.1, 3),
		  UNIFORM(0.9, 1.1, 3) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "gradient, large parts", "BatchNormGrad", "onnxtune",
	  .in = { NORMAL(2, 1, 739, 733), NORMAL(2, 1, 739, 733), NORMAL(1), UNIFORM(-0.1, 0.1, 1),
		  UNIFORM(0.9, 1.1, 1) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ 0 },
};
