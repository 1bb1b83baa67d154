/* Cases of Pow: the exponents that models have, and exponents that are computed. */
#include "case.h"

/* clang-format off */
/* Not of the type under test: no gradient of it, which negative bases do not have. */
#define EXPONENT(x) { FILL_VALUES, DT_F32, SHAPE_SCALAR, 0, 0, (const double[]){ x } }
/* clang-format on */

static const double mixed[] = { 0, 1, 2, 3, -1, 0.5 };
static const double bases[] = { -3, -1, 0, 1, 2, 7 };

const struct op_case cases_pow[] = {
	{ "square", "Pow", .in = { NORMAL(3, 5), EXPONENT(2) } },
	{ "cube", "Pow", .in = { NORMAL(3, 5), EXPONENT(3) } },
	{ "root", "Pow", .in = { UNIFORM(0.5, 2, 7), SCALAR(0.5) } },
	{ "inverse root", "Pow", .in = { UNIFORM(0.5, 2, 7), SCALAR(-0.5) } },
	{ "exponent 1", "Pow", .in = { NORMAL(7), EXPONENT(1) } },
	{ "exponents", "Pow", .in = { UNIFORM(0.5, 2, 3, 6), VALUES(mixed, 6) } },
	{ "scalar base", "Pow", .in = { SCALAR(1.5), UNIFORM(-2, 2, 2, 3) } },
	{ "learned exponent", "Pow", .in = { UNIFORM(0.5, 2, 4, 3), UNIFORM(2, 4, 1) } },
	{ "int64 exponent", "Pow", .in = { NORMAL(3, 5), LIST(3) } },
	{ "int64", "Pow",
	  .in = { { FILL_VALUES, DT_I64, SHAPE(6, 1), 0, 0, bases }, LIST(-2, -1, 0, 1, 2, 5) } },
	{ "large square", "Pow", .in = { NORMAL(65, 129), SCALAR(2) }, .flags = CASE_NO_GRAD },
	{ "large root", "Pow", .in = { UNIFORM(0, 9, 65, 129), SCALAR(0.5) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
