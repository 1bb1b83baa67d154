/* Cases of Cast and CastLike. */
#include "case.h"

#define TO(dtype) .attrs = { { "to", ATTR_INT, .i = dtype } }

static const double numbers[] = { -2.7, -1, -0.5, 0, 0.5, 1.5, 2.5, 100.25 };

const struct op_case cases_cast[] = {
	{ "to float64", "Cast", TO(DT_F64), .in = { NORMAL(3, 5) } },
	{ "to float32", "Cast", TO(DT_F32), .in = { NORMAL(33, 65) }, .flags = CASE_NO_GRAD },
	{ "to float16", "Cast", TO(DT_F16), .in = { NORMAL(33, 65) }, .flags = CASE_NO_GRAD },
	{ "to bfloat16", "Cast", TO(DT_BF16), .in = { NORMAL(33, 65) }, .flags = CASE_NO_GRAD },
	{ "to float8e4m3fn", "Cast", TO(DT_F8E4M3FN), .in = { NORMAL(33) }, .flags = CASE_NO_GRAD },
	{ "to int64, toward zero", "Cast", TO(DT_I64), .in = { VALUES(numbers, 8) } },
	{ "to uint8", "Cast", TO(DT_U8), .in = { UNIFORM(0, 255, 65) } },
	{ "to bool", "Cast", TO(DT_BOOL), .in = { VALUES(numbers, 8) } },
	{ "int64 to float32", "Cast", TO(DT_F32), .in = { INTS(-99, 99, 65) } },
	{ "int64 to int8, low bits", "Cast", TO(DT_I8), .in = { INTS(-999, 999, 65) } },
	{ "bool to float32", "Cast", TO(DT_F32), .in = { BOOLS(65) } },
	{ "like", "CastLike", .in = { NORMAL(3, 5), SCALAR(1) } },
	{ 0 },
};
