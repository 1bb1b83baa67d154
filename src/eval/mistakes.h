/*
 * mistakes.h - the samples that a classifier is most wrong about: those wrongly predicted whose own
 * class has the lowest probability. Of equal ones the first that were added stay. Where a sample has
 * several classes, the one of them that is told most wrongly stands for it.
 */
#ifndef ONNXTUNE_EVAL_MISTAKES_H
#define ONNXTUNE_EVAL_MISTAKES_H

#include "base/mem.h"

#define MISTAKES_MAX 24

enum mistake_kind {
	MISTAKE_CONFUSED, /* the class was taken for another */
	MISTAKE_MISSED,   /* of several classes: it is there and not told */
	MISTAKE_WRONG,    /* it is told and not there */
};

struct mistake {
	uint32_t sample;           /* its number in its part */
	uint32_t truth, predicted; /* the same class but for MISTAKE_CONFUSED */
	/* what the model gives to the truth (that the class is there, or is not), and to what it told */
	double truth_probability, predicted_probability;
	double loss; /* -log truth_probability */
	enum mistake_kind kind;
};

struct mistakes {
	struct mistake worst[MISTAKES_MAX]; /* the worst first */
	uint32_t n;
	uint64_t total; /* wrong predictions, those that are not kept too */
};

void mistakes_add(struct mistakes *mistakes, const struct mistake *mistake);

#endif
