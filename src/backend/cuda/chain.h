/*
 * chain.h - pointwise operators and Fused nodes as CUDA C that is compiled at plan time by NVRTC.
 *
 * All kernels have one form, `extern "C" __global__ void k(struct chain_args a)`: shapes are
 * arguments, so the text depends on the operators, their constants and on how inputs are read alone.
 * Compiled texts are kept in memory and in a folder on disk, $XDG_CACHE_HOME/onnxtune or
 * ~/.cache/onnxtune; a file there that is not whole is compiled again. Results are rounded to the
 * half types where the operators do it and products are not contracted with sums, so a chain gives
 * the bits of its single operators. Sums at the end of a Fused node are formed in double over parts
 * that the shapes fix, and the parts added up in their order.
 */
#ifndef ONNXTUNE_BACKEND_CUDA_CHAIN_H
#define ONNXTUNE_BACKEND_CUDA_CHAIN_H

#include "backend/backend.h"
#include "ops/fused.h"

/* What a kernel gets; chain_expression.c declares the same in CUDA C. */
struct chain_args {
	const void *in[FUSED_INPUTS];
	void *out[FUSED_OUTPUTS];
	long long n;                                    /* elements */
	long long dim[SHAPE_MAX_RANK];                  /* of the merged space */
	long long stride[FUSED_INPUTS][SHAPE_MAX_RANK]; /* in elements */
	/* Where there are sums: elements that are kept and that are summed for each of them, those
	 * of a part and how many parts, threads that share a part (a power of two). */
	double *sums;
	long long kept, summed, part, parts, width;
};

struct chain_cache;
enum status MUST_CHECK chain_open(int compute, struct chain_cache **out, struct error *err);
void chain_close(struct chain_cache *cache); /* NULL is fine */

/* Whether a call may be part of a Fused node. */
enum fusible chain_fusible(const struct op_call *call);

#endif
