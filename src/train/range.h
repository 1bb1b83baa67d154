/*
 * range.h - the learning rate where the loss falls fastest, from a run whose rate grows exponentially
 * (L. N. Smith, "Cyclical learning rates for training neural networks", 2015, in the form of fastai's
 * lr_find: losses smoothed exponentially, the end cut off once the loss has exploded).
 */
#ifndef ONNXTUNE_TRAIN_RANGE_H
#define ONNXTUNE_TRAIN_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#define RANGE_STEPS 100
#define RANGE_FIRST 1e-7
#define RANGE_LAST 10.0

struct range {
	uint32_t n;
	double rates[RANGE_STEPS], losses[RANGE_STEPS]; /* smoothed */
	double mean, best;
};

/* The rate of a step, from 0. */
double range_rate(uint32_t step);

/* Takes a step's rate and loss; false when no further one is worth its time. */
bool range_add(struct range *range, double rate, double loss);

/* The rate of the steepest descent, to two digits; 0 when the loss never fell by a hundredth. */
double range_choose(const struct range *range);

#endif
