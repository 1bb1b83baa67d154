/*
 * cudasim_half.h - what cuda_fp16.h and cuda_bf16.h have in common, which is nearly all: the types,
 * conversions of bit patterns, arithmetic and functions. Conversions round to nearest even;
 * arithmetic is done in float and rounded, which for one operation gives the same bits as arithmetic
 * in half. Needs no standard header, because code that is compiled at run time has none.
 */
#ifndef CUDASIM_HALF_H
#define CUDASIM_HALF_H

#include "cudasim_vector.h"

static inline unsigned cudasim_bits(float f)
{
	unsigned u;
	__builtin_memcpy(&u, &f, 4);
	return u;
}

static inline float cudasim_from_bits(unsigned u)
{
	float f;
	__builtin_memcpy(&f, &u, 4);
	return f;
}

static inline float cudasim_bf16_to_float(unsigned short h)
{
	return cudasim_from_bits((unsigned)h << 16);
}

static inline unsigned short cudasim_float_to_bf16(float f)
{
	unsigned u = cudasim_bits(f);
	if ((u & 0x7fffffff) > 0x7f800000)
		return 0x7fff;
	return (unsigned short)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

static inline float cudasim_fp16_to_float(unsigned short h)
{
	unsigned sign = (h & 0x8000u) << 16, e = (h >> 10) & 31u, m = h & 0x3ffu;
	if (e == 31)
		return cudasim_from_bits(sign | 0x7f800000 | (m << 13));
	if (e)
		return cudasim_from_bits(sign | ((e + 112) << 23) | (m << 13));
	/* zero or subnormal: m * 2^-24 is exact */
	return cudasim_from_bits(sign | cudasim_bits((float)m * 0x1p-24f));
}

static inline unsigned short cudasim_float_to_fp16(float f)
{
	unsigned u = cudasim_bits(f), sign = (u >> 16) & 0x8000;
	u &= 0x7fffffff;
	if (u > 0x7f800000)
		return 0x7fff;
	if (u >= 0x477ff000) /* 65520 and above round to infinity */
		return (unsigned short)(sign | 0x7c00);
	if (u < 0x38800000) /* below 2^-14: adding 0.5 rounds at 2^-24 */
		return (unsigned short)(sign |
					(cudasim_bits(cudasim_from_bits(u) + 0.5f) - 0x3f000000));
	u += 0xfff + ((u >> 13) & 1);
	return (unsigned short)(sign | ((u - 0x38000000) >> 13));
}

/* A float that rounds to half as the double does: inexact results get an odd last bit. */
static inline float cudasim_round_to_odd(double d)
{
	float f = (float)d;
	unsigned u = cudasim_bits(f);
	if ((double)f == d || d != d || (u & 0x7fffffff) == 0x7f800000)
		return f;
	if ((u & 1) == 0) /* one step towards d, which makes it odd */
		u = ((double)f < d) == (f >= 0 && d > 0) ? u + 1 : u - 1;
	return cudasim_from_bits(u);
}

#define CUDASIM_HALF_BINARY(T, op)                                                                 \
	static inline T operator op(T a, T b)                                                      \
	{                                                                                          \
		return T((float)a op(float) b);                                                    \
	}                                                                                          \
	static inline T &operator op##=(T &a, T b)                                                 \
	{                                                                                          \
		return a = a op b;                                                                 \
	}
#define CUDASIM_HALF_COMPARISON(T, op, name)                                                       \
	static inline bool operator op(T a, T b)                                                   \
	{                                                                                          \
		return (float)a op(float) b;                                                       \
	}                                                                                          \
	static inline bool name(T a, T b)                                                          \
	{                                                                                          \
		return (float)a op(float) b;                                                       \
	}

#define CUDASIM_HALF_FUNCTIONS(T)                                                                  \
	CUDASIM_HALF_BINARY(T, +)                                                                  \
	CUDASIM_HALF_BINARY(T, -)                                                                  \
	CUDASIM_HALF_BINARY(T, *)                                                                  \
	CUDASIM_HALF_BINARY(T, /)                                                                  \
	CUDASIM_HALF_COMPARISON(T, ==, __heq)                                                      \
	CUDASIM_HALF_COMPARISON(T, !=, __hne)                                                      \
	CUDASIM_HALF_COMPARISON(T, <, __hlt)                                                       \
	CUDASIM_HALF_COMPARISON(T, <=, __hle)                                                      \
	CUDASIM_HALF_COMPARISON(T, >, __hgt)                                                       \
	CUDASIM_HALF_COMPARISON(T, >=, __hge)                                                      \
	static inline T operator-(T a)                                                             \
	{                                                                                          \
		a.bits ^= 0x8000;                                                                  \
		return a;                                                                          \
	}                                                                                          \
	static inline T __hadd(T a, T b)                                                           \
	{                                                                                          \
		return a + b;                                                                      \
	}                                                                                          \
	static inline T __hsub(T a, T b)                                                           \
	{                                                                                          \
		return a - b;                                                                      \
	}                                                                                          \
	static inline T __hmul(T a, T b)                                                           \
	{                                                                                          \
		return a * b;                                                                      \
	}                                                                                          \
	static inline T __hdiv(T a, T b)                                                           \
	{                                                                                          \
		return a / b;                                                                      \
	}                                                                                          \
	static inline T __hfma(T a, T b, T c)                                                      \
	{                                                                                          \
		return T((double)(float)a * (double)(float)b + (double)(float)c);                  \
	}                                                                                          \
	static inline bool __hisnan(T a)                                                           \
	{                                                                                          \
		return (float)a != (float)a;                                                       \
	}                                                                                          \
	static inline T __hmax(T a, T b)                                                           \
	{                                                                                          \
		return __hisnan(a) || b > a ? b : a;                                               \
	}                                                                                          \
	static inline T __hmin(T a, T b)                                                           \
	{                                                                                          \
		return __hisnan(a) || b < a ? b : a;                                               \
	}

#define CUDASIM_HALF_PAIR_BINARY(V, name, op)                                                      \
	static inline V name(V a, V b)                                                             \
	{                                                                                          \
		return V{ a.x op b.x, a.y op b.y };                                                \
	}

#define CUDASIM_HALF_PAIRS(V, T)                                                                   \
	CUDASIM_HALF_PAIR_BINARY(V, __hadd2, +)                                                    \
	CUDASIM_HALF_PAIR_BINARY(V, __hsub2, -)                                                    \
	CUDASIM_HALF_PAIR_BINARY(V, __hmul2, *)                                                    \
	CUDASIM_HALF_PAIR_BINARY(V, operator+, +)                                                  \
	CUDASIM_HALF_PAIR_BINARY(V, operator-, -)                                                  \
	CUDASIM_HALF_PAIR_BINARY(V, operator*, *)                                                  \
	static inline V __hfma2(V a, V b, V c)                                                     \
	{                                                                                          \
		return V{ __hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y) };                          \
	}                                                                                          \
	static inline float __low2float(V v)                                                       \
	{                                                                                          \
		return (float)v.x;                                                                 \
	}                                                                                          \
	static inline float __high2float(V v)                                                      \
	{                                                                                          \
		return (float)v.y;                                                                 \
	}

