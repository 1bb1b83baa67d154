/*
 * convert.c - half types to float32 and back (see convert.h). bfloat16 is integer arithmetic that
 * vectorizes, where AVX-512 has no instruction for it; float16 has instructions on x86 (F16C, in
 * every CPU with AVX2).
 */
#include "backend/cpu/convert.h"

#include "backend/cpu/simd.h"
#include "base/half.h"

#include <string.h>

SIMD static void load_bf16(const uint16_t *restrict src, int64_t n, float *restrict dst)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t u = (uint32_t)src[i] << 16;
		memcpy(&dst[i], &u, 4);
	}
}

/* float_to_bf16 without a branch, in the upper half */
SIMD_INLINE uint32_t bf16_of(float x)
{
	uint32_t u;
	memcpy(&u, &x, 4);
	uint32_t rounded = (u + 0x7fff + ((u >> 16) & 1)) & 0xffff0000;
	uint32_t quiet = (u & 0xffff0000) | 0x400000;
	return (u & 0x7fffffff) > 0x7f800000 ? quiet : rounded;
}

SIMD static void store_bf16_plain(const float *restrict src, int64_t n, uint16_t *restrict dst)
{
	for (int64_t i = 0; i < n; i++)
		dst[i] = (uint16_t)(bf16_of(src[i]) >> 16);
}

SIMD static void round_bf16(float *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t u = bf16_of(x[i]);
		memcpy(&x[i], &u, 4);
	}
}

static void load_f16_plain(const uint16_t *src, int64_t n, float *dst)
{
	for (int64_t i = 0; i < n; i++)
		dst[i] = fp16_to_float(src[i]);
}

static void store_f16_plain(const float *src, int64_t n, uint16_t *dst)
{
	for (int64_t i = 0; i < n; i++)
		dst[i] = float_to_fp16(src[i]);
}

#ifdef __x86_64__
#include <immintrin.h>
#define F16C __attribute__((target("avx2,f16c")))

F16C static void load_f16_x8(const uint16_t *src, int64_t n, float *dst)
{
	int64_t i = 0;
	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(dst + i,
				 _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(src + i))));
	load_f16_plain(src + i, n - i, dst + i);
}

F16C static void store_f16_x8(const float *src, int64_t n, uint16_t *dst)
{
	int64_t i = 0;
	for (; i + 8 <= n; i += 8)
		_mm_storeu_si128((__m128i *)(dst + i),
				 _mm256_cvtps_ph(_mm256_loadu_ps(src + i),
						 _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
	store_f16_plain(src + i, n - i, dst + i);
}

static bool has_f16c(void)
{
	return __builtin_cpu_supports("avx2");
}

/* The instruction takes what is not normal for zero: runs with such a number go the plain way. */
__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))) static void store_bf16_x32(
	const float *src, int64_t n, uint16_t *dst)
{
	const int denormal = 0x20;
	int64_t i = 0;
	for (; i + 32 <= n; i += 32) {
		__m512 low = _mm512_loadu_ps(src + i), high = _mm512_loadu_ps(src + i + 16);
		if (_mm512_fpclass_ps_mask(low, denormal) | _mm512_fpclass_ps_mask(high, denormal))
			store_bf16_plain(src + i, 32, dst + i);
		else
			_mm512_storeu_si512(dst + i, (__m512i)_mm512_cvtne2ps_pbh(high, low));
	}
	store_bf16_plain(src + i, n - i, dst + i);
}

static bool has_bf16(void)
{
	return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#else
#define load_f16_x8 load_f16_plain
#define store_f16_x8 store_f16_plain
static bool has_f16c(void)
{
	return false;
}
#define store_bf16_x32 store_bf16_plain
static bool has_bf16(void)
{
	return false;
}
#endif

void convert_load(enum dtype dtype, const void *src, int64_t first, int64_t n, float *dst)
{
	const uint16_t *half = (const uint16_t *)src + first;
	if (dtype == DT_F32)
		memcpy(dst, (const float *)src + first, (size_t)n * sizeof *dst);
	else if (dtype == DT_BF16)
		load_bf16(half, n, dst);
	else if (has_f16c())
		load_f16_x8(half, n, dst);
	else
		load_f16_plain(half, n, dst);
}

void convert_store(enum dtype dtype, const float *src, int64_t first, int64_t n, void *dst)
{
	uint16_t *half = (uint16_t *)dst + first;
	if (dtype == DT_F32)
		memcpy((float *)dst + first, src, (size_t)n * sizeof *src);
	else if (dtype == DT_BF16 && has_bf16())
		store_bf16_x32(src, n, half);
	else if (dtype == DT_BF16)
		store_bf16_plain(src, n, half);
	else if (has_f16c())
		store_f16_x8(src, n, half);
	else
		store_f16_plain(src, n, half);
}

void convert_round(enum dtype dtype, float *x, int64_t n)
{
	enum { PIECE = 512 };
	uint16_t half[PIECE];
	if (dtype == DT_BF16)
		round_bf16(x, n);
	for (int64_t i = 0, run; dtype == DT_F16 && i < n; i += run) {
		run = n - i < PIECE ? n - i : PIECE;
		convert_store(dtype, x + i, 0, run, half);
		convert_load(dtype, half, 0, run, x + i);
	}
}
