/*
 * masked_softmax.h - Softmax in float32 between half types becomes MaskedSoftmax (ops/masked_softmax.c),
 * which reads and writes these: with the Cast before it, the Add of a mask, the Cast behind it, and so its
 * gradient. Attention with a mask of float32 has that in mixed precision: what is as large as all weights of
 * attention then is read and written in a half type only, and never kept in float32 for the backward pass.
 *
 * Numbers stay as they were: what was float32 still is.
 */
#ifndef ONNXTUNE_PASSES_MASKED_SOFTMAX_H
#define ONNXTUNE_PASSES_MASKED_SOFTMAX_H

#include "ops/target.h"

/* Replaces *graph, where the target has a kernel for it: then also for the gradient. */
enum status MUST_CHECK masked_softmax_apply(struct graph **graph, const struct target *target,
					    struct error *err);

#endif
