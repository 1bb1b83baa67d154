/* Cases of Slice. */
#include "case.h"

static const int64_t starts[] = { 0, -2 }, ends[] = { 1, 1000 }, axes[] = { 1, 0 };
static const int64_t at[] = { 1, 4 }, steps[] = { 1, -2 }, shape[] = { 2, 5 };
static const double dy[] = { 1, 2, 3 }, dx[] = { 0, 0, 0, 0, 0, 3, 0, 2, 0, 1 };
static const int64_t one[] = { 1 }, three[] = { 3 }, shape_1[] = { 10 };
static const double dx_1[] = { 0, 1, 0, 0, 2, 0, 0, 3, 0, 0 };
static const int64_t image[] = { 2, 20, 9, 7 }, image_starts[] = { 0, 4, 8, 1 };
static const int64_t image_steps[] = { 1, 2, -2, 2 };

const struct op_case cases_slice[] = {
	{ "one axis", "Slice", .in = { NORMAL(4, 5), LIST(1), LIST(-1), LIST(1) } },
	{ "class token", "Slice", .in = { NORMAL(2, 5, 3), LIST(0), LIST(1), LIST(1) } },
	{ "steps", "Slice",
	  .in = { NORMAL(7, 5), LIST(1, 0), LIST(100, 100), ABSENT, LIST(3, 2) } },
	{ "backwards", "Slice",
	  .in = { NORMAL(6, 5), LIST(-1, -1), LIST(-100, 1), LIST(0, 1), LIST(-1, -2) } },
	{ "nothing left", "Slice", .in = { NORMAL(4, 5), LIST(3), LIST(2), LIST(0) },
	  .flags = CASE_NO_GRAD },
	{ "opset 1", "Slice", .opset = 9,
	  .attrs = { { "starts", ATTR_INTS, 2, .ints = starts },
		     { "ends", ATTR_INTS, 2, .ints = ends },
		     { "axes", ATTR_INTS, 2, .ints = axes } },
	  .in = { NORMAL(4, 5) } },
	{ "gradient, backwards", "SliceGrad", "onnxtune",
	  .attrs = { { "starts", ATTR_INTS, 2, .ints = at },
		     { "steps", ATTR_INTS, 2, .ints = steps },
		     { "shape", ATTR_INTS, 2, .ints = shape } },
	  .in = { VALUES(dy, 1, 3) }, .expected = dx, .flags = CASE_NO_GRAD },
	{ "gradient, steps", "SliceGrad", "onnxtune",
	  .attrs = { { "starts", ATTR_INTS, 1, .ints = one },
		     { "steps", ATTR_INTS, 1, .ints = three },
		     { "shape", ATTR_INTS, 1, .ints = shape_1 } },
	  .in = { VALUES(dy, 3) }, .expected = dx_1, .flags = CASE_NO_GRAD },
	{ "every other column", "Slice",
	  .in = { NORMAL(20, 50), LIST(1), LIST(50), LIST(1), LIST(2) }, .flags = CASE_NO_GRAD },
	{ "channels", "Slice", .in = { NORMAL(2, 40, 5, 7), LIST(8), LIST(32), LIST(1) },
	  .flags = CASE_NO_GRAD },
	{ "gradient of an image", "SliceGrad", "onnxtune",
	  .attrs = { { "starts", ATTR_INTS, 4, .ints = image_starts },
		     { "steps", ATTR_INTS, 4, .ints = image_steps },
		     { "shape", ATTR_INTS, 4, .ints = image } },
	  .in = { NORMAL(2, 8, 4, 3) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
