/*
 * copy.c - the strided copy (see copy.h). After merging, the innermost axis of the destination is
 *
 *  - contiguous in the source as well, or repeats one element: rows are copied or filled;
 *  - strided in the source, and another axis is contiguous there: the two are transposed tile by
 *    tile, so that reads and writes of a tile stay in the first-level cache;
 *  - strided otherwise: element by element.
 */
#include "backend/cpu/copy.h"

#include "backend/cpu/simd.h"

#include <string.h>

#define TILE 64
#define GRAIN 65536 /* bytes that are worth a thread */

struct copy copy_prepare(const struct loop *loop, enum dtype dtype, int64_t at_dst, int64_t at_src)
{
	struct copy c = {
		.loop = *loop, .at_dst = at_dst, .at_src = at_src, .size = dtype_bits(dtype) / 8
	};
	struct loop *l = &c.loop;
	loop_order(l, 0);
	loop_merge(l, 2);
	int64_t across = l->stride[1][l->rank - 1];
	for (int a = 0; a + 1 < l->rank; a++)
		if (l->stride[1][a] == 1 && across != 0 && across != 1 &&
		    l->stride[0][l->rank - 1] == 1) {
			loop_move(l, a, l->rank - 2);
			c.tiled = true;
			break;
		}
	return c;
}

/* A block of rows: strides of dst and src down and across. */
struct block {
	int64_t rows, columns;
	int64_t dst_down, dst_across, src_down, src_across;
};

#define COPY(bits)                                                                                 \
	SIMD static void copy_##bits(uint##bits##_t *restrict dst,                                 \
				     const uint##bits##_t *restrict src, const struct block *b)    \
	{                                                                                          \
		int64_t n = b->columns, to = b->dst_across, from = b->src_across;                  \
		for (int64_t i = 0; i < b->rows; i++, dst += b->dst_down, src += b->src_down)      \
			if (to == 1 && from == 1)                                                  \
				for (int64_t j = 0; j < n; j++)                                    \
					dst[j] = src[j];                                           \
			else if (to == 1 && from == 0)                                             \
				for (int64_t j = 0; j < n; j++)                                    \
					dst[j] = *src;                                             \
			else                                                                       \
				for (int64_t j = 0; j < n; j++)                                    \
					dst[j * to] = src[j * from];                               \
	}

/* The k-th of each pair of the lower (LOW) or upper halves of two vectors, in turns. */
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)

/* One tile: src is contiguous down the rows, dst across. Blocks of 8 x 8 are transposed by three
 * rounds of interleaving rows. */
