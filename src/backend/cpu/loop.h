/* loop.h - loops of the CPU: those of backend/loop.h, and how kernels use threads. */
#ifndef ONNXTUNE_BACKEND_CPU_LOOP_H
#define ONNXTUNE_BACKEND_CPU_LOOP_H

#include "backend/loop.h"

/*
 * Calls f(ctx, begin, end) so that [0, n) is covered, at the same time on as many threads as there
 * are, each having at least `grain` of it. Which thread has what does not depend on timing.
 */
typedef void parallel_fn(const void *ctx, int64_t begin, int64_t end);
void parallel_for(int64_t n, int64_t grain, parallel_fn *f, const void *ctx);

#endif
