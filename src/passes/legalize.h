/*
 * legalize.h - half precision on devices that don't compute in it: a node that the target has no
 * kernel for in float16 or bfloat16, but in float32, is wrapped in Casts. Every value is still
 * rounded to its half type, so the numbers are those of mixed precision. The target is asked for
 * kernels in the layouts that they wish.
 */
#ifndef ONNXTUNE_PASSES_LEGALIZE_H
#define ONNXTUNE_PASSES_LEGALIZE_H

#include "ops/target.h"

/* Phases must be marked, before and again after it. */
enum status MUST_CHECK legalize_apply(struct graph **graph, const struct target *target,
				      struct error *err);

#endif