#define TRANSPOSE(bits)                                                                            \
	typedef uint##bits##_t vector_##bits                                                       \
		__attribute__((vector_size(bits), aligned(bits / 8), may_alias));                  \
	SIMD static void transpose_##bits(uint##bits##_t *restrict dst,                            \
					  const uint##bits##_t *restrict src,                      \
					  const struct block *b)                                   \
	{                                                                                          \
		int64_t down = b->dst_down, across = b->src_across, j = 0;                         \
		for (; j + 8 <= b->columns; j += 8) {                                              \
			int64_t i = 0;                                                             \
			for (; i + 8 <= b->rows; i += 8) {                                         \
				vector_##bits v[8], w[8];                                          \
				for (int k = 0; k < 8; k++)                                        \
					v[k] = *(const vector_##bits *)(src + i +                  \
									(j + k) * across);         \
				for (int k = 0; k < 4; k++) {                                      \
					w[k] = LOW(v[k], v[k + 4]);                                \
					w[k + 4] = HIGH(v[k], v[k + 4]);                           \
				}                                                                  \
				for (int k = 0; k < 4; k++) {                                      \
					int at = k < 2 ? k : k + 2;                                \
					v[at] = LOW(w[at], w[at + 2]);                             \
					v[at + 2] = HIGH(w[at], w[at + 2]);                        \
				}                                                                  \
				for (int k = 0; k < 8; k += 2) {                                   \
					w[k] = LOW(v[k], v[k + 1]);                                \
					w[k + 1] = HIGH(v[k], v[k + 1]);                           \
				}                                                                  \
				for (int k = 0; k < 8; k++)                                        \
					*(vector_##bits *)(dst + (i + k) * down + j) = w[k];       \
			}                                                                          \
			for (; i < b->rows; i++)                                                   \
				for (int k = 0; k < 8; k++)                                        \
					dst[i * down + j + k] = src[i + (j + k) * across];         \
		}                                                                                  \
		for (; j < b->columns; j++)                                                        \
			for (int64_t i = 0; i < b->rows; i++)                                      \
				dst[i * down + j] = src[i + j * across];                           \
	}
COPY(8)
COPY(16)
COPY(32)
COPY(64)
TRANSPOSE(8)
TRANSPOSE(16)
TRANSPOSE(32)
TRANSPOSE(64)

/* Long rows are for memcpy. */
static void copy_rows(void *dst, const void *src, unsigned size, const struct block *b)
{
	if (b->dst_across == 1 && b->src_across == 1 && b->columns * size >= 256) {
		for (int64_t i = 0; i < b->rows; i++)
			memcpy((char *)dst + i * b->dst_down * size,
			       (const char *)src + i * b->src_down * size,
			       (size_t)b->columns * size);
		return;
	}
	switch (size) {
	case 1:
		copy_8(dst, src, b);
		break;
	case 2:
		copy_16(dst, src, b);
		break;
	case 4:
		copy_32(dst, src, b);
		break;
	default:
		copy_64(dst, src, b);
	}
}

static void transpose_tile(void *dst, const void *src, unsigned size, const struct block *b)
{
	switch (size) {
	case 1:
		transpose_8(dst, src, b);
		break;
	case 2:
		transpose_16(dst, src, b);
		break;
	case 4:
		transpose_32(dst, src, b);
		break;
	default:
		transpose_64(dst, src, b);
	}
}

struct job {
	const struct copy *copy;
	char *dst;
	const char *src;
};

/* Rows [row, row + b->rows) of a plane, b->columns from `column`. */
static void run_block(const struct job *job, const int64_t *offset, int64_t row, int64_t column,
		      struct block b)
{
	const struct copy *c = job->copy;
	int64_t to = c->at_dst + offset[0] + row * b.dst_down + column * b.dst_across;
	int64_t from = c->at_src + offset[1] + row * b.src_down + column * b.src_across;
	(c->tiled ? transpose_tile : copy_rows)(job->dst + to * c->size, job->src + from * c->size,
						c->size, &b);
}

/* Rows [begin, end) of all planes, one after the other. */
static void run_rows(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *job = ctx;
	const struct loop *l = &job->copy->loop;
	int64_t rows = l->dim[l->rank - 2], columns = l->dim[l->rank - 1];
	int64_t step = job->copy->tiled ? TILE : rows;
	struct block b = { .dst_down = l->stride[0][l->rank - 2],
			   .dst_across = l->stride[0][l->rank - 1],
			   .src_down = l->stride[1][l->rank - 2],
			   .src_across = l->stride[1][l->rank - 1] };
	int64_t offset[LOOP_OPERANDS];
	while (begin < end) {
		int64_t row = begin % rows;
		b.rows = rows - row < end - begin ? rows - row : end - begin;
		b.rows = b.rows < step ? b.rows : step;
		loop_offsets(l, l->rank - 2, begin / rows, offset);
		b.columns = columns;
		for (int64_t j = 0; !job->copy->tiled ? j == 0 : j < columns; j += TILE) {
			if (job->copy->tiled)
				b.columns = columns - j < TILE ? columns - j : TILE;
			run_block(job, offset, row, j, b);
		}
		begin += b.rows;
	}
}

/* A single row: its columns [begin, end). */
static void run_columns(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *job = ctx;
	const struct loop *l = &job->copy->loop;
	struct block b = { .rows = 1,
			   .columns = end - begin,
			   .dst_across = l->stride[0][l->rank - 1],
			   .src_across = l->stride[1][l->rank - 1] };
	run_block(job, (const int64_t[]){ 0, 0 }, 0, begin, b);
}

void copy_run(const struct copy *copy, void *dst, const void *src)
{
	const struct loop *l = &copy->loop;
	struct job job = { copy, dst, src };
	int64_t rows = loop_size(l, 0, l->rank - 1), columns = l->dim[l->rank - 1];
	int64_t bytes = columns * copy->size;
	if (rows == 1)
		parallel_for(columns, GRAIN / copy->size, run_columns, &job);
	else if (columns)
		parallel_for(rows, (GRAIN + bytes - 1) / bytes, run_rows, &job);
}

struct fill {
	void *dst;
	const void *value;
	unsigned size;
};

static void run_fill(const void *ctx, int64_t begin, int64_t end)
{
	const struct fill *f = ctx;
	struct block b = { .rows = 1, .columns = end - begin, .dst_across = 1, .src_across = 0 };
	copy_rows((char *)f->dst + begin * f->size, f->value, f->size, &b);
}

void copy_fill(void *dst, int64_t n, const void *value, unsigned size)
{
	struct fill f = { dst, value, size };
	parallel_for(n, GRAIN / size, run_fill, &f);
}
