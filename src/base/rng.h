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

/* Four random words for a 64-bit key and a 128-bit counter. */
void philox(uint64_t key, uint64_t counter_hi, uint64_t counter_lo, uint32_t out[4]);

/* A uniform number in [0, 1) with 24 random bits, from one word. */
static inline float rng_uniform(uint32_t word)
{
	return (float)(word >> 8) * 0x1p-24f;
}

/*
 * Fills p[0..n) with a random permutation of 0..n-1 (Fisher-Yates over Philox; `stream` tells
 * independent permutations of one seed apart, e.g. the epoch).
 */
void rng_permutation(uint64_t seed, uint64_t stream, uint32_t *p, uint32_t n);

#endif
