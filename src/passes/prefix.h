/*
 * prefix.h - the frozen beginning of a training graph: what depends on the model's inputs and on
 * constants alone, so that it gives the same for a sample in every epoch.
 *
 * Its last values, which the rest of the graph reads, are the features. The cut is made in the lowered
 * graph, behind kernels and layouts, so both parts compute what the whole would, bit for bit.
 */
#ifndef ONNXTUNE_PASSES_PREFIX_H
#define ONNXTUNE_PASSES_PREFIX_H

#include "graph/graph.h"

struct prefix {
	bool products;
	uint32_t *features, n; /* values, in the graph's arena; n 0: there is nothing to cut off */
};

/*
 * samples: of a micro-batch. products: Gemm and MatMul may be in the prefix; where they are not, it
 * ends before the first of them. There is no prefix where it has no weights, or where a feature does not
 * have the samples on its first axis.
 */
struct prefix prefix_find(const struct graph *graph, int64_t samples, bool products);

/* Turns the graph into the prefix alone: its outputs are the features. */
void prefix_keep(struct graph *graph, const struct prefix *prefix);

/* Turns the graph (another one, built alike) into the rest: the features are inputs, of the names
 * that prefix_name gives. */
void prefix_cut(struct graph *graph, const struct prefix *prefix);
const char *prefix_name(struct arena *arena, uint32_t k);

#endif
