/* Cases of LayerNormalization and LayerNormGrad; expected values are PyTorch's. */
#include "case.h"

/* clang-format off */
#define AXIS(a) { "axis", ATTR_INT, .i = a }
#define EPSILON(e) { "epsilon", ATTR_FLOAT, .f = e }
/* Uniform in float32 whatever type is under test: half types can't tell them from each other. */
#define FLOATS(lo, hi, ...) { FILL_UNIFORM, DT_F32, SHAPE(__VA_ARGS__), lo, hi, NULL }
/* clang-format on */

static const double x[] = { 1, 2, 4, 3, -4, 0 };
static const double scale[] = { 2, 0.5, 1 };
static const double dy[] = { 1, 0, 2, 2, 1, -1 };
static const double mean[] = { 2.3333333333333335, -0.3333333333333333 };
static const double rstd[] = { 0.8015321682009134, 0.3487222077836326 };
static const double dx[] = { 0.6869317863967955, -1.030565305702171, 0.34363351930537644,
			     0.4618837951019541, 0.3462972244577503, -0.8081810295597045 };

const struct op_case cases_layer_normalization[] = {
	{ "last axis", "LayerNormalization", .in = { NORMAL(2, 3, 5), NORMAL(5), NORMAL(5) } },
	{ "no bias", "LayerNormalization", .attrs = { EPSILON(0.01f) },
	  .in = { NORMAL(4, 6), NORMAL(6) } },
	{ "two axes", "LayerNormalization", .attrs = { AXIS(1) },
	  .in = { NORMAL(3, 2, 4), NORMAL(2, 4), NORMAL(2, 4) } },
	{ "all axes", "LayerNormalization", .attrs = { AXIS(0) },
	  .in = { NORMAL(3, 4), NORMAL(3, 4), NORMAL(3, 4) } },
	{ "scale and bias broadcast", "LayerNormalization", .attrs = { AXIS(-2) },
	  .in = { NORMAL(3, 2, 4), NORMAL(1, 2, 1), SCALAR(0.5) } },
	{ "statistics", "LayerNormalization", .in = { NORMAL(7, 33), NORMAL(33), NORMAL(33) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "long rows", "LayerNormalization", .in = { NORMAL(5, 1027), NORMAL(1027), NORMAL(1027) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "very long rows", "LayerNormalization",
	  .in = { NORMAL(2, 16501), NORMAL(16501), NORMAL(16501) }, .outputs = 3,
	  .flags = CASE_NO_GRAD },
	{ "far from zero", "LayerNormalization",
	  .in = { FLOATS(100, 101, 9, 65), FLOATS(1, 2, 65), FLOATS(1, 2, 65) }, .outputs = 3,
	  .flags = CASE_NO_GRAD, .f32_tolerance = 2e-5 },
	{ "gradient", "LayerNormGrad", "onnxtune",
	  .in = { VALUES(dy, 2, 3), VALUES(x, 2, 3), VALUES(scale, 3), VALUES(mean, 2, 1),
		  VALUES(rstd, 2, 1) },
	  .outputs = 3, .flags = CASE_NO_GRAD, .expected = dx },
	{ "gradient, long rows", "LayerNormGrad", "onnxtune",
	  .in = { NORMAL(5, 1027), NORMAL(5, 1027), NORMAL(1027), UNIFORM(-0.1, 0.1, 5, 1),
		  UNIFORM(0.9, 1.1, 5, 1) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "gradient, many rows", "LayerNormGrad", "onnxtune",
	  .in = { NORMAL(259, 24), NORMAL(259, 24), NORMAL(24), UNIFORM(-0.1, 0.1, 259, 1),
		  UNIFORM(0.9, 1.1, 259, 1) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "gradient, narrow", "LayerNormGrad", "onnxtune",
	  .in = { NORMAL(1031, 3), NORMAL(1031, 3), NORMAL(3), UNIFORM(-0.1, 0.1, 1031, 1),
		  UNIFORM(0.9, 1.1, 1031, 1) },
	  .outputs = 3, .flags = CASE_NO_GRAD },
	{ "gradient, input only", "LayerNormGrad", "onnxtune",
	  .in = { NORMAL(9, 35), NORMAL(9, 35), NORMAL(35), UNIFORM(-0.1, 0.1, 9, 1),
		  UNIFORM(0.9, 1.1, 9, 1) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
