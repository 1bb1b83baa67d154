/*
 * cuda.h - what the sources of kernels/ start from: CUDA C, or its simulator in tests, and the
 * backend's contract.
 *
 * Kernels are launched with LAUNCH(kernel, grid, block, shared bytes, stream, arguments...), with the
 * kernel in parentheses where it has template arguments; DYN_SHARED(T, name) is shared memory of the
 * launch's size. Elements of any floating type are read with load and written with store.
 */
#ifndef ONNXTUNE_KERNELS_CUDA_H
#define ONNXTUNE_KERNELS_CUDA_H

#ifdef CUDASIM
#include "cudasim/shim.h"
#else
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#define LAUNCH(kernel, grid, block, shared, stream, ...)                                           \
	kernel<<<(grid), (block), (shared), (stream)>>>(__VA_ARGS__)
#define DYN_SHARED(T, name)                                                                        \
	extern __shared__ __align__(16) unsigned char name##_bytes[];                              \
	T *name = reinterpret_cast<T *>(name##_bytes)
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* C leaves them out */
extern "C" {
#include "backend/backend.h"
#include "backend/cuda/work.h"
}
#pragma GCC diagnostic pop

/* ---- elements ---- */

static __device__ inline float load(const float *p, int64_t i)
{
	return p[i];
}

static __device__ inline float load(const __half *p, int64_t i)
{
	return __half2float(p[i]);
}

static __device__ inline float load(const __nv_bfloat16 *p, int64_t i)
{
	return __bfloat162float(p[i]);
}

static __device__ inline void store(float *p, int64_t i, float x)
{
	p[i] = x;
}

static __device__ inline void store(__half *p, int64_t i, float x)
{
	p[i] = __float2half(x);
}

static __device__ inline void store(__nv_bfloat16 *p, int64_t i, float x)
{
	p[i] = __float2bfloat16(x);
}

/* The same where the type is known at run time, a float_type. */
static __device__ inline float load_as(enum dtype dtype, const void *p, int64_t i)
{
	return dtype == DT_F32   ? load((const float *)p, i)
	       : dtype == DT_F16 ? load((const __half *)p, i)
				 : load((const __nv_bfloat16 *)p, i);
}

static __device__ inline void store_as(enum dtype dtype, void *p, int64_t i, float x)
{
	if (dtype == DT_F32)
		store((float *)p, i, x);
	else if (dtype == DT_F16)
		store((__half *)p, i, x);
	else
		store((__nv_bfloat16 *)p, i, x);
}

/* ---- launching ---- */

#define THREADS 256

/* What the arguments of one launch may take. (Each thread of the simulator copies them.) */
#if defined CUDASIM || CUDART_VERSION < 12010
#define ARGUMENT_BYTES 4096
#else
#define ARGUMENT_BYTES 32764
#endif

/* Blocks of THREADS for n elements; loops take what is more. */
static inline unsigned blocks_for(int64_t n)
{
	int64_t blocks = (n + THREADS - 1) / THREADS;
	return (unsigned)(blocks > 8192 ? 8192 : blocks < 1 ? 1 : blocks);
}

/* for (i = this thread; i < n; i += all threads) */
#define EACH(i, n)                                                                                 \
	for (int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; i < (n);                  \
	     i += (int64_t)gridDim.x * blockDim.x)

static inline enum status launched(void)
{
	return cudaPeekAtLastError() == cudaSuccess ? OK : ERR_INTERNAL;
}

static inline bool float_type(enum dtype dtype)
{
	return dtype == DT_F32 || dtype == DT_F16 || dtype == DT_BF16;
}

/* Which of n neighbours has block x: the last one whose `first` block is not after it. */
template <class T> static __device__ inline uint32_t find_block(const T *v, uint32_t n, uint32_t x)
{
	uint32_t low = 0, high = n;
	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;
		if (v[middle].first <= x)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The statements with T as the C++ type of the dtype, a float_type. */
#define FOR_FLOAT(dtype, T, ...)                                                                   \
	do {                                                                                       \
		if ((dtype) == DT_F32) {                                                           \
			typedef float T;                                                           \
			__VA_ARGS__;                                                               \
		} else if ((dtype) == DT_F16) {                                                    \
			typedef __half T;                                                          \
			__VA_ARGS__;                                                               \
		} else {                                                                           \
			typedef __nv_bfloat16 T;                                                   \
			__VA_ARGS__;                                                               \
		}                                                                                  \
	} while (0)

/* ---- elements of a type that is known at run time: of operands that are small or of any type ---- */

/* Element i of a type of integers of at least 8 bits, or of booleans. */
static __device__ inline int64_t load_int(enum dtype dtype, const void *p, int64_t i)
{
	switch (dtype) {
	case DT_I8:
		return ((const int8_t *)p)[i];
	case DT_U16:
		return ((const uint16_t *)p)[i];
	case DT_I16:
		return ((const int16_t *)p)[i];
	case DT_U32:
		return ((const uint32_t *)p)[i];
	case DT_I32:
		return ((const int32_t *)p)[i];
	case DT_U64:
	case DT_I64:
		return ((const int64_t *)p)[i];
	default:
		return ((const uint8_t *)p)[i];
	}
}

/* Element i of any type of numbers of at least 8 bits. */
static __device__ inline double load_any(enum dtype dtype, const void *p, int64_t i)
{
	switch (dtype) {
	case DT_F32:
		return load((const float *)p, i);
	case DT_F64:
		return ((const double *)p)[i];
	case DT_F16:
		return load((const __half *)p, i);
	case DT_BF16:
		return load((const __nv_bfloat16 *)p, i);
	default:
		return (double)load_int(dtype, p, i);
	}
}

#endif
