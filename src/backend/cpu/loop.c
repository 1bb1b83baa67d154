/* loop.c - threads (see loop.h). */
#include "backend/cpu/loop.h"

#include <omp.h>

void parallel_for(int64_t n, int64_t grain, parallel_fn *f, const void *ctx)
{
	int64_t threads = omp_get_max_threads();
	int64_t parts = grain > 0 && n / grain < threads ? n / grain : threads;
	if (n <= 0)
		return;
	if (parts <= 1) {
		f(ctx, 0, n);
		return;
	}
#pragma omp parallel for schedule(static) num_threads((int)parts)
	for (int64_t t = 0; t < parts; t++)
		f(ctx, n / parts * t + (t < n % parts ? t : n % parts),
		  n / parts * (t + 1) + (t + 1 < n % parts ? t + 1 : n % parts));
}
