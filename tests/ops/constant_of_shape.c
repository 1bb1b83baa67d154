/* Cases of ConstantOfShape. */
#include "case.h"

static int64_t seven = 7;
static const struct tensor value = { DT_I64, { 1, { 1 } }, &seven };
static const double zeros[6] = { 0 }, sevens[] = { 7, 7, 7 };

const struct op_case cases_constant_of_shape[] = {
	{ "zeros", "ConstantOfShape", .in = { LIST(2, 3) }, .expected = zeros,
	  .flags = CASE_NO_GRAD },
	{ "integers", "ConstantOfShape", .attrs = { { "value", ATTR_TENSOR, .tensor = &value } },
	  .in = { LIST(3) }, .expected = sevens, .flags = CASE_NO_GRAD },
	{ 0 },
};
