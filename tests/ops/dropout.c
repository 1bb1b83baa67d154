/* Cases of Dropout; that of training with a step block of arbitrary numbers. */
#include "case.h"

#include "ops/step.h"

#define STEP                                                                                       \
	{                                                                                          \
		FILL_INTS, DT_U8, SHAPE(sizeof(struct step_block)), 0, 255, NULL                   \
	}
#define TRAINING .attrs = { { "ratio", ATTR_FLOAT, .f = 0.25f }, { "node", ATTR_INT, .i = 3 } }

const struct op_case cases_dropout[] = {
	{ "opset 7", "Dropout", .opset = 7, .in = { NORMAL(3, 5) }, .outputs = 2 },
	{ "opset 10", "Dropout", .opset = 10, .in = { NORMAL(3, 5) }, .outputs = 2 },
	{ "opset 12", "Dropout", .in = { NORMAL(3, 5), SCALAR(0.25) } },
	{ "training", "Dropout", "onnxtune", TRAINING, .in = { NORMAL(3, 5), STEP, LIST(4) } },
	{ "training, large", "Dropout", "onnxtune", TRAINING,
	  .in = { NORMAL(17, 3, 37), STEP, LIST(4) }, .flags = CASE_NO_GRAD },
	{ "training, samples of fours", "Dropout", "onnxtune", TRAINING,
	  .in = { NORMAL(9, 4, 7, 5), STEP, LIST(4) }, .flags = CASE_NO_GRAD },
	{ "training, one axis", "Dropout", "onnxtune", TRAINING,
	  .in = { NORMAL(300), STEP, LIST(4) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
