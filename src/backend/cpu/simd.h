/*
 * simd.h - loops that the compiler vectorizes for the machine that runs them.
 *
 * A function marked SIMD is compiled once for each of AVX-512, AVX2 with FMA, and the baseline; the
 * loader picks one. It must be a leaf that holds the loops itself: what OpenMP outlines from it, and
 * functions that are not inlined into it (mark them SIMD_INLINE), would be baseline code. -O2
 * vectorizes only what is cheap, so these are compiled as with -O3; SIMD_SUM lets the compiler
 * reorder the sums of one loop, for reductions (the order is then fixed at compile time).
 */
#ifndef ONNXTUNE_BACKEND_CPU_SIMD_H
#define ONNXTUNE_BACKEND_CPU_SIMD_H

#include <stdbool.h>

/* The loader picks before a thread sanitizer is ready, which then crashes in the picking. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define SIMD_BY_MACHINE
#define SIMD_CLONES target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")
#else
#define SIMD_CLONES
#endif

#ifdef __clang__ /* vectorizes at -O2, and reorders sums where a pragma says so */
#define SIMD
#define SIMD_SUM
#else
#define SIMD __attribute__((SIMD_CLONES, optimize("O3")))
#define SIMD_SUM                                                                                   \
	__attribute__((SIMD_CLONES,                                                                \
		       optimize("O3", "associative-math", "no-signed-zeros", "no-trapping-math")))
#endif
#define SIMD_INLINE static inline __attribute__((always_inline))

/* Whether the machine has AVX-512, and SIMD functions are compiled for it. */
static inline bool simd_wide(void)
{
#ifdef SIMD_BY_MACHINE
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
#else
	return false;
#endif
}

/*
 * Before a loop: what an iteration writes, no later one reads. Arrays may be the same, element for
 * element, but must not overlap in another way.
 */
#ifdef __clang__
#define SIMD_LOOP _Pragma("clang loop vectorize(assume_safety)")
#else
#define SIMD_LOOP _Pragma("GCC ivdep")
#endif

#endif
