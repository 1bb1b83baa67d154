/* Cases of GradStats: kernels are compared in tests/unit/test_steps.c, field by field. */
#include "case.h"

const struct op_case cases_grad_stats[] = {
	{ "two gradients", "GradStats", "onnxtune",
	  .attrs = { { "max_norm", ATTR_DOUBLE, .d = 1 } },
	  .in = { STEP_BLOCK(0, 1024), SCALAR(4), SCALAR(2), NORMAL(37), NORMAL(3, 5) },
	  .flags = CASE_NO_GRAD | CASE_NO_PARITY },
	{ 0 },
};
