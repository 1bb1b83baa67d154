/* Cases of Pad. Its gradient rule uses Pad with negative pads. */
#include "case.h"

static const int64_t pads[] = { 0, 1, 2, 0 };
static const int64_t shape[] = { 3 }, image[] = { 2, 4, 5, 5 }, one[] = { 1, 1 };
static const double dy[] = { 1, 2, 3, 4, 5, 6, 7 }; /* of 0 1 2 padded by 2 on both sides */
static const double reflect[] = { 3 + 7, 2 + 4 + 6, 1 + 5 }; /* 2 1 0 1 2 1 0 */
static const double edge[] = { 1 + 2 + 3, 4, 5 + 6 + 7 };    /* 0 0 0 1 2 2 2 */
static const double wrap[] = { 3 + 6, 1 + 4 + 7, 2 + 5 };    /* 1 2 0 1 2 0 1 */

#define MODE(name)                                                                                 \
	{                                                                                          \
		"mode", ATTR_STRING, .s = name                                                     \
	}
#define PAD_GRAD(mode_name, result)                                                                \
	{                                                                                          \
		"gradient, " mode_name, "PadGrad", "onnxtune",                                     \
			.attrs = { MODE(mode_name), { "shape", ATTR_INTS, 1, .ints = shape } },    \
			.in = { VALUES(dy, 7), LIST(2, 2) }, .expected = result,                   \
			.flags = CASE_NO_GRAD                                                      \
	}

const struct op_case cases_pad[] = {
	{ "zeros", "Pad", .in = { NORMAL(2, 3), LIST(0, 1, 2, 0) } },
	{ "value", "Pad", .in = { NORMAL(2, 3), LIST(1, 0, 0, 3), SCALAR(0.5) } },
	{ "cut and pad", "Pad", .in = { NORMAL(4, 5), LIST(-1, 2, 1, -3) } },
	{ "axes", "Pad", .in = { NORMAL(2, 3, 4), LIST(1, 2), ABSENT, LIST(-1) } },
	{ "reflect", "Pad", .attrs = { MODE("reflect") },
	  .in = { NORMAL(4, 3), LIST(2, 1, 3, 2) } },
	{ "edge", "Pad", .attrs = { MODE("edge") }, .in = { NORMAL(4, 3), LIST(2, 0, 3, -1) } },
	{ "wrap", "Pad", .attrs = { MODE("wrap") }, .in = { NORMAL(4, 3), LIST(5, 1, 3, 2) } },
	{ "opset 2", "Pad", .opset = 10,
	  .attrs = { { "pads", ATTR_INTS, 4, .ints = pads }, { "value", ATTR_FLOAT, .f = 2 } },
	  .in = { NORMAL(2, 3) } },
	{ "image", "Pad", .in = { NORMAL(2, 17, 9, 7), LIST(0, 0, 1, 2, 0, 0, 3, 1) },
	  .flags = CASE_NO_GRAD },
	{ "int64", "Pad",
	  .in = { INTS(-9, 9, 3, 5),
		  LIST(1, -2, 0, 4),
		  { FILL_VALUES, DT_I64, SHAPE_SCALAR, 0, 0, (const double[]){ 7 } } } },
	{ "bool", "Pad", .in = { BOOLS(3, 5), LIST(1, 2, 0, 4) } },
	{ "image, reflect", "Pad", .attrs = { MODE("reflect") },
	  .in = { NORMAL(2, 3, 9, 7), LIST(0, 0, 1, 2, 0, 0, 3, 15) }, .flags = CASE_NO_GRAD },
	{ "one element, reflect", "Pad", .attrs = { MODE("reflect") },
	  .in = { NORMAL(2, 1), LIST(0, 2, 0, 3) } },
	{ "one element, wrap", "Pad", .attrs = { MODE("wrap") },
	  .in = { NORMAL(2, 1), LIST(1, 2, 0, 3) } },
	{ "gradient of an image, reflect", "PadGrad", "onnxtune",
	  .attrs = { MODE("reflect"), { "shape", ATTR_INTS, 4, .ints = image } },
	  .in = { NORMAL(2, 4, 9, 28), LIST(0, 0, 1, 20, 0, 0, 3, 3) }, .flags = CASE_NO_GRAD },
	{ "gradient of an image, edge", "PadGrad", "onnxtune",
	  .attrs = { MODE("edge"), { "shape", ATTR_INTS, 4, .ints = image } },
	  .in = { NORMAL(2, 4, 6, 9), LIST(0, 0, -2, 7, 0, 0, 3, -3) }, .flags = CASE_NO_GRAD },
	{ "gradient of an image, wrap", "PadGrad", "onnxtune",
	  .attrs = { MODE("wrap"), { "shape", ATTR_INTS, 4, .ints = image } },
	  .in = { NORMAL(2, 4, 6, 20), LIST(0, 0, -2, 7, 0, 0, 3, 8) }, .flags = CASE_NO_GRAD },
	{ "gradient of an axis, edge, all but the border cut", "PadGrad", "onnxtune",
	  .attrs = { MODE("edge"), { "shape", ATTR_INTS, 1, .ints = shape } },
	  .in = { NORMAL(4), LIST(-3, 4) }, .flags = CASE_NO_GRAD },
	{ "gradient of one element, reflect", "PadGrad", "onnxtune",
	  .attrs = { MODE("reflect"), { "shape", ATTR_INTS, 2, .ints = one } },
	  .in = { NORMAL(4, 6), LIST(1, 2, 2, 3) }, .flags = CASE_NO_GRAD },
	PAD_GRAD("reflect", reflect),
	PAD_GRAD("edge", edge),
	PAD_GRAD("wrap", wrap),
	{ 0 },
};