/*
 * The type T, whose bits cudasim_float_to_BITS and cudasim_BITS_to_float convert, its pairs T2, and
 * the functions that are called by NAME.
 */
#define CUDASIM_HALF_TYPE(T, T2, BITS, NAME)                                                       \
	struct T {                                                                                 \
		unsigned short bits;                                                               \
                                                                                                   \
		T() = default;                                                                     \
		T(float f) : bits(cudasim_float_to_##BITS(f))                                      \
		{                                                                                  \
		}                                                                                  \
		T(double d) : bits(cudasim_float_to_##BITS(cudasim_round_to_odd(d)))               \
		{                                                                                  \
		}                                                                                  \
		T(int i) : T((double)i)                                                            \
		{                                                                                  \
		}                                                                                  \
		T(unsigned i) : T((double)i)                                                       \
		{                                                                                  \
		}                                                                                  \
		operator float() const                                                             \
		{                                                                                  \
			return cudasim_##BITS##_to_float(bits);                                    \
		}                                                                                  \
	};                                                                                         \
	struct alignas(4) T2 {                                                                     \
		T x, y;                                                                            \
	};                                                                                         \
	CUDASIM_HALF_FUNCTIONS(T)                                                                  \
	CUDASIM_HALF_PAIRS(T2, T)                                                                  \
	static inline T __float2##NAME(float f)                                                    \
	{                                                                                          \
		return T(f);                                                                       \
	}                                                                                          \
	static inline T __float2##NAME##_rn(float f)                                               \
	{                                                                                          \
		return T(f);                                                                       \
	}                                                                                          \
	static inline T __double2##NAME(double d)                                                  \
	{                                                                                          \
		return T(d);                                                                       \
	}                                                                                          \
	static inline T __int2##NAME##_rn(int i)                                                   \
	{                                                                                          \
		return T(i);                                                                       \
	}                                                                                          \
	static inline float __##NAME##2float(T h)                                                  \
	{                                                                                          \
		return (float)h;                                                                   \
	}                                                                                          \
	static inline T __ushort_as_##NAME(unsigned short bits)                                    \
	{                                                                                          \
		T h;                                                                               \
		h.bits = bits;                                                                     \
		return h;                                                                          \
	}                                                                                          \
	static inline unsigned short __##NAME##_as_ushort(T h)                                     \
	{                                                                                          \
		return h.bits;                                                                     \
	}                                                                                          \
	static inline T2 __floats2##NAME##2_rn(float x, float y)                                   \
	{                                                                                          \
		return T2{ T(x), T(y) };                                                           \
	}                                                                                          \
	static inline T2 __float22##NAME##2_rn(float2 v)                                           \
	{                                                                                          \
		return T2{ T(v.x), T(v.y) };                                                       \
	}                                                                                          \
	static inline float2 __##NAME##22float2(T2 v)                                              \
	{                                                                                          \
		return float2{ (float)v.x, (float)v.y };                                           \
	}                                                                                          \
	static inline T2 __halves2##NAME##2(T x, T y)                                              \
	{                                                                                          \
		return T2{ x, y };                                                                 \
	}                                                                                          \
	static inline T2 __##NAME##2##NAME##2(T h)                                                 \
	{                                                                                          \
		return T2{ h, h };                                                                 \
	}                                                                                          \
	static inline T __low2##NAME(T2 v)                                                         \
	{                                                                                          \
		return v.x;                                                                        \
	}                                                                                          \
	static inline T __high2##NAME(T2 v)                                                        \
	{                                                                                          \
		return v.y;                                                                        \
	}

#endif
