/* Cases of Softmax and LogSoftmax, their flattening form, and their gradients. */
#include "case.h"

#include <math.h>

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

/* The old form works on the rows of the matrix [2, 6]. */
static const double x[] = { 0, 0.5, 1, 1.5, 2, 0, 0.5, 1, 1.5, 2, 0, 0.5 };
static const double rows[] = { 0.05483133034197763, 0.09040158063560384, 0.14904700889883288,
			       0.245736973905737,   0.405151775875871,   0.05483133034197763,
			       0.08729642495038006, 0.143927472671769,   0.23729628563205693,
			       0.39123543357970547, 0.05294795821570842, 0.08729642495038006 };
static const double log_rows[] = { -2.9034935268297435, -2.4034935268297435, -1.9034935268297433,
				   -1.4034935268297433, -0.9034935268297433, -2.9034935268297435,
				   -2.4384457682880516, -1.9384457682880516, -1.4384457682880516,
				   -0.9384457682880516, -2.9384457682880516, -2.4384457682880516 };

static const double steep[] = { 1000, 999, -1000, 0, -88, -104, 30000, 30000, 30000 };
static const double odd[] = { -INFINITY, -INFINITY, -INFINITY, 1, NAN,      2,
			      -INFINITY, 1,         -1,        3, INFINITY, 0 };

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
	{ "opset 11, values", "Softmax", .opset = 11, .in = { VALUES(x, 2, 2, 3) },
	  .expected = rows },
	{ "opset 11, trailing 1", "Softmax", .opset = 11, .attrs = { AXIS(-3) },
	  .in = { NORMAL(2, 5, 1, 1) } },
	{ "log, last axis", "LogSoftmax", .in = { NORMAL(3, 5) } },
	{ "log, middle axis", "LogSoftmax", .attrs = { AXIS(1) }, .in = { NORMAL(2, 5, 3) } },
	{ "log, large logits", "LogSoftmax", .in = { VALUES(steep, 3, 3) }, .flags = CASE_NO_GRAD },
	{ "log, long rows", "LogSoftmax", .in = { NORMAL(7, 1031) }, .flags = CASE_NO_GRAD },
	{ "log, opset 11", "LogSoftmax", .opset = 11, .in = { NORMAL(2, 3, 4) } },
	{ "log, opset 11, values", "LogSoftmax", .opset = 11, .attrs = { AXIS(-2) },
	  .in = { VALUES(x, 2, 2, 3) }, .expected = log_rows },
	{ "gradient", "SoftmaxGrad", "onnxtune", .in = { VALUES(dy, 2, 3), VALUES(y, 2, 3) },
	  .flags = CASE_NO_GRAD, .expected = dx },
	{ "gradient, middle axis", "SoftmaxGrad", "onnxtune", .attrs = { AXIS(1) },
	  .in = { NORMAL(3, 33, 5), UNIFORM(0, 0.06, 3, 33, 5) }, .flags = CASE_NO_GRAD },
	{ "log gradient", "LogSoftmaxGrad", "onnxtune",
	  .in = { VALUES(dy, 2, 3), VALUES(log_y, 2, 3) }, .flags = CASE_NO_GRAD,
	  .expected = log_dx },
	{ "log gradient, middle axis", "LogSoftmaxGrad", "onnxtune", .attrs = { AXIS(1) },
	  .in = { NORMAL(3, 33, 5), UNIFORM(-5, -2, 3, 33, 5) }, .flags = CASE_NO_GRAD },
	{ "gradient, long rows", "SoftmaxGrad", "onnxtune",
	  .in = { NORMAL(3, 2051), UNIFORM(0, 0.001, 3, 2051) }, .flags = CASE_NO_GRAD },
	{ "log gradient, long rows", "LogSoftmaxGrad", "onnxtune",
	  .in = { NORMAL(3, 2051), UNIFORM(-9, -6, 3, 2051) }, .flags = CASE_NO_GRAD },
	{ "gradient, channels", "SoftmaxGrad", "onnxtune", .attrs = { AXIS(1) },
	  .in = { NORMAL(2, 21, 9, 11), UNIFORM(0, 0.1, 2, 21, 9, 11) }, .flags = CASE_NO_GRAD },
	{ "many short rows", "Softmax", .in = { NORMAL(301, 3) }, .flags = CASE_NO_GRAD },
	{ "log, many short rows", "LogSoftmax", .in = { NORMAL(67, 17) }, .flags = CASE_NO_GRAD },
	{ "long axis across", "Softmax", .attrs = { AXIS(1) }, .in = { NORMAL(2, 1031, 3) },
	  .flags = CASE_NO_GRAD },
	{ "a row all of -infinity, NaN, infinity", "Softmax", .in = { VALUES(odd, 4, 3) },
	  .flags = CASE_NO_GRAD },
	{ "no rows", "Softmax", .in = { NORMAL(0, 5) }, .flags = CASE_NO_GRAD },
	{ "multiples of 4", "Softmax", .in = { NORMAL(37, 20) }, .flags = CASE_NO_GRAD },
	{ "long multiples of 4", "Softmax", .in = { NORMAL(3, 2052) }, .flags = CASE_NO_GRAD },
	{ "log, multiples of 4", "LogSoftmax", .in = { NORMAL(3, 5, 132) }, .flags = CASE_NO_GRAD },
	{ "gradient, multiples of 4", "SoftmaxGrad", "onnxtune",
	  .in = { NORMAL(3, 2052), UNIFORM(0, 0.001, 3, 2052) }, .flags = CASE_NO_GRAD },
	{ "log gradient, multiples of 4", "LogSoftmaxGrad", "onnxtune",
	  .in = { NORMAL(67, 12), UNIFORM(-4, -1, 67, 12) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
