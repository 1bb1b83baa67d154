/*
 * fuse.h - joins pointwise nodes that hand each other tensors of one shape into Fused nodes
 * (ops/fused.c), across the border between forward and backward too, those of UPDATE, and those of
 * APPLY before the first that writes over an input. Memory is then touched once per chain instead of
 * once per operator.
 *
 * Sums over axes of what a chain computes end it, as outputs. Neighbours that read the same tensor
 * are joined as well; an Expand whose result only broadcasts is not needed.
 *
 * A forward value whose only other readers are one backward chain is computed again there instead of
 * being kept, where the operators that it takes, and what they read, cost less than its way to memory
 * and back. No result changes, rounding to half types included.
 *
 * Follows legalize; phases are marked.
 */
#ifndef ONNXTUNE_PASSES_FUSE_H
#define ONNXTUNE_PASSES_FUSE_H

#include "ops/target.h"

enum status MUST_CHECK fuse_apply(struct graph **graph, const struct target *target,
				  struct error *err);

#endif
