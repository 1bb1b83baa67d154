/*
 * vector_sum.h - sums and maxima of contiguous float32, for functions marked SIMD. Sums are formed in
 * double in lanes that stand in the source, so they are the same on every CPU.
 */
#ifndef ONNXTUNE_BACKEND_CPU_VECTOR_SUM_H
#define ONNXTUNE_BACKEND_CPU_VECTOR_SUM_H

#include "backend/cpu/simd.h"

#include <math.h>
#include <stdint.h>

typedef float float_x4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef float float_x8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef double double_x4 __attribute__((vector_size(32)));
typedef int32_t int_x8 __attribute__((vector_size(32)));

#define WIDEN_X4(x) __builtin_convertvector(*(const float_x4 *)(x), double_x4)
#define SUM_LANES 8 /* vectors that are summed side by side */

/* The sum over i of term(i), of which vector(i) gives four, from i on. */
#define VECTOR_SUM(n, vector, term)                                                                \
	double_x4 sum[SUM_LANES] = { { 0 } };                                                      \
	double rest = 0;                                                                           \
	int64_t i = 0;                                                                             \
	for (; i + 4 * SUM_LANES <= n; i += 4 * SUM_LANES)                                         \
		for (int k = 0; k < SUM_LANES; k++)                                                \
			sum[k] += vector(i + 4 * k);                                               \
	for (; i + 4 <= n; i += 4)                                                                 \
		sum[0] += vector(i);                                                               \
	for (; i < n; i++)                                                                         \
		rest += term(i);                                                                   \
	for (int k = SUM_LANES / 2; k; k /= 2)                                                     \
		for (int j = 0; j < k; j++)                                                        \
			sum[j] += sum[j + k];                                                      \
	return ((sum[0][0] + sum[0][1]) + (sum[0][2] + sum[0][3])) + rest

SIMD_INLINE double vector_sum(const float *x, int64_t n)
{
#define VECTOR(i) WIDEN_X4(x + (i))
#define TERM(i) (double)x[i]
	VECTOR_SUM(n, VECTOR, TERM);
#undef VECTOR
#undef TERM
}

/* The sum of a[i] b[i]. */
SIMD_INLINE double vector_dot(const float *a, const float *b, int64_t n)
{
#define VECTOR(i) WIDEN_X4(a + (i)) * WIDEN_X4(b + (i))
#define TERM(i) (double)a[i] * (double)b[i]
	VECTOR_SUM(n, VECTOR, TERM);
#undef VECTOR
#undef TERM
}

/* The element by which no other is larger, and `start`, whichever is larger. A NaN is passed over. */
SIMD_INLINE float vector_max(const float *x, int64_t n, float start)
{
	float_x8 lane[2];
	int64_t i = 0;
	for (int k = 0; k < 16; k++)
		lane[k / 8][k % 8] = start;
	for (; i + 16 <= n; i += 16)
		for (int k = 0; k < 2; k++) {
			float_x8 v = *(const float_x8 *)(x + i + 8 * k);
			int_x8 take = v > lane[k];
			lane[k] = (float_x8)((take & (int_x8)v) | (~take & (int_x8)lane[k]));
		}
	for (int k = 0; k < 16; k++)
		start = lane[k / 8][k % 8] > start ? lane[k / 8][k % 8] : start;
	for (; i < n; i++)
		start = x[i] > start ? x[i] : start;
	return start;
}

#endif
