/* rng.c - Philox4x32-10 and what is made from it (see rng.h). */
#include "base/rng.h"

void philox(uint64_t key, uint64_t counter_hi, uint64_t counter_lo, uint32_t out[4])
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
