/*
 * float64.h - a loaded graph with float64 in place of float32, float16 and bfloat16: for checks that
 * must not drown in rounding.
 */
#ifndef ONNXTUNE_PASSES_FLOAT64_H
#define ONNXTUNE_PASSES_FLOAT64_H

#include "graph/graph.h"

/*
 * Converts constants, inputs and the types and tensors that attributes name, in place. Data of
 * constants is copied into the graph's arena; what the file holds stays as it is.
 */
void float64_apply(struct graph *loaded);

#endif
