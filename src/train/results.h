/*
 * results.h - what steps said of themselves, on its way from the device to the host.
 *
 * The end of a step leaves two copies of the step block, from before and after it, in host memory of
 * the ring. The host looks at them when it wants to, oldest first, and can queue further steps until
 * then: it need not wait for each.
 */
#ifndef ONNXTUNE_TRAIN_RESULTS_H
#define ONNXTUNE_TRAIN_RESULTS_H

#include "exec/variables.h"
#include "ops/step.h"

/* Steps whose results the host may leave until later, where it does not share the device's memory. */
enum { RESULTS_AHEAD = 2, RESULTS_MAX = RESULTS_AHEAD + 1 };

struct results {
	struct variables *vars;    /* whose stream runs the steps; not owned */
	struct step_block *blocks; /* two for each place, in host memory of the device */
	struct event *events[RESULTS_MAX];
	uint32_t first, pending;
};

/* A failed ring is still to be closed. */
enum status MUST_CHECK results_open(struct results *results, struct variables *vars,
				    struct error *err);
void results_close(struct results *results); /* also a zeroed one; nothing may be queued */

/* Queues the copies from before and after the end of a step, of which at most RESULTS_MAX are
 * pending. */
enum status MUST_CHECK results_before(struct results *results, struct error *err);
enum status MUST_CHECK results_after(struct results *results, struct error *err);

/* Waits for the oldest step, one of at least one that is pending, and takes it off. */
enum status MUST_CHECK results_take(struct results *results, struct step_block *before,
				    struct step_block *after, struct error *err);

#endif
