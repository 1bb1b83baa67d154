/*
 * convert.h - runs of float16 and bfloat16 elements as float32 and back, rounded to nearest even,
 * at the speed of memory: for kernels that compute in float32 and store half.
 */
#ifndef ONNXTUNE_BACKEND_CPU_CONVERT_H
#define ONNXTUNE_BACKEND_CPU_CONVERT_H

#include "graph/tensor.h"

/* The types below: float32, float16, bfloat16. */
static inline bool convert_supports(enum dtype dtype)
{
	return dtype == DT_F32 || dtype == DT_F16 || dtype == DT_BF16;
}

/* dst[i] = src[first + i], 0 <= i < n */
void convert_load(enum dtype dtype, const void *src, int64_t first, int64_t n, float *dst);

/* dst[first + i] = src[i], 0 <= i < n */
void convert_store(enum dtype dtype, const float *src, int64_t first, int64_t n, void *dst);

/* x[i] rounded to the half type, 0 <= i < n, and still float32 */
void convert_round(enum dtype dtype, float *x, int64_t n);

/* convert_load without copying what is float32 already: src itself, or scratch filled from it. */
static inline const float *convert_view(enum dtype dtype, const void *src, int64_t first, int64_t n,
					float *scratch)
{
	if (dtype == DT_F32)
		return (const float *)src + first;
	convert_load(dtype, src, first, n, scratch);
	return scratch;
}

/* Where to write n results that convert_commit puts into dst: dst itself, or scratch. */
static inline float *convert_target(enum dtype dtype, void *dst, int64_t first, float *scratch)
{
	return dtype == DT_F32 ? (float *)dst + first : scratch;
}
static inline void convert_commit(enum dtype dtype, const float *scratch, int64_t first, int64_t n,
				  void *dst)
{
	if (dtype != DT_F32)
		convert_store(dtype, scratch, first, n, dst);
}

#endif
