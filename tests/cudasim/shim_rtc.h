/*
 * shim_rtc.h - declarations for code that is compiled at run time (nvrtc.c), which includes no
 * standard headers: there NVRTC knows the mathematical functions and no more, and so does this.
 */
#ifndef ONNXTUNE_TESTS_CUDASIM_SHIM_RTC_H
#define ONNXTUNE_TESTS_CUDASIM_SHIM_RTC_H

typedef __SIZE_TYPE__ size_t;
using cudaStream_t = struct CUstream_st *;
struct dim3 {
	unsigned int x, y, z;
};

#define CUDASIM_UNARY(name)                                                                        \
	extern "C" float name##f(float);                                                           \
	extern "C" double name(double);
#define CUDASIM_BINARY(name)                                                                       \
	extern "C" float name##f(float, float);                                                    \
	extern "C" double name(double, double);
CUDASIM_UNARY(acos)
CUDASIM_UNARY(acosh)
CUDASIM_UNARY(asin)
CUDASIM_UNARY(asinh)
CUDASIM_UNARY(atan)
CUDASIM_UNARY(atanh)
CUDASIM_UNARY(cbrt)
CUDASIM_UNARY(ceil)
CUDASIM_UNARY(cos)
CUDASIM_UNARY(cosh)
CUDASIM_UNARY(erf)
CUDASIM_UNARY(erfc)
CUDASIM_UNARY(exp)
CUDASIM_UNARY(exp2)
CUDASIM_UNARY(expm1)
CUDASIM_UNARY(fabs)
CUDASIM_UNARY(floor)
CUDASIM_UNARY(log)
CUDASIM_UNARY(log10)
CUDASIM_UNARY(log1p)
CUDASIM_UNARY(log2)
CUDASIM_UNARY(nearbyint)
CUDASIM_UNARY(rint)
CUDASIM_UNARY(round)
CUDASIM_UNARY(sin)
CUDASIM_UNARY(sinh)
CUDASIM_UNARY(sqrt)
CUDASIM_UNARY(tan)
CUDASIM_UNARY(tanh)
CUDASIM_UNARY(trunc)
CUDASIM_BINARY(atan2)
CUDASIM_BINARY(copysign)
CUDASIM_BINARY(fdim)
CUDASIM_BINARY(fmax)
CUDASIM_BINARY(fmin)
CUDASIM_BINARY(fmod)
CUDASIM_BINARY(pow)
CUDASIM_BINARY(remainder)
extern "C" float fmaf(float, float, float);
extern "C" double fma(double, double, double);

#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define isfinite(x) __builtin_isfinite(x)
#define signbit(x) __builtin_signbit(x)

static inline int abs(int x)
{
	return x < 0 ? -x : x;
}

/* nvrtc.c appends this for each kernel that it finds: a kernel has one argument, a structure. */
template <class A> static inline size_t cudasim_argument_size(void (*)(A))
{
	return sizeof(A);
}

template <class A> static inline void cudasim_call(void (*kernel)(A), void *argument)
{
	static_assert(__is_trivially_copyable(A), "arguments of kernels are plain data");
	kernel(*static_cast<A *>(argument));
}

#define CUDASIM_KERNEL(name)                                                                       \
	extern "C" void cudasim_run_##name(void *argument)                                         \
	{                                                                                          \
		cudasim_call(name, argument);                                                      \
	}                                                                                          \
	extern "C" size_t cudasim_size_##name()                                                    \
	{                                                                                          \
		return cudasim_argument_size(name);                                                \
	}

/* Makes the loader allocate the shared memory of the library, see library.c. */
static thread_local char cudasim_touched[16];
extern "C" void cudasim_touch()
{
	static_cast<volatile char *>(cudasim_touched)[0] = 0;
}

#endif
