/*
 * rows.h - for kernels that move rows of a tensor without looking at what they move: elements are
 * moved in units of 1 to 16 bytes, as wide as rows and their places allow.
 */
#ifndef ONNXTUNE_KERNELS_ROWS_H
#define ONNXTUNE_KERNELS_ROWS_H

#include "kernels/cuda.h"

/* The statements with U as a type of so many bytes: 1, 2, 4, 8 or 16. */
#define FOR_UNIT(bytes, U, ...)                                                                    \
	do {                                                                                       \
		if ((bytes) == 1) {                                                                \
			typedef unsigned char U;                                                   \
			__VA_ARGS__;                                                               \
		} else if ((bytes) == 2) {                                                         \
			typedef unsigned short U;                                                  \
			__VA_ARGS__;                                                               \
		} else if ((bytes) == 4) {                                                         \
			typedef unsigned U;                                                        \
			__VA_ARGS__;                                                               \
		} else if ((bytes) == 8) {                                                         \
			typedef unsigned long long U;                                              \
			__VA_ARGS__;                                                               \
		} else {                                                                           \
			typedef uint4 U;                                                           \
			__VA_ARGS__;                                                               \
		}                                                                                  \
	} while (0)

/* The widest unit that divides all the numbers of bytes whose bits are ored together. */
static inline unsigned unit_of(uint64_t bytes)
{
	bytes |= 16;
	return (unsigned)(bytes & -bytes);
}

/* Threads for rows of so many units: threads of a block stand side by side in a row or, where rows
 * are short, in several. */
static inline dim3 row_block(int64_t units)
{
	unsigned x = 1;
	while (x < units && x < 64)
		x *= 2;
	return dim3(x, THREADS / x);
}

static inline dim3 row_grid(dim3 block, int64_t rows, int64_t units)
{
	int64_t x = (rows + block.y - 1) / block.y, y = (units + 4 * block.x - 1) / (4 * block.x);
	return dim3((unsigned)(x < 1 << 20 ? x : 1 << 20), (unsigned)(y < 65535 ? y : 65535));
}

/* for (row = each row of this thread), for (unit = each of its units in a row) */
#define EACH_ROW(row, rows)                                                                        \
	for (int64_t row = blockIdx.x * (int64_t)blockDim.y + threadIdx.y; row < (rows);           \
	     row += (int64_t)gridDim.x * blockDim.y)
#define EACH_UNIT(unit, units)                                                                     \
	for (int64_t unit = blockIdx.y * blockDim.x + threadIdx.x; unit < (units);                 \
	     unit += gridDim.y * blockDim.x)

#endif
