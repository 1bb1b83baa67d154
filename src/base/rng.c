/* rng.c - permutations (see rng.h). */
#include "base/rng.h"

void rng_permutation(uint64_t seed, uint64_t stream, uint32_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t w[4];
		philox(seed, stream, i, w);
		/* 64 random bits modulo at most 2^32: the bias is below 2^-32. */
		uint32_t j = (uint32_t)((((uint64_t)w[0] << 32) | w[1]) % (i + 1));
		p[i] = p[j];
		p[j] = i;
	}
}
