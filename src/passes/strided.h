/*
 * strided.h - batched products read and write permuted tensors where they are: MatMul with the
 * Transposes, and the factors (Mul with a constant scalar), before and behind it becomes one
 * StridedMatMul (ops/strided_matmul.c), where the target has a kernel for it. Attention splits and
 * merges its heads so, and its gradients transpose everything once more.
 *
 * In float32 results change by rounding only: a factor is applied to the other operand, or once instead of
 * twice. In half types factors stay, and with the Casts change places with the permutations, and with a
 * Reshape before or behind: no rounding changes, and what joins chains there (fuse.h) needs no pass of its
 * own over memory. Where the target has no kernel for heads that are split so, transposed matrices are
 * still read where they are.
 */
#ifndef ONNXTUNE_PASSES_STRIDED_H
#define ONNXTUNE_PASSES_STRIDED_H

#include "ops/target.h"

/* Replaces *graph. */
enum status MUST_CHECK strided_apply(struct graph **graph, const struct target *target,
				     struct error *err);

#endif
