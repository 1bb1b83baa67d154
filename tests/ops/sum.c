/* Cases of Sum and Mean. */
#include "case.h"

const struct op_case cases_sum[] = {
	{ "one", "Sum", .in = { NORMAL(3, 5) } },
	{ "two", "Sum", .in = { NORMAL(3, 5), NORMAL(5) } },
	{ "three, broadcast", "Sum", .in = { NORMAL(5), NORMAL(3, 1), NORMAL(2, 3, 5) } },
	{ "mean of one", "Mean", .in = { NORMAL(3, 5) } },
	{ "mean of three", "Mean", .in = { NORMAL(5), NORMAL(3, 1), NORMAL(2, 3, 5) } },
	{ 0 },
};
