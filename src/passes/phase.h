/*
 * phase.h - when each node runs.
 *
 * A node runs in the latest phase of its inputs: INIT for constants, UPDATE for parameters, MICRO
 * for data and state, APPLY for what the accumulators are read by, and for the end of a step
 * (ScaleUpdate) in any case. Accumulators are written in MICRO and read in APPLY.
 */
#ifndef ONNXTUNE_PASSES_PHASE_H
#define ONNXTUNE_PASSES_PHASE_H

#include "graph/graph.h"

/* Sets the phase of every node and value, and sorts graph->order by phase (stable). */
void phase_mark(struct graph *graph);

#endif
