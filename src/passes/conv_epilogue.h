/*
 * conv_epilogue.h - a Conv with a bias takes over what follows it, a residual Add and a Relu, or a Clip
 * from 0, as one FusedConv (ops/conv.c), where the target does that in one kernel and nothing else reads
 * what lies between. The gradients of Relu and Clip read their output, so it may be so in training too.
 *
 * Results change by rounding only: sums are rounded to a half type once instead of twice.
 */
#ifndef ONNXTUNE_PASSES_CONV_EPILOGUE_H
#define ONNXTUNE_PASSES_CONV_EPILOGUE_H

#include "ops/target.h"

/* Replaces *graph. Phases must be marked, before and again after it. */
enum status MUST_CHECK conv_epilogue_apply(struct graph **graph, const struct target *target,
					   struct error *err);

#endif
