/*
 * lower.h - the last passes before planning, for one target: gelu, casts, strided, masked_softmax,
 * legalize, conv_epilogue, fuse, layout; phases marked.
 */
#ifndef ONNXTUNE_PASSES_LOWER_H
#define ONNXTUNE_PASSES_LOWER_H

#include "ops/target.h"

enum status MUST_CHECK lower_apply(struct graph **graph, const struct target *target,
				   struct error *err);

#endif
