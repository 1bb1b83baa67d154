/*
 * shim.h - CUDA C++ for the host's compiler: what the files kernels/NAME.cu and the kernels compiled at
 * run time are written in. Each CUDA thread is a fiber of fiber.c; blocks run one after the other.
 *
 * Shared memory is thread_local: no other variable of the process's own code is, so that the whole
 * segment can be filled with NaNs before each block (fiber.c). The code is compiled with sanitizers
 * that trap at misaligned access and at indices over the end of an array. Half types, vectors:
 * include/. Inline PTX, textures, cooperative groups and tensor-core intrinsics are not there.
 *
 * With CUDASIM_RTC no standard header is included.
 */
#ifndef ONNXTUNE_TESTS_CUDASIM_SHIM_H
#define ONNXTUNE_TESTS_CUDASIM_SHIM_H

#ifdef CUDASIM_RTC
#include "cudasim_half.h" /* bit patterns; half types are there for who includes them */
#include "shim_rtc.h"
#else
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#endif

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static thread_local
#define __launch_bounds__(...)
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __align__(n) alignas(n)
#define __grid_constant__

/* ---- the thread that runs ---- */

struct cudasim_thread {
	uint3 thread, block;
	dim3 block_size, grid_size;
	void *shared; /* dynamic shared memory */
	unsigned lane;
};

extern "C" {
extern struct cudasim_thread *cudasim_thread;
/* The thread waits for the others of its block. */
void cudasim_barrier(const char *file, int line);
/* Lanes of the mask hand in 8 bytes each and get those of all, in a table of 32. */
const unsigned long long *cudasim_exchange(unsigned mask, unsigned long long value,
					   const char *file, int line);
/* Copies the closure; run is called with the copy for each thread. */
void cudasim_launch(const char *name, dim3 grid, dim3 block, size_t shared, cudaStream_t stream,
		    void (*run)(void *closure), const void *closure, size_t size);
}

#define threadIdx (cudasim_thread->thread)
#define blockIdx (cudasim_thread->block)
#define blockDim (cudasim_thread->block_size)
#define gridDim (cudasim_thread->grid_size)
static constexpr int warpSize = 32;

#define DYN_SHARED(T, name) T *name = static_cast<T *>(cudasim_thread->shared)

/* kernel<<<grid, block, shared, stream>>>(args): arguments are converted and copied at once. */
#define LAUNCH(kernel, grid, block, shared, stream, ...)                                           \
	cudasim_queue(#kernel, kernel, grid, block, shared, stream, ##__VA_ARGS__)

template <class... P, class... A>
static inline void cudasim_queue(const char *name, void (*kernel)(P...), dim3 grid, dim3 block,
				 size_t shared, cudaStream_t stream, A... args)
{
	auto call = [kernel](P... converted) { return [=]() { kernel(converted...); }; }(args...);
	typedef decltype(call) closure;
	static_assert(__is_trivially_copyable(closure), "arguments of kernels are plain data");
	cudasim_launch(
		name, grid, block, shared, stream, [](void *p) { (*static_cast<closure *>(p))(); },
		&call, sizeof call);
}

/* ---- barriers, warps, votes ---- */

#define __syncthreads() cudasim_barrier(__FILE__, __LINE__)
#define __threadfence() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define __threadfence_block() __threadfence()

/* Where a call of the functions below stands in the source. */
#define CUDASIM_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

static inline void __syncwarp(unsigned mask = 0xffffffffu, CUDASIM_HERE)
{
	cudasim_exchange(mask, 0, file, line);
}

template <class T> static inline unsigned long long cudasim_pack(T v)
{
	static_assert(sizeof(T) <= 8 && __is_trivially_copyable(T), "8 bytes of plain data");
	unsigned long long r = 0;
	__builtin_memcpy(&r, &v, sizeof v);
	return r;
}

template <class T> static inline T cudasim_unpack(unsigned long long r)
{
	T v;
	__builtin_memcpy((void *)&v, &r, sizeof v);
	return v;
}

/* Lane `from` of the own group of `width` lanes, or the own value where that leaves the group. */
template <class T>
static inline T cudasim_shuffle(unsigned mask, T v, unsigned from, bool inside, const char *file,
				int line)
{
	const unsigned long long *all = cudasim_exchange(mask, cudasim_pack(v), file, line);
	return inside ? cudasim_unpack<T>(all[from & 31]) : v;
}

template <class T>
static inline T __shfl_sync(unsigned mask, T v, int source, int width = 32, CUDASIM_HERE)
{
	unsigned first = cudasim_thread->lane & ~(unsigned)(width - 1);
	return cudasim_shuffle(mask, v, first + ((unsigned)source & (unsigned)(width - 1)), true,
			       file, line);
}

template <class T>
static inline T __shfl_xor_sync(unsigned mask, T v, int lanes, int width = 32, CUDASIM_HERE)
{
	unsigned lane = cudasim_thread->lane, from = lane ^ (unsigned)lanes;
	return cudasim_shuffle(mask, v, from,
			       from < (lane & ~(unsigned)(width - 1)) + (unsigned)width, file,
			       line);
}

template <class T>
static inline T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32, CUDASIM_HERE)
{
	unsigned lane = cudasim_thread->lane;
	return cudasim_shuffle(mask, v, lane + delta,
			       (lane & (unsigned)(width - 1)) + delta < (unsigned)width, file,
			       line);
}

