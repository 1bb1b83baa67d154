/*
 * cuda_fp16.h - CUDA's half types for the simulator of tests/cudasim (C++). Conversions round to
 * nearest even; arithmetic is done in float and rounded, which for one operation gives the same bits
 * as arithmetic in half.
 */
#ifndef CUDASIM_CUDA_FP16_H
#define CUDASIM_CUDA_FP16_H

#include "cudasim_half.h"

struct __half {
	unsigned short bits;

	__half() = default;
	__half(float f) : bits(cudasim_float_to_fp16(f))
	{
	}
	__half(double d) : bits(cudasim_float_to_fp16(cudasim_round_to_odd(d)))
	{
	}
	__half(int i) : __half((double)i)
	{
	}
	__half(unsigned i) : __half((double)i)
	{
	}
	operator float() const
	{
		return cudasim_fp16_to_float(bits);
	}
};
typedef __half half;

struct alignas(4) __half2 {
	__half x, y;
};
typedef __half2 half2;

CUDASIM_HALF_FUNCTIONS(__half)
CUDASIM_HALF_PAIRS(__half2, __half)

static inline __half __float2half(float f)
{
	return __half(f);
}
static inline __half __float2half_rn(float f)
{
	return __half(f);
}
static inline __half __double2half(double d)
{
	return __half(d);
}
static inline __half __int2half_rn(int i)
{
	return __half(i);
}
static inline float __half2float(__half h)
{
	return (float)h;
}
static inline __half __ushort_as_half(unsigned short bits)
{
	__half h;
	h.bits = bits;
	return h;
}
static inline unsigned short __half_as_ushort(__half h)
{
	return h.bits;
}
static inline __half2 __floats2half2_rn(float x, float y)
{
	return __half2{ __half(x), __half(y) };
}
static inline __half2 __float22half2_rn(float2 v)
{
	return __half2{ __half(v.x), __half(v.y) };
}
static inline float2 __half22float2(__half2 v)
{
	return float2{ (float)v.x, (float)v.y };
}
static inline __half2 __halves2half2(__half x, __half y)
{
	return __half2{ x, y };
}
static inline __half2 __half2half2(__half h)
{
	return __half2{ h, h };
}
static inline __half __low2half(__half2 v)
{
	return v.x;
}
static inline __half __high2half(__half2 v)
{
	return v.y;
}

#endif
