/*
 * expand.h - pointwise nodes broadcast: where one reads what Expand wrote, it reads Expand's input
 * instead. An Expand that is left without readers is no longer computed.
 */
#ifndef ONNXTUNE_PASSES_EXPAND_H
#define ONNXTUNE_PASSES_EXPAND_H

#include "graph/graph.h"

/* Replaces *graph. */
enum status MUST_CHECK expand_drop(struct graph **graph, struct error *err);

#endif
