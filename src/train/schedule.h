/*
 * schedule.h - how the learning rate changes over a run: a linear warm-up from 0 to the peak, then
 * constant, falling in a line to 0, or as half a cosine to 0.
 *
 * Source: the Transformers library (optimization.py: get_constant_schedule_with_warmup,
 * get_linear_schedule_with_warmup, get_cosine_schedule_with_warmup).
 */
#ifndef ONNXTUNE_TRAIN_SCHEDULE_H
#define ONNXTUNE_TRAIN_SCHEDULE_H

#include <stdint.h>

enum schedule_kind { SCHEDULE_CONSTANT, SCHEDULE_LINEAR, SCHEDULE_COSINE };

struct schedule {
	enum schedule_kind kind;
	double warmup; /* below 1: share of all steps, rounded up to whole ones; else steps */
	int64_t steps; /* of the whole run */
};

/* The share of the peak rate for a step, counted from 0. */
double schedule_factor(const struct schedule *schedule, int64_t step);

#endif
