/* Cases of SoftmaxCrossEntropy and its gradient; expected values are PyTorch's. */
#include "case.h"

/* clang-format off */
#define WEIGHTS(lo, hi, ...) { FILL_UNIFORM, DT_F32, SHAPE(__VA_ARGS__), lo, hi, NULL }
#define WEIGHT_VALUES(v, ...) { FILL_VALUES, DT_F32, SHAPE(__VA_ARGS__), 0, 0, v }
#define LABELS(v, ...) { FILL_VALUES, DT_I64, SHAPE(__VA_ARGS__), 0, 0, v }
#define AXIS(a) { "axis", ATTR_INT, .i = a }
/* clang-format on */

/* The last row has weight 0 and a label that is no class. */
static const double x[] = { 1, -2, 0.5, 3, 3, -1, 0.25, 700, -700, 9, 9, 9 };
static const double labels[] = { 1, 0, 2, 77 };
static const double weights[] = { 1, 0.5, 2, 0 };
static const double loss[] = { 2803.855728563062 };
static const double dx[] = { 0.3018744480743129,
			     -0.484970556215213,
			     0.1830961081409001,
			     -0.12613433935553922,
			     0.12386566064446078,
			     0.0022686787110784367,
			     0,
			     1,
			     -1,
			     0,
			     0,
			     0 };

/* Two axes of rows around the classes. */
static const double maps[] = { -1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, -3 };
static const double map_labels[] = { 2, 0, 1, 1 };
static const double map_weights[] = { 1, 2, 0.5, 1 };
static const double map_loss[] = { 5.113860551223795 };
static const double map_dx[] = { 0.18632372322584756, -1.6273525535483049, 0.3071958857184984,
				 0.6143917714369967,  -0.493519608944346,  1.012960782111308,
				 0.09316186161292378, 0.3742180223417123,  -0.3464020571407508,
				 -0.3830187866858831, 0.253240195527827,   0.008800764344170726 };

/* F.cross_entropy(label_smoothing=0.1); -(1 - p)^2 log p from F.log_softmax. */
static const double smooth_loss[] = { 5.222193884557129 };
static const double smooth_dx[] = {
	0.15299038989251423,  -1.4940192202149716, 0.27386255238516505, 0.5477251047703301,
	-0.42685294227767934, 0.9462941154446414,  0.07649519494625712, 0.340884689008379,
	-0.31306872380741746, -0.3163521200192164, 0.23657352886116034, -0.024532568989162607
};
static const double focal_loss[] = { 2.7446937587769633 };
static const double focal_dx[] = {
	0.10874584800187569, -1.9065265459468206,  0.17929159270101547, 0.7197913072381807,
	-0.2880374407028912, 1.1867352387086396,   0.09151876962532886, 0.1403110622377216,
	-0.34029257806079,   -0.14361086214021504, 0.2487738084354611,  0.0032997999024934124
};

