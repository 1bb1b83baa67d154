/*
 * confusion.h - what a classifier got right and wrong, as counts, and the scores made of them.
 *
 * The definitions and the order of every floating-point operation are those of scikit-learn
 * 1.9's precision_recall_fscore_support with zero_division=0 (NumPy's pairwise sums included), so
 * that a score that falls on a rounding boundary prints the same digits.
 */
#ifndef ONNXTUNE_EVAL_CONFUSION_H
#define ONNXTUNE_EVAL_CONFUSION_H

#include "base/mem.h"

enum confusion_kind {
	CONFUSION_SINGLE_LABEL, /* each sample has one of the classes */
	CONFUSION_MULTI_LABEL,  /* each sample has any number of them */
};

/* With more classes than this the square matrix is not kept, only the sums per class. */
#define CONFUSION_MATRIX_MAX 1000

struct scores {
	double precision, recall, f1;
};

struct confusion {
	enum confusion_kind kind;
	uint32_t classes;
	bool weighted;     /* some weight was not 1: supports are no whole numbers */
	double total;      /* weight of all samples */
	double exact;      /* weight of the samples whose prediction is right in every class */
	double *matrix;    /* [classes][classes]: row true, column predicted; NULL when not kept */
	double *hits;      /* [classes]: true and predicted */
	double *predicted; /* [classes] */
	double *support;   /* [classes]: true */
	ARRAY(struct scores) samples; /* multi-label: the scores of each sample over its classes */
	ARRAY(double) sample_weights; /* multi-label: the weight of each sample */
};

void confusion_init(struct confusion *c, enum confusion_kind kind, uint32_t classes);
void confusion_release(struct confusion *c);

/*
 * Counts one sample of a single-label problem. Both classes are in [0, classes); a negative
 * `truth` is an ignored label and is not counted.
 */
void confusion_add(struct confusion *c, int64_t truth, int64_t predicted, double weight);

/* Counts one sample of a multi-label problem: two arrays [classes] of 0 and not 0. */
void confusion_add_multi(struct confusion *c, const uint8_t *truth, const uint8_t *predicted,
			 double weight);

/* The scores of one class. */
struct scores confusion_class(const struct confusion *c, uint32_t class);

enum average {
	AVERAGE_MICRO,    /* of the summed counts; in a single-label problem this is the accuracy */
	AVERAGE_MACRO,    /* plain mean over classes */
	AVERAGE_WEIGHTED, /* mean over classes weighted by support */
	AVERAGE_SAMPLES,  /* multi-label only: mean over samples */
};

/*
 * The average over n of the classes (all when `which` is NULL, then n is not read). AVERAGE_SAMPLES
 * always takes all classes.
 */
struct scores confusion_average(const struct confusion *c, enum average average,
				const uint32_t *which, uint32_t n);

/* Share of the samples that are right (multi-label: in every class); 0 without samples. */
double confusion_accuracy(const struct confusion *c);

#endif
