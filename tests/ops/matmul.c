/* Cases of MatMul. */
#include "case.h"

const struct op_case cases_matmul[] = {
	{ "matrix", "MatMul", .in = { NORMAL(3, 4), NORMAL(4, 5) } },
	{ "vector left", "MatMul", .in = { NORMAL(4), NORMAL(4, 5) } },
	{ "vector right", "MatMul", .in = { NORMAL(2, 3, 4), NORMAL(4) } },
	{ "vectors", "MatMul", .in = { NORMAL(4), NORMAL(4) } },
	{ "batch by weight", "MatMul", .in = { NORMAL(2, 3, 4), NORMAL(4, 5) } },
	{ "batches", "MatMul", .in = { NORMAL(2, 3, 4), NORMAL(2, 4, 5) } },
	{ "batches broadcast", "MatMul", .in = { NORMAL(2, 1, 3, 4), NORMAL(3, 4, 2) } },
	{ "batches broadcast both ways", "MatMul",
	  .in = { NORMAL(2, 1, 3, 4), NORMAL(1, 2, 4, 2) } },
	{ "rows a power of two apart", "MatMul", .in = { NORMAL(100, 40), NORMAL(40, 512) },
	  .flags = CASE_NO_GRAD },
	{ "odd sizes", "MatMul", .in = { NORMAL(37, 129), NORMAL(129, 65) },
	  .flags = CASE_NO_GRAD },
	{ "wide result", "MatMul", .attrs = { { "_out", ATTR_INT, .i = DT_F32 } },
	  .in = { NORMAL(7, 33), NORMAL(33, 9) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