const struct op_case cases_softmax_cross_entropy[] = {
	{ "rows", "SoftmaxCrossEntropy", "onnxtune",
	  .in = { NORMAL(5, 7), INTS(0, 6, 5), WEIGHTS(0.5, 2, 5) } },
	{ "maps", "SoftmaxCrossEntropy", "onnxtune",
	  .in = { NORMAL(2, 5, 3, 2), INTS(0, 4, 2, 3, 2), WEIGHTS(0, 1, 2, 3, 2) } },
	{ "last axis", "SoftmaxCrossEntropy", "onnxtune", .attrs = { AXIS(-1) },
	  .in = { NORMAL(3, 4, 5), INTS(0, 4, 3, 4), WEIGHTS(0, 1, 3, 4) } },
	{ "one row", "SoftmaxCrossEntropy", "onnxtune", .attrs = { AXIS(0) },
	  .in = { NORMAL(6),
		  { FILL_INTS, DT_I64, SHAPE_SCALAR, 0, 5, NULL },
		  { FILL_UNIFORM, DT_F32, SHAPE_SCALAR, 1, 2, NULL } } },
	{ "ignored row, large logits", "SoftmaxCrossEntropy", "onnxtune",
	  .in = { VALUES(x, 4, 3), LABELS(labels, 4), WEIGHT_VALUES(weights, 4) },
	  .flags = CASE_NO_GRAD, .expected = loss },
	{ "maps of values", "SoftmaxCrossEntropy", "onnxtune",
	  .in = { VALUES(maps, 2, 3, 2), LABELS(map_labels, 2, 2),
		  WEIGHT_VALUES(map_weights, 2, 2) },
	  .expected = map_loss },
	{ "smoothing", "SoftmaxCrossEntropy", "onnxtune",
	  .attrs = { AXIS(1), { "smoothing", ATTR_DOUBLE, .d = 0.1 } },
	  .in = { VALUES(maps, 2, 3, 2), LABELS(map_labels, 2, 2),
		  WEIGHT_VALUES(map_weights, 2, 2) },
	  .expected = smooth_loss },
	{ "smoothing, many rows", "SoftmaxCrossEntropy", "onnxtune",
	  .attrs = { AXIS(1), { "smoothing", ATTR_DOUBLE, .d = 0.3 } },
	  .in = { NORMAL(37, 19), INTS(0, 18, 37), WEIGHTS(0.5, 2, 37) } },
	{ "focal", "SoftmaxCrossEntropy", "onnxtune",
	  .attrs = { AXIS(1), { "gamma", ATTR_DOUBLE, .d = 2 } },
	  .in = { VALUES(maps, 2, 3, 2), LABELS(map_labels, 2, 2),
		  WEIGHT_VALUES(map_weights, 2, 2) },
	  .expected = focal_loss },
	{ "focal and smoothing", "SoftmaxCrossEntropy", "onnxtune",
	  .attrs = { AXIS(1),
		     { "gamma", ATTR_DOUBLE, .d = 0.5 },
		     { "smoothing", ATTR_DOUBLE, .d = 0.2 } },
	  .in = { NORMAL(7, 5), INTS(0, 4, 7), WEIGHTS(0.5, 2, 7) } },
	{ "gradient, smoothing", "SoftmaxCrossEntropyGrad", "onnxtune",
	  .attrs = { AXIS(1), { "smoothing", ATTR_DOUBLE, .d = 0.1 } },
	  .in = { SCALAR(1), VALUES(maps, 2, 3, 2), LABELS(map_labels, 2, 2),
		  WEIGHT_VALUES(map_weights, 2, 2) },
	  .flags = CASE_NO_GRAD, .expected = smooth_dx },
	{ "gradient, focal", "SoftmaxCrossEntropyGrad", "onnxtune",
	  .attrs = { AXIS(1), { "gamma", ATTR_DOUBLE, .d = 2 } },
	  .in = { SCALAR(1), VALUES(maps, 2, 3, 2), LABELS(map_labels, 2, 2),
		  WEIGHT_VALUES(map_weights, 2, 2) },
	  .flags = CASE_NO_GRAD, .expected = focal_dx },
	{ "gradient, focal, large logits", "SoftmaxCrossEntropyGrad", "onnxtune",
	  .attrs = { AXIS(1), { "gamma", ATTR_DOUBLE, .d = 0.5 } },
	  .in = { SCALAR(0.5), VALUES(x, 4, 3), LABELS(labels, 4), WEIGHT_VALUES(weights, 4) },
	  .flags = CASE_NO_GRAD },
	{ "large", "SoftmaxCrossEntropy", "onnxtune",
	  .in = { NORMAL(67, 1000), INTS(0, 999, 67), WEIGHTS(0, 2, 67) }, .flags = CASE_NO_GRAD },
	{ "gradient, ignored row", "SoftmaxCrossEntropyGrad", "onnxtune",
	  .in = { SCALAR(0.5), VALUES(x, 4, 3), LABELS(labels, 4), WEIGHT_VALUES(weights, 4) },
	  .flags = CASE_NO_GRAD, .expected = dx },
	{ "gradient, maps", "SoftmaxCrossEntropyGrad", "onnxtune",
	  .in = { SCALAR(1), VALUES(maps, 2, 3, 2), LABELS(map_labels, 2, 2),
		  WEIGHT_VALUES(map_weights, 2, 2) },
	  .flags = CASE_NO_GRAD, .expected = map_dx },
	{ "long rows", "SoftmaxCrossEntropy", "onnxtune",
	  .attrs = { AXIS(1), { "smoothing", ATTR_DOUBLE, .d = 0.1 } },
	  .in = { NORMAL(5, 2051), INTS(0, 2050, 5), WEIGHTS(0.5, 2, 5) }, .flags = CASE_NO_GRAD },
	{ "many maps", "SoftmaxCrossEntropy", "onnxtune",
	  .in = { NORMAL(2, 21, 9, 11), INTS(0, 20, 2, 9, 11), WEIGHTS(0, 2, 2, 9, 11) },
	  .flags = CASE_NO_GRAD },
	{ "a label that is no class", "SoftmaxCrossEntropy", "onnxtune",
	  .in = { NORMAL(37, 5), INTS(-1, 4, 37), WEIGHTS(0.5, 2, 37) }, .flags = CASE_NO_GRAD },
	{ "gradient, labels that are no classes", "SoftmaxCrossEntropyGrad", "onnxtune",
	  .in = { SCALAR(1), NORMAL(37, 5), INTS(-1, 5, 37), WEIGHTS(0.5, 2, 37) },
	  .flags = CASE_NO_GRAD },
	{ "gradient, long rows", "SoftmaxCrossEntropyGrad", "onnxtune",
	  .attrs = { AXIS(-1), { "smoothing", ATTR_DOUBLE, .d = 0.1 } },
	  .in = { SCALAR(1),
		  NORMAL(5, 2051),
		  { FILL_INTS, DT_I32, SHAPE(5), 0, 2050, NULL },
		  WEIGHTS(0.5, 2, 5) },
	  .flags = CASE_NO_GRAD },
	{ "gradient, many maps", "SoftmaxCrossEntropyGrad", "onnxtune",
	  .attrs = { AXIS(1), { "gamma", ATTR_DOUBLE, .d = 2 } },
	  .in = { SCALAR(0.5), NORMAL(2, 21, 9, 11), INTS(0, 20, 2, 9, 11),
		  WEIGHTS(0, 2, 2, 9, 11) },
	  .flags = CASE_NO_GRAD },
	{ "gradient, many short rows", "SoftmaxCrossEntropyGrad", "onnxtune",
	  .attrs = { AXIS(1), { "smoothing", ATTR_DOUBLE, .d = 0.2 } },
	  .in = { SCALAR(3), NORMAL(301, 3), INTS(0, 2, 301), WEIGHTS(0, 2, 301) },
	  .flags = CASE_NO_GRAD },
	{ "last axis of maps", "SoftmaxCrossEntropy", "onnxtune", .attrs = { AXIS(3) },
	  .in = { NORMAL(2, 3, 4, 5), INTS(0, 4, 2, 3, 4), WEIGHTS(0, 1, 2, 3, 4) },
	  .flags = CASE_NO_GRAD },
	{ "gradient, last axis of maps", "SoftmaxCrossEntropyGrad", "onnxtune",
	  .attrs = { AXIS(3) },
	  .in = { SCALAR(1), NORMAL(2, 3, 4, 5), INTS(0, 4, 2, 3, 4), WEIGHTS(0, 1, 2, 3, 4) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
