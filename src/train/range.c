/* range.c - smoothing and choice (see range.h). */
#include "train/range.h"

#include <math.h>

#define BETA 0.9 /* of the smoothing */
#define WARM 10  /* steps before the loss may count as exploded */

double range_rate(uint32_t step)
{
	return RANGE_FIRST * pow(RANGE_LAST / RANGE_FIRST, step / (RANGE_STEPS - 1.0));
}

bool range_add(struct range *range, double rate, double loss)
{
	if (!isfinite(loss) || range->n == RANGE_STEPS)
		return false;
	range->mean = BETA * range->mean + (1 - BETA) * loss;
	double smooth = range->mean / (1 - pow(BETA, range->n + 1));
	range->rates[range->n] = rate;
	range->losses[range->n++] = smooth;
	if (range->n == 1 || smooth < range->best)
		range->best = smooth;
	return range->n <= WARM || smooth <= 4 * range->best;
}

/* As numpy.gradient. */
static double slope(const struct range *r, uint32_t i)
{
	if (i == 0)
		return r->losses[1] - r->losses[0];
	if (i == r->n - 1)
		return r->losses[i] - r->losses[i - 1];
	return (r->losses[i + 1] - r->losses[i - 1]) / 2;
}

/* To two digits, so that the rate that is told is the one that is used. */
static double rounded(double x)
{
	double unit = pow(10, floor(log10(x)) - 1);
	return unit < 1 ? round(x / unit) / round(1 / unit) : round(x / unit) * unit;
}

double range_choose(const struct range *range)
{
	uint32_t best = 0;
	if (range->n < 2 || range->best > 0.99 * range->losses[0])
		return 0;
	for (uint32_t i = 1; i < range->n; i++)
		if (slope(range, i) < slope(range, best))
			best = i;
	return rounded(range->rates[best]);
}
