/*
 * half.h - IEEE binary16 (fp16) and bfloat16 as bit patterns: exact conversions, round to nearest
 * even, NaN kept quiet.
 */
#ifndef ONNXTUNE_BASE_HALF_H
#define ONNXTUNE_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float bf16_to_float(uint16_t h)
{
	uint32_t u = (uint32_t)h << 16;
	float f;
	memcpy(&f, &u, 4);
	return f;
}

static inline uint16_t float_to_bf16(float f)
{
	uint32_t u;
	memcpy(&u, &f, 4);
	if ((u & 0x7fffffff) > 0x7f800000)
		return (uint16_t)((u >> 16) | 0x40);
	return (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

static inline float fp16_to_float(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = (h >> 10) & 31, m = h & 0x3ff, u;
	float f;
	if (e == 31) {
		u = sign | 0x7f800000 | (m << 13) | (m ? 0x400000 : 0);
	} else if (e) {
		u = sign | ((e + 112) << 23) | (m << 13);
	} else { /* zero or subnormal: m * 2^-24 is exact in float */
		f = (float)m * 0x1p-24f;
		memcpy(&u, &f, 4);
		u |= sign;
	}
	memcpy(&f, &u, 4);
	return f;
}

static inline uint16_t float_to_fp16(float f)
{
	uint32_t u;
	memcpy(&u, &f, 4);
	uint16_t sign = (uint16_t)((u >> 16) & 0x8000);
	u &= 0x7fffffff;
	if (u > 0x7f800000)
		return (uint16_t)(sign | 0x7e00 | ((u >> 13) & 0x1ff));
	if (u >= 0x477ff000) /* 65520 and above round to infinity */
		return (uint16_t)(sign | 0x7c00);
	if (u < 0x38800000) { /* below 2^-14: subnormal; adding 0.5 rounds at 2^-24 */
		float a;
		memcpy(&a, &u, 4);
		a += 0.5f;
		memcpy(&u, &a, 4);
		return (uint16_t)(sign | (u - 0x3f000000));
	}
	u += 0xfff + ((u >> 13) & 1);
	return (uint16_t)(sign | ((u - 0x38000000) >> 13));
}

#endif
