/* ui.c - the clock of progress lines (see ui.h). */
#include "api/ui.h"

#include <time.h>

double api_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
