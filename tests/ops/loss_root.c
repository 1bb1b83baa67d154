/* Cases of LossRoot. */
#include "case.h"

static const double weight[] = { 8 };

const struct op_case cases_loss_root[] = {
	{ "scale by weight", "LossRoot", "onnxtune",
	  .attrs = { { "dtype", ATTR_INT, .i = DT_F32 } },
	  .in = { STEP_BLOCK(0, 1024), { FILL_VALUES, DT_F64, SHAPE_SCALAR, 0, 0, weight, true } },
	  .flags = CASE_NO_GRAD, .expected = (const double[]){ 128 } },
	{ 0 },
};
