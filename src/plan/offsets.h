/*
 * offsets.h - places buffers with known lifetimes in one block of memory.
 */
#ifndef ONNXTUNE_PLAN_OFFSETS_H
#define ONNXTUNE_PLAN_OFFSETS_H

#include "base/mem.h"

#define OFFSET_ALIGN 64

struct interval {
	size_t bytes;
	uint32_t first, last; /* steps at which it is in use, inclusive */
	size_t offset;        /* result, a multiple of OFFSET_ALIGN */
};

/*
 * Gives every interval an offset so that none in use at the same time overlap, and returns the
 * bytes needed in all. Greedy by size: the largest first, each into the smallest gap that holds it
 * (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020).
 * The result depends on the intervals only. ERR_MEMORY on overflow.
 */
enum status MUST_CHECK offsets_plan(struct interval *intervals, uint32_t n, size_t *total,
				    struct error *err);

#endif
