/*
 * offsets.c - greedy placement by size (see offsets.h).
 *
 *  1. Order the intervals by falling size (ties: as given).
 *  2. For each, walk the placed ones that are in use at the same time in the order of their
 *     offsets and take the smallest gap that holds it; if there is none, go behind the last.
 */
#include "plan/offsets.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
	const struct interval *const *x = a, *const *y = b;
	if ((*x)->bytes != (*y)->bytes)
		return (*x)->bytes < (*y)->bytes ? 1 : -1;
	return *x < *y ? -1 : *x > *y;
}

static size_t aligned(size_t bytes)
{
	return (bytes + OFFSET_ALIGN - 1) & ~(size_t)(OFFSET_ALIGN - 1);
}

/* placed[] is kept in the order of offsets. */
static size_t find_gap(struct interval *const *placed, uint32_t n, const struct interval *in)
{
	size_t end = 0, best = SIZE_MAX, best_gap = SIZE_MAX, need = aligned(in->bytes);
	for (uint32_t i = 0; i < n; i++) {
		const struct interval *p = placed[i];
		if (p->last < in->first || p->first > in->last)
			continue;
		if (p->offset > end && p->offset - end >= need && p->offset - end < best_gap) {
			best_gap = p->offset - end;
			best = end;
		}
		if (p->offset + aligned(p->bytes) > end)
			end = p->offset + aligned(p->bytes);
	}
	return best == SIZE_MAX ? end : best;
}

enum status offsets_plan(struct interval *intervals, uint32_t n, size_t *total, struct error *err)
{
	struct interval **order = mem_alloc(n * sizeof *order);
	struct interval **placed = mem_alloc(n * sizeof *placed);
	size_t all = 0, sum = 0;
	enum status status = OK;
	for (uint32_t i = 0; i < n; i++) {
		order[i] = &intervals[i];
		/* No offset can overflow when the sum of all does not. */
		if (!size_add(sum, intervals[i].bytes, &sum) ||
		    !size_add(sum, OFFSET_ALIGN, &sum)) {
			status = fail(err, ERR_MEMORY, "the values of a step are too large");
			goto out;
		}
	}
	qsort(order, n, sizeof *order, by_size);
	for (uint32_t i = 0; i < n; i++) {
		struct interval *in = order[i];
		in->offset = find_gap(placed, i, in);
		uint32_t at = i;
		for (; at > 0 && placed[at - 1]->offset > in->offset; at--)
			placed[at] = placed[at - 1];
		placed[at] = in;
		if (in->offset + aligned(in->bytes) > all)
			all = in->offset + aligned(in->bytes);
	}
	*total = all;
out:
	free(order);
	free(placed);
	return status;
}
