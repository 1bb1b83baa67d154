/* Cases of Constant. */
#include "case.h"

static const float floats[] = { 0.5, -2 };
static const int64_t ints[] = { 3, -4, 5 };
static double value[] = { 1, 2, 3, 4, 5, 6 };
static const struct tensor tensor = { DT_F64, { 2, { 2, 3 } }, value };
static const double floats_out[] = { 0.5, -2 }, ints_out[] = { 3, -4, 5 }, number[] = { 7 };

const struct op_case cases_constant[] = {
	{ "tensor", "Constant", .attrs = { { "value", ATTR_TENSOR, .tensor = &tensor } },
	  .expected = value, .flags = CASE_NO_GRAD },
	{ "opset 9", "Constant", .opset = 9,
	  .attrs = { { "value", ATTR_TENSOR, .tensor = &tensor } }, .expected = value,
	  .flags = CASE_NO_GRAD },
	{ "floats", "Constant", .attrs = { { "value_floats", ATTR_FLOATS, 2, .floats = floats } },
	  .expected = floats_out, .flags = CASE_NO_GRAD },
	{ "ints", "Constant", .attrs = { { "value_ints", ATTR_INTS, 3, .ints = ints } },
	  .expected = ints_out, .flags = CASE_NO_GRAD },
	{ "float", "Constant", .attrs = { { "value_float", ATTR_FLOAT, .f = 7 } },
	  .expected = number, .flags = CASE_NO_GRAD },
	{ "int", "Constant", .attrs = { { "value_int", ATTR_INT, .i = 7 } }, .expected = number,
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
