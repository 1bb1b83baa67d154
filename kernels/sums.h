/*
 * sums.h - sums of expressions over the elements that a thread takes, and over columns: the channels
 * of an activation in any layout, or what stands at one place of all rows.
 *
 * A block takes `width` neighbouring columns and one part of their elements; neighbouring threads
 * take what is neighbouring in memory. Each block writes the sums of its part; the parts of a
 * column are added up by the threads of one block. How a tensor is cut depends on its shape alone,
 * so the same sums are formed in the same order each time.
 */
#ifndef ONNXTUNE_KERNELS_SUMS_H
#define ONNXTUNE_KERNELS_SUMS_H

#include "kernels/block.h"

#define SUM_PIECE 64 /* elements that a thread adds up in float32 */

/* f(i, piece) adds its terms for i = begin, begin + step, ... to N floats; pieces are added in double. */
template <int N, class F>
static __device__ inline void thread_sums(double (&sum)[N], int64_t begin, int64_t end,
					  int64_t step, F f)
{
	for (int k = 0; k < N; k++)
		sum[k] = 0;
	while (begin < end) {
		float piece[N] = { 0 };
		for (int i = 0; i < SUM_PIECE && begin < end; i++, begin += step)
			f(begin, piece);
		for (int k = 0; k < N; k++)
			sum[k] += piece[k];
	}
}

/* ---- columns ---- */

#define COLUMN_ELEMENTS 16 /* of a part, for each thread, at least */
#define COLUMN_PARTS 256   /* at most */

/* x [rows / inner, n, inner] has n columns of `rows` elements each. */
struct columns {
	int64_t n, rows, inner;
	int64_t part, parts; /* elements of a column in a part */
	int width;           /* columns of a block: a power of two up to WARP */
};

/* rows is less than 2^31. */
static inline struct columns columns_of(int64_t n, int64_t rows, int64_t inner)
{
	struct columns c = { n, rows, inner, 0, 0, 1 };
	while (inner == 1 && c.width < WARP && c.width < n)
		c.width *= 2;
	c.part = THREADS / c.width * COLUMN_ELEMENTS;
	while ((rows + c.part - 1) / c.part > COLUMN_PARTS)
		c.part *= 2;
	c.parts = (rows + c.part - 1) / c.part;
	return c;
}

static inline dim3 columns_grid(const struct columns *c, int64_t parts)
{
	return dim3((unsigned)((c->n + c->width - 1) / c->width), (unsigned)parts);
}

/* What a thread has to do: elements begin, begin + step, ... of a column. */
struct column {
	int64_t j, begin, end, step; /* j may be n or more: nothing to do */
};

/* In part p of all; the grid is columns_grid. */
static __device__ inline struct column column_of(const struct columns &c, int64_t p)
{
	struct column t;
	t.step = THREADS / c.width;
	t.j = blockIdx.x * (int64_t)c.width + threadIdx.x % c.width;
	t.begin = p * c.part + threadIdx.x / c.width;
	t.end = t.j >= c.n ? 0 : (p + 1) * c.part < c.rows ? (p + 1) * c.part : c.rows;
	return t;
}

/* Elements of a column in part p. */
static __device__ inline int64_t column_part_size(const struct columns &c, int64_t p)
{
	return (p + 1) * c.part < c.rows ? c.part : c.rows - p * c.part;
}

/* Where element i of column j lies. */
static __device__ inline int64_t column_offset(const struct columns &c, int64_t j, int64_t i)
{
	if (c.inner == 1)
		return i * c.n + j;
	uint32_t inner = (uint32_t)c.inner, row = (uint32_t)i / inner;
	return (row * c.n + j) * inner + ((uint32_t)i - row * inner);
}

/* Sum over the block's threads of the same column, in each of them. */
static __device__ inline double column_sum(const struct columns &c, double x)
{
	__shared__ double shared[THREADS];
	unsigned t = threadIdx.x, width = (unsigned)c.width;
	shared[t] = x;
	__syncthreads();
	for (unsigned half = THREADS / 2; half >= width; half /= 2) {
		if (t < half)
			shared[t] += shared[t + half];
		__syncthreads();
	}
	x = shared[t % width];
	__syncthreads();
	return x;
}

/* Parts of two sums of each column: [parts][2][n]. */
static inline size_t column_bytes(const struct columns *c)
{
	return (size_t)(c->parts * 2 * c->n) * sizeof(double);
}

static __device__ inline int64_t column_part(const struct columns &c, int64_t p, int which,
					     int64_t j)
{
	return (p * 2 + which) * c.n + j;
}

/* f(p) summed over the parts of the thread's column; the grid is columns_grid of one part. */
template <class F> static __device__ inline double column_parts_sum(const struct columns &c, F f)
{
	struct column t = column_of(c, 0);
	double sum = 0;
	for (int64_t p = threadIdx.x / c.width; p < c.parts && t.j < c.n; p += t.step)
		sum += f(p);
	return column_sum(c, sum);
}

#endif
