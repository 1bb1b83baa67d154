/* schedule.c - the learning rate over a run (see schedule.h). */
#include "train/schedule.h"

#include <math.h>

/* A number of steps, or a share of `steps` below 1. */
static double count_of(double x, double steps)
{
	return x < 1 ? ceil(x * steps) : x;
}

static double half_cosine(double at, double of)
{
	return 0.5 * (1 + cos(M_PI * at / of));
}

/* Steps are counted from 0, and the first and last of each half are part of it. */
static double one_cycle(double at, double steps, double peak)
{
	const double first = 1.0 / 25, last = first / 1e4;
	if (at <= peak)
		return peak > 0 ? 1 + (first - 1) * half_cosine(at, peak) : 1;
	return last + (1 - last) * half_cosine(at - peak, fmax(1, steps - 1 - peak));
}

static double restarts(double t, double s, double cycles, double longer)
{
	double parts = longer == 1 ? cycles : (pow(longer, cycles) - 1) / (longer - 1);
	double cycle = s / parts;
	for (double k = 1; k < cycles && t >= cycle; k++) {
		t -= cycle;
		cycle *= longer;
	}
	return t < cycle ? half_cosine(t, cycle) : 0;
}

double schedule_factor(const struct schedule *schedule, int64_t step)
{
	double steps = (double)schedule->steps, at = (double)step;
	double a = schedule->a, b = schedule->b, warm = count_of(schedule->warmup, steps);
	double s = fmax(1, steps - warm), t = at - warm;
	if (schedule->kind == SCHEDULE_ONE_CYCLE)
		return one_cycle(at, steps,
				 schedule->warmup < 1 ? schedule->warmup * steps - 1 : warm - 1);
	if (at < warm)
		return at / fmax(1, warm);
	switch (schedule->kind) {
	case SCHEDULE_LINEAR:
		return fmax(0, (steps - at) / s);
	case SCHEDULE_COSINE:
		return fmax(0, half_cosine(t, s));
	case SCHEDULE_STEP:
		return pow(b, floor(t / fmax(1, count_of(a, s))));
	case SCHEDULE_POLYNOMIAL:
		return pow(fmax(0, 1 - t / s), a);
	case SCHEDULE_RESTARTS:
		return restarts(t, s, a, b);
	case SCHEDULE_WSD:
		return fmin(1, fmax(0, steps - at) / fmax(1, count_of(a, steps)));
	default:
		return 1;
	}
}
