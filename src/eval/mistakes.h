/*
 * mistakes.h - the samples that a classifier is most wrong about: those wrongly predicted whose own
 * class has the lowest probability. Of equal ones the first that were added stay.
 */
#ifndef ONNXTUNE_EVAL_MISTAKES_H
#define ONNXTUNE_EVAL_MISTAKES_H

#include "base/mem.h"

#define MISTAKES_MAX 24

struct mistake {
	uint32_t sample; /* its number in its part */
	uint32_t truth, predicted;
	double truth_probability, predicted_probability;
	double loss; /* -log truth_probability */
};

struct mistakes {
	struct mistake worst[MISTAKES_MAX]; /* the worst first */
	uint32_t n;
	uint64_t total; /* wrong predictions, those that are not kept too */
};

void mistakes_add(struct mistakes *mistakes, const struct mistake *mistake);

#endif
