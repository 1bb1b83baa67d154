/*
 * crc32.c - the check sum (see crc32.h). The bytes are a polynomial over GF(2), the sum is its
 * remainder, and the remainder does not change when a high part of the polynomial is replaced by its
 * product with what x^distance leaves. So 64 bytes at a time are multiplied onto the 64 behind them,
 * in four registers; the 16 bytes that are left in the end, and what is no multiple of 16, are few
 * enough for zlib. Source: V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ Instruction", Intel, 2009.
 */
#include "base/crc32.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h>

/* zlib counts in 32 bits: larger buffers go through in pieces. */
static uint32_t add_by_zlib(uint32_t crc, const uint8_t *p, size_t n)
{
	while (n) {
		uInt k = n < (1u << 30) ? (uInt)n : 1u << 30;
		crc = (uint32_t)crc32(crc, p, k);
		p += k;
		n -= k;
	}
	return crc;
}

#ifdef __x86_64__

#include <immintrin.h>

#define CLMUL __attribute__((target("pclmul")))

/* x * the remainders of x^(8 * distance + 32) and x^(8 * distance - 32), reflected, + next. */
CLMUL static inline __m128i fold(__m128i x, __m128i remainders, __m128i next)
{
	__m128i low = _mm_clmulepi64_si128(x, remainders, 0x00);
	__m128i high = _mm_clmulepi64_si128(x, remainders, 0x11);
	return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

CLMUL static inline __m128i load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/*
 * n >= 64. What is mapped from a file is seldom in a cache, and the machine does not read ahead beyond
 * a page by itself.
 */
CLMUL static uint32_t add_by_products(uint32_t crc, const uint8_t *p, size_t n)
{
	enum { AHEAD = 2048 };
	const __m128i by_64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
	const __m128i by_16 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
	__m128i a = load(p), b = load(p + 16), c = load(p + 32), d = load(p + 48);
	/* the sum so far is that of 4 bytes before, which are added to the first of these */
	a = _mm_xor_si128(a, _mm_cvtsi32_si128((int)~crc));
	for (p += 64, n -= 64; n >= 64; p += 64, n -= 64) {
		__builtin_prefetch((const void *)((uintptr_t)p + AHEAD));
		a = fold(a, by_64, load(p));
		b = fold(b, by_64, load(p + 16));
		c = fold(c, by_64, load(p + 32));
		d = fold(d, by_64, load(p + 48));
	}
	d = fold(fold(fold(a, by_16, b), by_16, c), by_16, d);
	for (; n >= 16; p += 16, n -= 16)
		d = fold(d, by_16, load(p));
	uint8_t left[16];
	_mm_storeu_si128((__m128i *)(void *)left, d);
	/* zlib inverts what it starts with: this is a start with zeros */
	return add_by_zlib(add_by_zlib(UINT32_MAX, left, sizeof left), p, n);
}

uint32_t crc32_add(uint32_t crc, const void *data, size_t n)
{
	if (n >= 64 && __builtin_cpu_supports("pclmul"))
		return add_by_products(crc, data, n);
	return add_by_zlib(crc, data, n);
}

#else

uint32_t crc32_add(uint32_t crc, const void *data, size_t n)
{
	return add_by_zlib(crc, data, n);
}

#endif
