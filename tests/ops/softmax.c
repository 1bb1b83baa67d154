/* Cases of Softmax and LogSoftmax, their flattening form, and their gradients. */
#include "case.h"

/* clang-format off */
#define AXIS(a) { "axis", ATTR_INT, .i = a }
/* clang-format on */

static const double dy[] = { 1, -2, 0.5, 3, 0, -1 };
static const double y[] = { 0.25, 0.25, 0.5, 0.125, 0.625, 0.25 };
static const double log_y[] = { -1.5, -0.5, -2.5, 0, -1, -3 };
/* y (dy - sum dy y) */
static const double dx[] = { 0.25, -0.5, 0.25, 0.359375, -0.078125, -0.28125 };
/* dy - exp(log_y) sum dy */
static const double log_dx[] = { 1.1115650800742149,   -1.6967346701436833, 0.5410424993119494, 1,
				 -0.73575888234288464, -1.0995741367357279 };

static const double steep[] = { 1000, 999, -1000, 0, -88, -104, 30000, 30000, 30000 };

const struct op_case cases_softmax[] = {
	{ "last axis", "Softmax", .in = { NORMAL(3, 5) } },
	{ "middle axis", "Softmax", .attrs = { AXIS(1) }, .in = { NORMAL(2, 5, 3) } },
	{ "first axis", "Softmax", .attrs = { AXIS(-3) }, .in = { NORMAL(4, 2, 3) } },
	{ "one class", "Softmax", .in = { NORMAL(4, 1) } },
	{ "large logits", "Softmax", .in = { VALUES(steep, 3, 3) }, .flags = CASE_NO_GRAD },
	{ "long rows", "Softmax", .in = { NORMAL(7, 1031) }, .flags = CASE_NO_GRAD },
	{ "channels", "Softmax", .attrs = { AXIS(1) }, .in = { NORMAL(2, 21, 9, 11) },
	  .flags = CASE_NO_GRAD },
	{ "opset 11, matrix", "Softmax", .opset = 11, .attrs = { AXIS(1) },
	  .in = { NORMAL(2, 3, 4) } },
	{ "opset 11, trailing 1", "Softmax", .opset = 11, .attrs = { AXIS(-3) },
	  .in = { NORMAL(2, 5, 1, 1) } },
	{ "log, last axis", "LogSoftmax", .in = { NORMAL(3, 5) } },
	{ "log, middle axis", "LogSoftmax", .attrs = { AXIS(1) }, .in = { NORMAL(2, 5, 3) } },
	{ "log, large logits", "LogSoftmax", .in = { VALUES(steep, 3, 3) }, .flags = CASE_NO_GRAD },
	{ "log, long rows", "LogSoftmax", .in = { NORMAL(7, 1031) }, .flags = CASE_NO_GRAD },
	{ "log, opset 11", "LogSoftmax", .opset = 11, .in = { NORMAL(2, 3, 4) } },
	{ "gradient", "SoftmaxGrad", "onnxtune", .in = { VALUES(dy, 2, 3), VALUES(y, 2, 3) },
	  .flags = CASE_NO_GRAD, .expected = dx },
	{ "gradient, middle axis", "SoftmaxGrad", "onnxtune", .attrs = { AXIS(1) },
	  .in = { NORMAL(3, 33, 5), UNIFORM(0, 0.06, 3, 33, 5) }, .flags = CASE_NO_GRAD },
	{ "log gradient", "LogSoftmaxGrad", "onnxtune",
	  .in = { VALUES(dy, 2, 3), VALUES(log_y, 2, 3) }, .flags = CASE_NO_GRAD,
	  .expected = log_dx },
	{ "log gradient, middle axis", "LogSoftmaxGrad", "onnxtune", .attrs = { AXIS(1) },
	  .in = { NORMAL(3, 33, 5), UNIFORM(-5, -2, 3, 33, 5) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
