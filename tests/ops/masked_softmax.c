/* Cases of MaskedSoftmax and its gradient: masks of all shapes, and none. */
#include "case.h"

#include <math.h>

#define OURS "MaskedSoftmax", "onnxtune", .flags = CASE_NO_GRAD
#define GRAD "MaskedSoftmaxGrad", "onnxtune", .flags = CASE_NO_GRAD

/* Logarithms of the probabilities' parts: x + mask is log of { 1 2 1 } and { 3 1 4 }. */
#define LN2 0.69314718055994530942
#define LN3 1.09861228866810969140
static const double x[] = { 1, LN2 + 2, -1, LN3 + 1, 2, 2 * LN2 - 1 }, mask[] = { -1, -2, 1 };
static const double y[] = { 0.25, 0.5, 0.25, 0.375, 0.125, 0.5 };
static const double dy[] = { 1, -2, 0.5, 3, 0, -1 };
/* y (dy - sum dy y), the sums being -0.625 and 0.625 */
static const double dx[] = { 0.40625, -0.6875, 0.28125, 0.890625, -0.078125, -0.8125 };
static const double absent[] = { 0,         -INFINITY, 0,         0, 0,   -INFINITY,
				 -INFINITY, -INFINITY, -INFINITY, 0, NAN, 0 };

const struct op_case cases_masked_softmax[] = {
	{ "values", OURS, .in = { VALUES(x, 2, 3), VALUES(mask, 3) }, .expected = y },
	{ "no mask", OURS, .in = { NORMAL(3, 5, 7) } },
	{ "attention, mask of keys", OURS,
	  .in = { NORMAL(2, 3, 9, 12), NORMAL_IN(DT_F32, 2, 1, 1, 12) } },
	{ "attention, causal", OURS, .in = { NORMAL(2, 3, 7, 7), NORMAL(7, 7) } },
	{ "by head", OURS, .in = { NORMAL(2, 3, 5, 6), NORMAL_IN(DT_F32, 3, 1, 1) } },
	{ "by query of each sample", OURS, .in = { NORMAL(2, 3, 5, 6), NORMAL(2, 1, 5, 1) } },
	{ "of everything", OURS, .in = { NORMAL(2, 3, 5, 8), NORMAL(2, 3, 5, 8) } },
	{ "a vector", OURS, .in = { NORMAL(9), NORMAL(9) } },
	{ "long rows", OURS, .in = { NORMAL(3, 1031), NORMAL(1031) } },
	{ "nothing left, NaN", OURS, .in = { NORMAL(3, 4, 4), VALUES(absent, 3, 1, 4) } },
	{ "empty", OURS, .in = { NORMAL(3, 0), NORMAL(1) } },
	{ "gradient, values", GRAD, .in = { VALUES(dy, 2, 3), VALUES(x, 2, 3), VALUES(mask, 1, 3) },
	  .expected = dx },
	{ "gradient without a mask", GRAD, .in = { NORMAL(5, 12), NORMAL(5, 12) } },
	{ "gradient, mask of keys", GRAD,
	  .in = { NORMAL(2, 3, 9, 12), NORMAL(2, 3, 9, 12), NORMAL_IN(DT_F32, 2, 1, 1, 12) } },
	{ "gradient, by query", GRAD,
	  .in = { NORMAL(2, 3, 5, 7), NORMAL(2, 3, 5, 7), NORMAL(2, 1, 5, 1) } },
	{ "gradient, long rows", GRAD, .in = { NORMAL(3, 1031), NORMAL(3, 1031), NORMAL(1031) } },
	{ 0 },
};