template <class T>
static inline T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32, CUDASIM_HERE)
{
	unsigned lane = cudasim_thread->lane;
	return cudasim_shuffle(mask, v, lane - delta, (lane & (unsigned)(width - 1)) >= delta, file,
			       line);
}

static inline unsigned __ballot_sync(unsigned mask, int predicate, CUDASIM_HERE)
{
	const unsigned long long *all = cudasim_exchange(mask, predicate != 0, file, line);
	unsigned votes = 0;
	for (unsigned i = 0; i < 32; i++)
		if (mask >> i & 1 && all[i] == 1)
			votes |= 1u << i;
	return votes;
}

static inline int __any_sync(unsigned mask, int predicate, CUDASIM_HERE)
{
	return __ballot_sync(mask, predicate, file, line) != 0;
}

static inline int __all_sync(unsigned mask, int predicate, CUDASIM_HERE)
{
	return __ballot_sync(mask, !predicate, file, line) == 0;
}

/* ---- atomics: fibers are not interrupted, so plain code is atomic ---- */

#define CUDASIM_ATOMIC(T)                                                                          \
	static inline T atomicAdd(T *p, T v)                                                       \
	{                                                                                          \
		T old = *p;                                                                        \
		*p = (T)(old + v);                                                                 \
		return old;                                                                        \
	}                                                                                          \
	static inline T atomicExch(T *p, T v)                                                      \
	{                                                                                          \
		T old = *p;                                                                        \
		*p = v;                                                                            \
		return old;                                                                        \
	}
#define CUDASIM_ATOMIC_INTEGER(T)                                                                  \
	CUDASIM_ATOMIC(T)                                                                          \
	static inline T atomicMax(T *p, T v)                                                       \
	{                                                                                          \
		T old = *p;                                                                        \
		*p = v > old ? v : old;                                                            \
		return old;                                                                        \
	}                                                                                          \
	static inline T atomicMin(T *p, T v)                                                       \
	{                                                                                          \
		T old = *p;                                                                        \
		*p = v < old ? v : old;                                                            \
		return old;                                                                        \
	}                                                                                          \
	static inline T atomicCAS(T *p, T compare, T v)                                            \
	{                                                                                          \
		T old = *p;                                                                        \
		*p = old == compare ? v : old;                                                     \
		return old;                                                                        \
	}
