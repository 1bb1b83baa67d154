/*
 * block.h - sums and extremes over the threads of a warp and of a block of THREADS. All threads call
 * them at the same place and all get the result, brought together in an order that is always the
 * same. Barriers stand inside: calls may follow each other, and what shared memory had before a call
 * on a block is visible after it.
 */
#ifndef ONNXTUNE_KERNELS_BLOCK_H
#define ONNXTUNE_KERNELS_BLOCK_H

#include "kernels/cuda.h"

#define WARP 32
#define WARPS (THREADS / WARP)

/* bring(a, b) over groups of `width` neighbouring lanes, a power of two; T: up to 8 bytes. */
template <class T, class F>
static __device__ inline T warp_reduce(T x, F bring, unsigned width = WARP)
{
	for (int lanes = (int)width / 2; lanes; lanes /= 2)
		x = bring(x, __shfl_xor_sync(0xffffffffu, x, lanes));
	return x;
}

template <class T, class F> static __device__ inline T block_reduce(T x, F bring)
{
	__shared__ T shared[WARPS];
	unsigned lane = threadIdx.x % WARP;
	x = warp_reduce(x, bring);
	if (lane == 0)
		shared[threadIdx.x / WARP] = x;
	__syncthreads();
	x = warp_reduce(shared[lane % WARPS], bring, WARPS);
	__syncthreads();
	return x;
}

template <class T> static __device__ inline T warp_sum(T x)
{
	return warp_reduce(x, [](T a, T b) { return a + b; });
}

/* NaNs are left out, here and below. */
template <class T> static __device__ inline T warp_max(T x)
{
	return warp_reduce(x, [](T a, T b) { return max(a, b); });
}

template <class T> static __device__ inline T block_sum(T x)
{
	return block_reduce(x, [](T a, T b) { return a + b; });
}

template <class T> static __device__ inline T block_max(T x)
{
	return block_reduce(x, [](T a, T b) { return max(a, b); });
}

#endif
