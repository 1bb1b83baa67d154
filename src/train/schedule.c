/* schedule.c - the learning rate over a run (see schedule.h). */
#include "train/schedule.h"

#include <math.h>

double schedule_factor(const struct schedule *schedule, int64_t step)
{
	double steps = (double)schedule->steps, at = (double)step;
	double warm = schedule->warmup < 1 ? ceil(schedule->warmup * steps) : schedule->warmup;
	double rest = fmax(1, steps - warm);
	if (at < warm)
		return at / fmax(1, warm);
	switch (schedule->kind) {
	case SCHEDULE_CONSTANT:
		return 1;
	case SCHEDULE_LINEAR:
		return fmax(0, (steps - at) / rest);
	case SCHEDULE_COSINE:
		return fmax(0, 0.5 * (1 + cos(M_PI * (at - warm) / rest)));
	}
	return 1;
}
