/*
 * balance.h - against classes of unequal size: counts, weights, and draws that make them equal.
 * Samples are those of a part whose targets are classes; ignored ones count nowhere.
 */
#ifndef ONNXTUNE_DATA_BALANCE_H
#define ONNXTUNE_DATA_BALANCE_H

#include "data/dataset.h"

/* Targets of each class; counts[n] in the arena. */
uint32_t *balance_counts(const struct tensor *targets, uint32_t n, struct arena *arena);

/*
 * sklearn's 'balanced': targets / (classes that occur * count of the class); 1 for a class that does
 * not occur. weights[n] in the arena.
 */
float *balance_weights(const struct tensor *targets, uint32_t n, struct arena *arena);

/* The samples by class, for draws. One target a sample. */
struct balance {
	uint32_t *samples;          /* those of class k: [start[k], start[k + 1]) */
	uint32_t *start, n_classes; /* classes that occur */
};

/* n_classes is 0 when every sample is ignored. Everything lies in the arena. */
struct balance balance_group(const struct tensor *targets, uint32_t n, struct arena *arena);

/* Fills p[0..count) with samples: a class, each as likely, then one of its samples. A function of
 * seed, stream (the epoch) and position alone. */
void balance_draw(const struct balance *balance, uint64_t seed, uint64_t stream, uint32_t *p,
		  uint32_t count);

#endif
