/* Cases of MovingAverage; trajectories of PyTorch's are in tests/e2e. */
#include "case.h"

static const double a[] = { 1, -2, 0 };
static const double p[] = { 3, 2, -1 };
static const double later[] = { 1.5, -1, -0.25 };

#define FIRST_STEP                                                                                 \
	{                                                                                          \
		FILL_INTS, DT_U8, SHAPE(sizeof(struct step_block)), 0, 0, NULL                     \
	}

const struct op_case cases_moving_average[] = {
	{ "values", "MovingAverage", "onnxtune", .attrs = { { "decay", ATTR_DOUBLE, .d = 0.75 } },
	  .in = { STEP_BLOCK(0, 1), VALUES(a, 3), VALUES(p, 3) }, .flags = CASE_NO_GRAD,
	  .expected = later },
	{ "skipped", "MovingAverage", "onnxtune",
	  .in = { STEP_BLOCK(1, 8), VALUES(a, 3), VALUES(p, 3) }, .flags = CASE_NO_GRAD,
	  .expected = a },
	{ "first step", "MovingAverage", "onnxtune",
	  .in = { FIRST_STEP, VALUES(a, 3), VALUES(p, 3) }, .flags = CASE_NO_GRAD, .expected = p },
	{ "many", "MovingAverage", "onnxtune",
	  .in = { STEP_BLOCK(0, 1), NORMAL(33, 67), NORMAL(33, 67) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