CUDASIM_ATOMIC(float)
CUDASIM_ATOMIC(double)
CUDASIM_ATOMIC_INTEGER(int)
CUDASIM_ATOMIC_INTEGER(unsigned)
CUDASIM_ATOMIC_INTEGER(unsigned long long)

static inline int atomicOr(int *p, int v)
{
	int old = *p;
	*p = old | v;
	return old;
}

static inline unsigned atomicOr(unsigned *p, unsigned v)
{
	unsigned old = *p;
	*p = old | v;
	return old;
}

/* ---- arithmetic ---- */

template <class T> static inline T __ldg(const T *p)
{
	return *p;
}

static inline float rsqrtf(float x)
{
	return 1.0f / sqrtf(x);
}

static inline double rsqrt(double x)
{
	return 1.0 / sqrt(x);
}

#define __expf expf /* the C library has functions of these names */
#define __logf logf
#define __powf powf
#define __sinf sinf
#define __cosf cosf
#define __exp2f exp2f
#define __log2f log2f

static inline float __fdividef(float a, float b)
{
	return a / b;
}
static inline float __frcp_rn(float a)
{
	return 1.0f / a;
}
static inline float __fsqrt_rn(float a)
{
	return sqrtf(a);
}
static inline float __frsqrt_rn(float a)
{
	return 1.0f / sqrtf(a);
}
static inline float __fmul_rn(float a, float b)
{
	return a * b;
}
static inline float __fadd_rn(float a, float b)
{
	return a + b;
}
static inline float __fsub_rn(float a, float b)
{
	return a - b;
}
static inline float __fdiv_rn(float a, float b)
{
	return a / b;
}
static inline float __fmaf_rn(float a, float b, float c)
{
	return fmaf(a, b, c);
}
static inline float __saturatef(float a)
{
	return a > 0 ? (a < 1 ? a : 1) : 0;
}

static inline int __float_as_int(float f)
{
	return (int)cudasim_bits(f);
}
static inline unsigned __float_as_uint(float f)
{
	return cudasim_bits(f);
}
static inline float __int_as_float(int i)
{
	return cudasim_from_bits((unsigned)i);
}
static inline float __uint_as_float(unsigned i)
{
	return cudasim_from_bits(i);
}
static inline int __float2int_rn(float f)
{
	return (int)rintf(f);
}
static inline int __float2int_rz(float f)
{
	return (int)f;
}
static inline float __int2float_rn(int i)
{
	return (float)i;
}
static inline float __uint2float_rn(unsigned i)
{
	return (float)i;
}

static inline unsigned __umulhi(unsigned a, unsigned b)
{
	return (unsigned)((unsigned long long)a * b >> 32);
}
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b)
{
	return (unsigned long long)((unsigned __int128)a * b >> 64);
}
static inline int __popc(unsigned x)
{
	return __builtin_popcount(x);
}
static inline int __clz(int x)
{
	return x ? __builtin_clz((unsigned)x) : 32;
}
static inline int __ffs(int x)
{
	return __builtin_ffs(x);
}

#define CUDASIM_EXTREMES(T)                                                                        \
	static inline T min(T a, T b)                                                              \
	{                                                                                          \
		return b < a ? b : a;                                                              \
	}                                                                                          \
	static inline T max(T a, T b)                                                              \
	{                                                                                          \
		return b > a ? b : a;                                                              \
	}
CUDASIM_EXTREMES(int)
CUDASIM_EXTREMES(unsigned)
CUDASIM_EXTREMES(long)
CUDASIM_EXTREMES(unsigned long)
CUDASIM_EXTREMES(long long)
CUDASIM_EXTREMES(unsigned long long)
static inline float min(float a, float b)
{
	return fminf(a, b);
}
static inline float max(float a, float b)
{
	return fmaxf(a, b);
}
static inline double min(double a, double b)
{
	return fmin(a, b);
}
static inline double max(double a, double b)
{
	return fmax(a, b);
}

#endif
