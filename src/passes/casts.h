/*
 * casts.h - a half type that is cast to float32 and back is itself: such pairs, which gradients of Casts
 * leave behind each other, are passed over. (Never the other way round: float32 that was cast to a half
 * type is rounded.)
 */
#ifndef ONNXTUNE_PASSES_CASTS_H
#define ONNXTUNE_PASSES_CASTS_H

#include "graph/graph.h"

/* Replaces *graph. */
enum status MUST_CHECK casts_apply(struct graph **graph, struct error *err);

#endif
