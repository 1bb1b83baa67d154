/*
 * layout.h - the order of axes in memory: channels-last between the kernels that wish for it.
 *
 * Walks in order, asks the target for the layouts that the best kernel of each node wishes for, and
 * puts a Relayout where a value has another one. Logical shapes never change.
 */
#ifndef ONNXTUNE_PASSES_LAYOUT_H
#define ONNXTUNE_PASSES_LAYOUT_H

#include "ops/target.h"

/* Phases must be marked, before and again after it. Graph outputs come out plain. */
enum status MUST_CHECK layout_apply(struct graph **graph, const struct target *target,
				    struct error *err);

#endif
