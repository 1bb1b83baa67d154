/*
 * cudasim_vector.h - CUDA's vector types (C++), with their alignment: the simulator traps when one is
 * read or written at an address that is not a multiple of it.
 */
#ifndef CUDASIM_VECTOR_H
#define CUDASIM_VECTOR_H

#define CUDASIM_VECTORS(T, name, bytes)                                                            \
	struct name##1                                                                             \
	{                                                                                          \
		T x;                                                                               \
	};                                                                                         \
	struct alignas(2 * bytes) name##2                                                          \
	{                                                                                          \
		T x, y;                                                                            \
	};                                                                                         \
	struct name##3                                                                             \
	{                                                                                          \
		T x, y, z;                                                                         \
	};                                                                                         \
	struct alignas(4 * bytes > 16 ? 16 : 4 * bytes) name##4                                    \
	{                                                                                          \
		T x, y, z, w;                                                                      \
	};                                                                                         \
	static inline name##1 make_##name##1(T x)                                                  \
	{                                                                                          \
		return name##1 { x };                                                              \
	}                                                                                          \
	static inline name##2 make_##name##2(T x, T y)                                             \
	{                                                                                          \
		return name##2 { x, y };                                                           \
	}                                                                                          \
	static inline name##3 make_##name##3(T x, T y, T z)                                        \
	{                                                                                          \
		return name##3 { x, y, z };                                                        \
	}                                                                                          \
	static inline name##4 make_##name##4(T x, T y, T z, T w)                                   \
	{                                                                                          \
		return name##4 { x, y, z, w };                                                     \
	}

CUDASIM_VECTORS(signed char, char, 1)
CUDASIM_VECTORS(unsigned char, uchar, 1)
CUDASIM_VECTORS(short, short, 2)
CUDASIM_VECTORS(unsigned short, ushort, 2)
CUDASIM_VECTORS(int, int, 4)
CUDASIM_VECTORS(unsigned int, uint, 4)
CUDASIM_VECTORS(float, float, 4)
CUDASIM_VECTORS(long long, longlong, 8)
CUDASIM_VECTORS(unsigned long long, ulonglong, 8)
CUDASIM_VECTORS(double, double, 8)

#endif
