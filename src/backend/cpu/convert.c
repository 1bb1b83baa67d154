/*
 * convert.c - half types to float32 and back (see convert.h). bfloat16 is integer arithmetic that
 * vectorizes; float16 has instructions on x86 (F16C, in every CPU with AVX2).
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

/* float_to_bf16 without a branch */
SIMD static void store_bf16(const float *restrict src, int64_t n, uint16_t *restrict dst)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t u;
		memcpy(&u, &src[i], 4);
		uint32_t rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
		uint32_t quiet = (u >> 16) | 0x40;
		dst[i] = (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
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
#else
#define load_f16_x8 load_f16_plain
#define store_f16_x8 store_f16_plain
static bool has_f16c(void)
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
	else if (dtype == DT_BF16)
		store_bf16(src, n, half);
	else if (has_f16c())
		store_f16_x8(src, n, half);
	else
		store_f16_plain(src, n, half);
}
