/*
 * early.h - updates each parameter as soon as its gradient is final, in MICRO.
 *
 * For windows of one micro-batch where nothing needs all gradients at once (clipping, a loss scale
 * that a later gradient may find too large). Gradients then need no accumulators: each lives in the
 * step arena until its update, and is still in the cache then.
 *
 * Statistics are taken, and parameters updated, in groups, in the order in which gradients are
 * known: a parameter never takes a gradient that is not finite, and none is updated after the first
 * such gradient, or where the loss is not finite. No parameter is written over before the last node
 * that reads it.
 */
#ifndef ONNXTUNE_PASSES_EARLY_H
#define ONNXTUNE_PASSES_EARLY_H

#include "graph/graph.h"

/* Gradients that are worth calls of their own; they are read twice, the second time from the cache. */
#define EARLY_GROUP_BYTES (1 << 20)

/*
 * Moves all of APPLY but the end of the step into MICRO and leaves the accumulators away. Follows all
 * other passes over a graph of passes/training; phases are marked, before and afterwards. The graph
 * has no outputs any more: gradients are not kept. A group has at least `bytes` of gradients, but for
 * the last.
 */
enum status MUST_CHECK early_apply(struct graph **graph, size_t bytes, struct error *err);

#endif
