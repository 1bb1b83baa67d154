/*
 * rng.h - counter-based random numbers: Philox4x32-10.
 *
 * A random number is a pure function of (key, counter): no state to save, the same on every device
 * and for every split into micro-batches.
 *
 * Source: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
#ifndef ONNXTUNE_BASE_RNG_H
#define ONNXTUNE_BASE_RNG_H

#include "base/error.h"

#ifdef __CUDACC__
#define RNG_INLINE static inline __host__ __device__ /* kernels call it */
#else
#define RNG_INLINE static inline
#endif

/* Four random words for a 64-bit key and a 128-bit counter. */
RNG_INLINE void philox(uint64_t key, uint64_t counter_hi, uint64_t counter_lo, uint32_t out[4])
{
	uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
	uint32_t c0 = (uint32_t)counter_lo, c1 = (uint32_t)(counter_lo >> 32);
	uint32_t c2 = (uint32_t)counter_hi, c3 = (uint32_t)(counter_hi >> 32);
	for (int round = 0; round < 10; round++) {
		uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)p1;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p0;
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
	out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* A uniform number in [0, 1) with 24 random bits, from one word. */
RNG_INLINE float rng_uniform(uint32_t word)
{
	return (float)(word >> 8) * 0x1p-24f;
}

/*
 * Fills p[0..n) with a random permutation of 0..n-1 (Fisher-Yates over Philox; `stream` tells
 * independent permutations of one seed apart, e.g. the epoch).
 */
void rng_permutation(uint64_t seed, uint64_t stream, uint32_t *p, uint32_t n);

#endif
