/*
 * gelu.h - x (1 + erf(x / sqrt 2)) / 2 spelled out becomes Gelu, in whatever order it is multiplied: one
 * operator, whose gradient needs x alone, and which is as precise where 1 + erf is a difference of
 * nearly equal numbers. Constants must be the rounded ones.
 */
#ifndef ONNXTUNE_PASSES_GELU_H
#define ONNXTUNE_PASSES_GELU_H

#include "graph/graph.h"

/* Replaces *graph. Before differentiation. */
enum status MUST_CHECK gelu_apply(struct graph **graph, struct error *err);

#endif
