/* Cases of Gemm. */
#include "case.h"

/* clang-format off */
#define TRANS_A { "transA", ATTR_INT, .i = 1 }
#define TRANS_B { "transB", ATTR_INT, .i = 1 }
#define ALPHA(a) { "alpha", ATTR_FLOAT, .f = a }
#define BETA(b) { "beta", ATTR_FLOAT, .f = b }
/* clang-format on */

const struct op_case cases_gemm[] = {
	{ "bias row", "Gemm", .in = { NORMAL(3, 4), NORMAL(4, 5), NORMAL(5) } },
	{ "no C", "Gemm", .in = { NORMAL(3, 4), NORMAL(4, 5) } },
	{ "transA", "Gemm", .attrs = { TRANS_A },
	  .in = { NORMAL(4, 3), NORMAL(4, 5), NORMAL(3, 1) } },
	{ "transB", "Gemm", .attrs = { TRANS_B },
	  .in = { NORMAL(3, 4), NORMAL(5, 4), NORMAL(1, 5) } },
	{ "both transposed, scaled", "Gemm", .attrs = { TRANS_A, TRANS_B, ALPHA(0.5f), BETA(-2) },
	  .in = { NORMAL(4, 3), NORMAL(5, 4), NORMAL(3, 5) } },
	{ "scalar C", "Gemm", .attrs = { ALPHA(2), BETA(0.25f) },
	  .in = { NORMAL(3, 4), NORMAL(4, 5), SCALAR(1.5) } },
	{ "bias row, scaled", "Gemm", .attrs = { BETA(3) },
	  .in = { NORMAL(3, 4), NORMAL(4, 5), NORMAL(1, 5) } },
	{ "beta 0", "Gemm", .attrs = { BETA(0) }, .in = { NORMAL(3, 4), NORMAL(4, 5), NORMAL(5) } },
	{ "opset 7", "Gemm", .opset = 7, .in = { NORMAL(2, 3), NORMAL(3, 2), NORMAL(2) } },
	{ "nothing to sum", "Gemm", .in = { NORMAL(3, 0), NORMAL(0, 5), NORMAL(5) } },
	{ "odd sizes", "Gemm", .attrs = { TRANS_B },
	  .in = { NORMAL(37, 129), NORMAL(65, 129), NORMAL(65) }, .flags = CASE_NO_GRAD },
	{ "odd sizes, transA", "Gemm", .attrs = { TRANS_A },
	  .in = { NORMAL(129, 37), NORMAL(129, 65) }, .flags = CASE_NO_GRAD },
	{ "odd sizes, both transposed", "Gemm", .attrs = { TRANS_A, TRANS_B, ALPHA(0.125f) },
	  .in = { NORMAL(129, 37), NORMAL(65, 129), NORMAL(37, 1) }, .flags = CASE_NO_GRAD },
	{ "rows a power of two apart", "Gemm", .attrs = { TRANS_A },
	  .in = { NORMAL(33, 256), NORMAL(33, 512), NORMAL(512) }, .flags = CASE_NO_GRAD },
	{ "wide result", "Gemm", .attrs = { TRANS_A, { "_out", ATTR_INT, .i = DT_F32 } },
	  .in = { NORMAL(33, 7), NORMAL(33, 9) }, .flags = CASE_NO_GRAD },
	{ "wide result, many columns", "Gemm",
	  .attrs = { TRANS_A, { "_out", ATTR_INT, .i = DT_F32 } },
	  .in = { NORMAL(75, 133), NORMAL(75, 70) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
