/*
 * relayout.c - Relayout: each sample is a matrix of channels and positions that is transposed, tile
 * by tile, so that the reads and the writes of a tile stay in the first-level cache.
 */
#include "backend/cpu/cpu.h"
#include "backend/cpu/simd.h"

#include <stdlib.h>
#include <string.h>

#define TILE 32

/* x [batch, rows, columns] becomes y [batch, columns, rows]. */
struct state {
	int64_t batch, rows, columns;
	unsigned size; /* of an element, in bytes */
};

static bool supports(const struct op_call *call, const char **why)
{
	unsigned bits = dtype_bits(call->in[0].t.dtype);
	*why = "elements of this size";
	return bits == 8 || bits == 16 || bits == 32 || bits == 64;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	const struct op_operand *x = &call->in[0], *y = &call->out[0];
	const struct shape *shape = &x->t.shape;
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .batch = 1,
			     .rows = 1,
			     .columns = shape_elements(shape),
			     .size = dtype_bits(x->t.dtype) / 8 };
	if (!layout_same_bytes(shape, x->layout, y->layout) && s->columns) {
		int64_t channels = shape->dim[1];
		int64_t positions = s->columns / channels / shape->dim[0];
		bool plain = x->layout == LAYOUT_PLAIN;
		s->batch = shape->dim[0];
		s->rows = plain ? channels : positions;
		s->columns = plain ? positions : channels;
	}
	*state = s;
	return OK;
}

/* One tile of r rows and c columns, both at most TILE. */
#define TRANSPOSE(bits)                                                                            \
	SIMD static void transpose_##bits(uint##bits##_t *restrict y, int64_t stride_y,            \
					  const uint##bits##_t *restrict x, int64_t stride_x,      \
					  int64_t r, int64_t c)                                    \
	{                                                                                          \
		for (int64_t j = 0; j < c; j++)                                                    \
			for (int64_t i = 0; i < r; i++)                                            \
				y[j * stride_y + i] = x[i * stride_x + j];                         \
	}
TRANSPOSE(8)
TRANSPOSE(16)
TRANSPOSE(32)
TRANSPOSE(64)

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	const char *x = io->in[0];
	char *y = io->out[0];
	int64_t rows = s->rows, columns = s->columns, total = s->batch * rows * columns;
	if (rows == 1 || columns == 1) {
		memcpy(y, x, (size_t)total * s->size);
		return OK;
	}
	int64_t down = (rows + TILE - 1) / TILE, across = (columns + TILE - 1) / TILE;
#pragma omp parallel for schedule(static) if (total > 16384)
	for (int64_t t = 0; t < s->batch * down * across; t++) {
		int64_t i = t / across % down * TILE, j = t % across * TILE;
		int64_t r = rows - i < TILE ? rows - i : TILE;
		int64_t c = columns - j < TILE ? columns - j : TILE;
		int64_t sample = t / across / down * rows * columns;
		const void *from = x + (sample + i * columns + j) * s->size;
		void *to = y + (sample + j * rows + i) * s->size;
		switch (s->size) {
		case 1:
			transpose_8(to, rows, from, columns, r, c);
			break;
		case 2:
			transpose_16(to, rows, from, columns, r, c);
			break;
		case 4:
			transpose_32(to, rows, from, columns, r, c);
			break;
		default:
			transpose_64(to, rows, from, columns, r, c);
		}
	}
	return OK;
}

const struct kernel kernel_relayout = {
	.op = "Relayout",
	.name = "tiled transposition",
	.supports = supports,
	.create = create,
	.run = run,
	.destroy = free,
};
