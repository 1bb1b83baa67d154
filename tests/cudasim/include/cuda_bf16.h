/*
 * cuda_bf16.h - CUDA's bfloat16 types for the simulator of tests/cudasim (C++), as cuda_fp16.h.
 */
#ifndef CUDASIM_CUDA_BF16_H
#define CUDASIM_CUDA_BF16_H

#include "cudasim_half.h"

struct __nv_bfloat16 {
	unsigned short bits;

	__nv_bfloat16() = default;
	__nv_bfloat16(float f) : bits(cudasim_float_to_bf16(f))
	{
	}
	__nv_bfloat16(double d) : bits(cudasim_float_to_bf16(cudasim_round_to_odd(d)))
	{
	}
	__nv_bfloat16(int i) : __nv_bfloat16((double)i)
	{
	}
	__nv_bfloat16(unsigned i) : __nv_bfloat16((double)i)
	{
	}
	operator float() const
	{
		return cudasim_bf16_to_float(bits);
	}
};
typedef __nv_bfloat16 nv_bfloat16;

struct alignas(4) __nv_bfloat162 {
	__nv_bfloat16 x, y;
};
typedef __nv_bfloat162 nv_bfloat162;

CUDASIM_HALF_FUNCTIONS(__nv_bfloat16)
CUDASIM_HALF_PAIRS(__nv_bfloat162, __nv_bfloat16)

static inline __nv_bfloat16 __float2bfloat16(float f)
{
	return __nv_bfloat16(f);
}
static inline __nv_bfloat16 __float2bfloat16_rn(float f)
{
	return __nv_bfloat16(f);
}
static inline __nv_bfloat16 __double2bfloat16(double d)
{
	return __nv_bfloat16(d);
}
static inline __nv_bfloat16 __int2bfloat16_rn(int i)
{
	return __nv_bfloat16(i);
}
static inline float __bfloat162float(__nv_bfloat16 h)
{
	return (float)h;
}
static inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits)
{
	__nv_bfloat16 h;
	h.bits = bits;
	return h;
}
static inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 h)
{
	return h.bits;
}
static inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y)
{
	return __nv_bfloat162{ __nv_bfloat16(x), __nv_bfloat16(y) };
}
static inline __nv_bfloat162 __float22bfloat162_rn(float2 v)
{
	return __nv_bfloat162{ __nv_bfloat16(v.x), __nv_bfloat16(v.y) };
}
static inline float2 __bfloat1622float2(__nv_bfloat162 v)
{
	return float2{ (float)v.x, (float)v.y };
}
static inline __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 x, __nv_bfloat16 y)
{
	return __nv_bfloat162{ x, y };
}
static inline __nv_bfloat162 __bfloat162bfloat162(__nv_bfloat16 h)
{
	return __nv_bfloat162{ h, h };
}

#endif
