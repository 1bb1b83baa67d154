/* Cases of Accumulate and Store. */
#include "case.h"

const struct op_case cases_accumulate[] = {
	{ "vector", "Accumulate", "onnxtune", .in = { NORMAL(37), NORMAL(37) },
	  .flags = CASE_NO_GRAD },
	{ "large", "Accumulate", "onnxtune", .in = { NORMAL(129, 257), NORMAL(129, 257) },
	  .flags = CASE_NO_GRAD },
	{ "scalar", "Accumulate", "onnxtune", .in = { SCALAR(2), SCALAR(3) }, .flags = CASE_NO_GRAD,
	  .expected = (const double[]){ 5 } },
	{ "store", "Store", "onnxtune", .in = { SCALAR(2), SCALAR(3) }, .flags = CASE_NO_GRAD,
	  .expected = (const double[]){ 3 } },
	{ "store large", "Store", "onnxtune", .in = { NORMAL(129, 257), NORMAL(129, 257) },
	  .flags = CASE_NO_GRAD },
	{ 0 },
};
