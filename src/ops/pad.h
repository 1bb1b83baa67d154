/*
 * pad.h - what Pad adds to each axis and takes for it, for its kernels.
 */
#ifndef ONNXTUNE_OPS_PAD_H
#define ONNXTUNE_OPS_PAD_H

#include "ops/op.h"

enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP, PAD_MODE_COUNT };

/* The attribute `mode`; PAD_MODE_COUNT: not known. */
enum pad_mode pad_mode(const struct node *node);

/*
 * Pads before and after each axis of x, from input 1 (begins, then ends) for the axes that input
 * `axes_input` names, all when it is absent. Negative ones take elements away.
 */
enum status MUST_CHECK pad_sizes(struct op_io *io, const struct shape *x, uint32_t axes_input,
				 int64_t begin[SHAPE_MAX_RANK], int64_t end[SHAPE_MAX_RANK]);

#ifdef __CUDACC__
#define PAD_INLINE static __host__ __device__ inline
#else
#define PAD_INLINE static inline
#endif

/* The element of an axis of size n that stands at position i, which may be outside; -1: none, the
 * constant. Kernels of CUDA call it too. */
PAD_INLINE int64_t pad_source(enum pad_mode mode, int64_t i, int64_t n)
{
	if (i >= 0 && i < n)
		return i;
	if (mode == PAD_CONSTANT)
		return -1;
	if (mode == PAD_EDGE)
		return i < 0 ? 0 : n - 1;
	if (n == 1)
		return 0;
	/* reflect is 0 1 2 3 2 1 0 1 ...: a period of 2 (n - 1) */
	int64_t period = mode == PAD_WRAP ? n : 2 * (n - 1), at = i % period;
	at += at < 0 ? period : 0;
	return at < n ? at : period - at;
}

#endif
