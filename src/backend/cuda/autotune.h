/*
 * autotune.h - --autotune: where a library has several ways to run a call, the fastest is found by timing
 * them on the GPU, once for all calls that are alike. A kernel lists them when it is created, all such
 * as may be taken anyway, and asks for the largest of their workspaces; they are timed (kernel.tune)
 * in the memory that the plan has, so no other memory is needed.
 */
#ifndef ONNXTUNE_BACKEND_CUDA_AUTOTUNE_H
#define ONNXTUNE_BACKEND_CUDA_AUTOTUNE_H

#include "backend/backend.h"

#define WAYS_MOST 8 /* what heuristics list behind these is hardly ever the fastest */

struct tuning; /* what an open device has found */

struct tuning *tuning_new(void);
void tuning_free(struct tuning *tuning); /* NULL is fine */

/* "12 products and convolutions timed in 0.81 s"; NULL: none, or tuning is NULL. */
const char *tuning_text(struct tuning *tuning);

/* The ways of a kernel to run its call, in the order of the heuristic. */
struct ways {
	uint32_t n;
	uint32_t chosen; /* the one that `run` has to take: the first, until they are timed */
	uint32_t entry;  /* in what the device has found */
};

/* How many ways to list at most: 1 without --autotune (tuning is NULL). */
uint32_t ways_wanted(const struct tuning *tuning);

/* The first of n ways is chosen. */
void ways_init(struct ways *ways, struct tuning *tuning, const struct op_call *call, uint32_t n);

/*
 * kernel.tune of a kernel that has `ways` in its state: chooses the fastest of those that `run` can queue. The stream
 * must not be captured. On an error of the device ERR_INTERNAL, and the choice stays.
 */
enum status ways_tune(struct ways *ways,
		      enum status (*run)(void *state, const struct kernel_io *io,
					 struct stream *stream),
		      void *state, const struct kernel_io *io, struct stream *stream);

#endif
