/*
 * copies.h - optimizers write the copy of their parameter in a half type.
 *
 * A parameter that is cast to float16 or bfloat16 for the micro-batch is read once more for it after
 * each step. Where the Cast is all there is between the two, the optimizer writes it, while it has
 * the parameter at hand. The Cast stays for the start of a run (PROGRAM_UPDATE of plan/plan.h).
 */
#ifndef ONNXTUNE_PASSES_COPIES_H
#define ONNXTUNE_PASSES_COPIES_H

#include "graph/graph.h"

/* Follows the layout pass; phases are marked, before and afterwards. */
enum status MUST_CHECK copies_apply(struct graph **graph, struct error *err);

#endif
