/*
 * precision.h - mixed precision: inserts Casts into the forward graph, before differentiation.
 *
 * Only nodes that run for each micro-batch are touched; a weight is cast where it enters them, and
 * once per update. Each operator's row says how it takes part (op.h, enum precision). Inputs marked
 * KEEP are neither cast nor counted; float64 is left alone.
 */
#ifndef ONNXTUNE_PASSES_PRECISION_H
#define ONNXTUNE_PASSES_PRECISION_H

#include "graph/graph.h"

enum precision_policy {
	POLICY_ONNXTUNE, /* the operators' rows */
	POLICY_AUTOCAST, /* the lists of torch.autocast("cuda", float16), torch 2.15 */
};

/* half: DT_F32 (everything in float32), DT_F16 or DT_BF16. Phases must be marked. */
enum status MUST_CHECK precision_apply(struct graph **graph, enum dtype half,
				       enum precision_policy policy, struct error *err);

#endif
