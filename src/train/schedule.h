/*
 * schedule.h - how the learning rate changes over a run: a linear warm-up from 0 to the peak, then
 * what the kind says. With s steps after the warm-up and t of them done:
 *
 *	CONSTANT	1
 *	LINEAR		1 - t / s
 *	COSINE		(1 + cos(pi t / s)) / 2
 *	STEP		b^floor(t / a): a the steps between two falls, b the factor
 *	POLYNOMIAL	(1 - t / s)^a
 *	ONE_CYCLE	the warm-up is half a cosine from 1/25, then one to 1/25e4
 *	RESTARTS	COSINE a times, each time b times as long as before
 *	WSD		1, then in a line to 0 over the last a steps
 *	PLATEAU		1; train/plateau.h makes it smaller during the run
 *
 * Source: the Transformers library (optimization.py: get_constant_schedule_with_warmup, ...linear...,
 * ...cosine..., get_wsd_schedule) and torch.optim.lr_scheduler (StepLR, PolynomialLR, OneCycleLR,
 * CosineAnnealingWarmRestarts).
 */
#ifndef ONNXTUNE_TRAIN_SCHEDULE_H
#define ONNXTUNE_TRAIN_SCHEDULE_H

#include <stdint.h>

enum schedule_kind {
	SCHEDULE_CONSTANT,
	SCHEDULE_LINEAR,
	SCHEDULE_COSINE,
	SCHEDULE_STEP,
	SCHEDULE_POLYNOMIAL,
	SCHEDULE_ONE_CYCLE,
	SCHEDULE_RESTARTS,
	SCHEDULE_WSD,
	SCHEDULE_PLATEAU,
};

struct schedule {
	enum schedule_kind kind;
	double warmup; /* below 1: share of all steps, rounded up to whole ones; else steps */
	int64_t steps; /* of the whole run */
	double a, b;   /* see above; a number of steps may be a share below 1, as in warmup */
};

/* The share of the peak rate for a step, counted from 0. */
double schedule_factor(const struct schedule *schedule, int64_t step);

#endif
