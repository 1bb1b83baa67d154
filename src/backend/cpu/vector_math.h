/*
 * vector_math.h - functions of float32 without branches or calls, so that loops over them vectorize.
 * Each is within 2.5 units in the last place of the exact result over the whole range (measured by
 * tests/parity/test_parity_loops.c), with the infinities and NaNs of libm. Never use them in a function
 * marked SIMD_SUM: reordered sums would undo the rounding tricks.
 */
#ifndef ONNXTUNE_BACKEND_CPU_VECTOR_MATH_H
#define ONNXTUNE_BACKEND_CPU_VECTOR_MATH_H

#include "backend/cpu/simd.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

SIMD_INLINE float vm_from_bits(uint32_t u)
{
	float f;
	memcpy(&f, &u, 4);
	return f;
}

SIMD_INLINE uint32_t vm_bits(float f)
{
	uint32_t u;
	memcpy(&u, &f, 4);
	return u;
}

/* 2^n for -126 <= n <= 127 */
SIMD_INLINE float vm_power_of_2(int32_t n)
{
	return vm_from_bits((uint32_t)(n + 127) << 23);
}

/* x = n log 2 + r with |r| <= log(2) / 2, for |x| < 2^20; adding 3 * 2^22 rounds to an integer */
SIMD_INLINE float vm_reduce(float x, int32_t *n)
{
	float k = x * 1.44269504f + 12582912.0f;
	*n = (int32_t)vm_bits(k) - 0x4b400000;
	k -= 12582912.0f;
	return (x - k * 0.693145752f) - k * 1.42860677e-6f; /* the first product is exact */
}

/* e^r - 1 for |r| <= log(2) / 2 */
SIMD_INLINE float vm_expm1_reduced(float r)
{
	float q = 1.38145988e-3f;
	q = q * r + 8.36871658e-3f;
	q = q * r + 4.16683890e-2f;
	q = q * r + 1.66665211e-1f;
	q = q * r + 4.99999940e-1f;
	return r * r * q + r;
}

SIMD_INLINE float vm_exp(float x)
{
	int32_t n;
	float r;
	x = x < -104.0f ? -104.0f : x;
	x = x > 89.0f ? 89.0f : x;
	r = vm_expm1_reduced(vm_reduce(x, &n)) + 1;
	/* in two steps: 2^n itself may be no normal number */
	return r * vm_power_of_2(n >> 1) * vm_power_of_2(n - (n >> 1));
}

/* e^x - 1 for x <= 0 (what is above is not precise near 0 only) */
SIMD_INLINE float vm_expm1(float x)
{
	int32_t n;
	float r;
	x = x < -40.0f ? -40.0f : x;
	x = x > 88.0f ? 88.0f : x;
	r = vm_expm1_reduced(vm_reduce(x, &n));
	float power = vm_power_of_2(n);
	return r * power + (power - 1);
}

/* x = 2^n (1 + f) with 1 + f in [sqrt 1/2, sqrt 2); log(1 + f) = f - f^2 / 2 + f^3 q(f) */
SIMD_INLINE float vm_log(float x)
{
	float scaled = x < 1.17549435e-38f ? x * 8388608.0f : x;
	float extra = x < 1.17549435e-38f ? -23.0f : 0.0f;
	uint32_t u = vm_bits(scaled) - 0x3f3504f3; /* sqrt 1/2 */
	float n = (float)((int32_t)u >> 23) + extra;
	float f = vm_from_bits((u & 0x7fffff) + 0x3f3504f3) - 1;
	float q = 6.74663410e-2f, y;
	q = q * f - 1.16760515e-1f;
	q = q * f + 1.18883789e-1f;
	q = q * f - 1.24055438e-1f;
	q = q * f + 1.42195195e-1f;
	q = q * f - 1.66679963e-1f;
	q = q * f + 2.00021207e-1f;
	q = q * f - 2.50000089e-1f;
	q = q * f + 3.33333135e-1f;
	y = f * f * (f * q - 0.5f) + n * 1.42860677e-6f + f + n * 0.693145752f;
	y = x == 0 ? -INFINITY : x < 0 ? NAN : y;
	return x < INFINITY ? y : x; /* infinity and NaN stay */
}

/* log(1 + x) for 0 <= x <= 1: the logarithm of the rounded sum, and what was rounded off */
SIMD_INLINE float vm_log1p(float x)
{
	float u = 1 + x;
	return vm_log(u) + (x - (u - 1)) / u;
}

SIMD_INLINE float vm_sigmoid(float x)
{
	float e = vm_exp(-fabsf(x)); /* never overflows */
	return (x < 0 ? e : 1) / (1 + e);
}

/* log(1 + e^x) */
SIMD_INLINE float vm_softplus(float x)
{
	return (x < 0 ? 0 : x) + vm_log1p(vm_exp(-fabsf(x)));
}

SIMD_INLINE float vm_tanh(float x)
{
	float size = fabsf(x), z = x * x;
	float large = 1 - 2 / (vm_exp(2 * size) + 1);
	float q = -5.71704470e-3f;
	q = q * z + 2.06505861e-2f;
	q = q * z - 5.37434965e-2f;
	q = q * z + 1.33314908e-1f;
	q = q * z - 3.33332837e-1f;
	return size < 0.625f ? x + x * z * q : copysignf(large, x);
}

/* e^(z^2) erfc(z) for z >= 0, as t q(t) with t = 1 / (1 + 0.4 z) */
SIMD_INLINE float vm_erfcx(float z)
{
	float t = 1 / (1 + 0.4f * z);
	float q = -2.86368206e-2f;
	q = q * t + 1.92821980e-1f;
	q = q * t - 4.86629009e-1f;
	q = q * t + 5.31227589e-1f;
	q = q * t - 2.70924091e-1f;
	q = q * t + 2.64874399e-1f;
	q = q * t + 1.32156238e-1f;
	q = q * t + 2.14390785e-1f;
	q = q * t + 2.25015268e-1f;
	q = q * t + 2.25703672e-1f;
	return t * q;
}

SIMD_INLINE float vm_erf(float x)
{
	float size = fabsf(x), z = x * x;
	float large = 1 - vm_erfcx(size) * vm_exp(-z);
	float q = 7.85386073e-5f;
	q = q * z - 8.01019371e-4f;
	q = q * z + 5.18832775e-3f;
	q = q * z - 2.68538129e-2f;
	q = q * z + 1.12835854e-1f;
	q = q * z - 3.76126260e-1f;
	q = q * z + 1.28379166e-1f; /* 2 / sqrt(pi) - 1 */
	return size < 1 ? x + x * q : copysignf(large, x);
}

/*
 * The normal distribution: P(x) = erfc(-x / sqrt 2) / 2, and e^(-x^2 / 2), which it is made with.
 * The lower tail is not a difference of nearly equal numbers.
 */
SIMD_INLINE float vm_normal(float x, float *density)
{
	float e = vm_exp(-0.5f * x * x);
	float tail = 0.5f * vm_erfcx(fabsf(x) * 0.707106781f) * e;
	*density = e;
	return x < 0 ? tail : 1 - tail;
}

#endif
