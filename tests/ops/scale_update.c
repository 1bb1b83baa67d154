/* Cases of ScaleUpdate: compared with torch.amp.GradScaler in tests/unit/test_steps.c. */
#include "case.h"

const struct op_case cases_scale_update[] = {
	{ "good step", "ScaleUpdate", "onnxtune", .attrs = { { "dynamic", ATTR_INT, .i = 1 } },
	  .in = { STEP_BLOCK(0, 1024) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
