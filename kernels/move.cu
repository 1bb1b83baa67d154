/*
 * move.cu - the operators that move elements without looking at them (backend/moves.h). Each strided copy is
 * one launch, over the axes as they lie in the destination, merged where both sides allow:
 *
 *  - where elements that are neighbours in the source lie far apart in the destination and the other
 *    way round, tiles are turned in shared memory, so that both sides are touched in whole lines;
 *  - else threads stand along the innermost axis, and move what is dense on both sides in units of
 *    up to 16 bytes.
 */
#include "kernels/rows.h"

extern "C" {
#include "backend/moves.h"
}

#include <stdlib.h>

#define TILE 32
#define TILE_ROWS 8 /* of threads */
#define TILE_MIN 16 /* shorter axes are not worth a tile */

/* Places of the outer axes and strides along the inner one, in units. */
struct copy {
	int outer;
	unsigned unit; /* bytes */
	bool tiled;    /* the last of the outer axes is dense in the source, the inner one is not */
	long long rows, units;
	long long dim[SHAPE_MAX_RANK], to[SHAPE_MAX_RANK], from[SHAPE_MAX_RANK];
	long long to_unit, from_unit, at_to, at_from;
};

struct state {
	struct moves *moves;
	size_t out_bytes; /* of output 0 */
	struct copy copies[];
};

/* Offsets at row-major index i of the first n outer axes. */
static __device__ inline void offsets_of(const struct copy &c, int n, long long i, long long *to,
					 long long *from)
{
	*to = c.at_to;
	*from = c.at_from;
	for (int a = n - 1; a >= 0; a--) {
		long long at = a ? i % c.dim[a] : i;
		i = a ? i / c.dim[a] : 0;
		*to += at * c.to[a];
		*from += at * c.from[a];
	}
}

template <class U> static __global__ void copy_rows(U *to, const U *from, struct copy c)
{
	EACH_ROW(row, c.rows)
	{
		long long at_to, at_from;
		offsets_of(c, c.outer, row, &at_to, &at_from);
		EACH_UNIT(unit, c.units)
		to[at_to + unit * c.to_unit] = from[at_from + unit * c.from_unit];
	}
}

/* blockIdx.x: the tile of a plane, whose columns are dense in the source, rows in the destination */
template <class U> static __global__ void copy_tiles(U *to, const U *from, struct copy c)
{
	__shared__ U tile[TILE][TILE + 1];
	int inner = c.outer - 1;
	long long high = c.dim[inner], tiles = (c.units + TILE - 1) / TILE, planes = c.rows / high;
	long long row = blockIdx.x / tiles * TILE, column = blockIdx.x % tiles * TILE;
	for (long long plane = blockIdx.y; plane < planes; plane += gridDim.y) {
		long long at_to, at_from;
		offsets_of(c, inner, plane, &at_to, &at_from);
		for (int k = threadIdx.y; k < TILE; k += TILE_ROWS)
			if (row + threadIdx.x < high && column + k < c.units)
				tile[k][threadIdx.x] = from[at_from + row + threadIdx.x +
							    (column + k) * c.from_unit];
		__syncthreads();
		for (int k = threadIdx.y; k < TILE; k += TILE_ROWS)
			if (row + k < high && column + threadIdx.x < c.units)
				to[at_to + (row + k) * c.to[inner] + column + threadIdx.x] =
					tile[threadIdx.x][k];
		__syncthreads();
	}
}

/* ---- preparation ---- */

/* Moves the axis that tiles are turned with inwards, if there is one. */
static bool find_tile(struct loop *l)
{
	int last = l->rank - 1;
	int64_t across = l->stride[1][last];
	if (l->stride[0][last] != 1 || (across >= -1 && across <= 1) || l->dim[last] < TILE_MIN)
		return false;
	for (int a = 0; a < last; a++)
		if (l->stride[1][a] == 1 && l->dim[a] >= TILE_MIN) {
			loop_move(l, a, last - 1);
			return true;
		}
	return false;
}

static struct copy copy_of(const struct move *m, unsigned size)
{
	struct loop l = m->loop;
	struct copy c = {};
	loop_order(&l, 0);
	loop_merge(&l, 1);
	c.tiled = find_tile(&l);
	c.outer = l.rank - 1;
	c.unit = size;
	c.units = l.dim[c.outer];
	c.to_unit = l.stride[0][c.outer];
	c.from_unit = l.stride[1][c.outer];
	c.rows = loop_size(&l, 0, c.outer);
	c.at_to = m->at_to;
	c.at_from = m->at_from;
	uint64_t places = (uint64_t)c.units | (uint64_t)c.at_to | (uint64_t)c.at_from;
	for (int a = 0; a < c.outer; a++) {
		c.dim[a] = l.dim[a];
		c.to[a] = l.stride[0][a];
		c.from[a] = l.stride[1][a];
		places |= (uint64_t)c.to[a] | (uint64_t)c.from[a];
	}
	if (c.to_unit != 1 || c.from_unit != 1)
		return c;
	c.unit = unit_of(places * size);
	int elements = (int)(c.unit / size);
	c.units /= elements;
	c.at_to /= elements;
	c.at_from /= elements;
	for (int a = 0; a < c.outer; a++) {
		c.to[a] /= elements;
		c.from[a] /= elements;
	}
	return c;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct moves *moves;
	TRY(moves_read(call, &moves));
	struct state *s = (struct state *)mem_alloc(sizeof *s + moves->n * sizeof(struct copy));
	s->moves = moves;
	s->out_bytes = call->out[0].t.dtype ? tensor_bytes(&call->out[0].t) : 0;
	for (uint32_t i = 0; i < moves->n; i++)
		s->copies[i] = copy_of(&moves->moves[i], dtype_bits(call->in[0].t.dtype) / 8);
	*state = s;
	return OK;
}

/* ---- running ---- */

template <class U>
static void launch(const struct copy *c, void *to, const void *from, struct stream *stream)
{
	if (!c->tiled) {
		dim3 block = row_block(c->units);
		LAUNCH((copy_rows<U>), row_grid(block, c->rows, c->units), block, 0,
		       work_handle(stream), (U *)to, (const U *)from, *c);
		return;
	}
	long long high = c->dim[c->outer - 1], planes = c->rows / high;
	long long tiles = ((high + TILE - 1) / TILE) * ((c->units + TILE - 1) / TILE);
	dim3 grid((unsigned)tiles, (unsigned)(planes < 65535 ? planes : 65535));
	LAUNCH((copy_tiles<U>), grid, dim3(TILE, TILE_ROWS), 0, work_handle(stream), (U *)to,
	       (const U *)from, *c);
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct state *s = (const struct state *)state;
	if (s->moves->clear)
		TRY(work_fill(stream, io->out[0], 0, s->out_bytes));
	for (uint32_t i = 0; i < s->moves->n; i++) {
		const struct move *m = &s->moves->moves[i];
		const struct copy *c = &s->copies[i];
		FOR_UNIT(c->unit, U, launch<U>(c, io->out[m->out], io->in[m->in], stream));
	}
	return launched();
}

static void destroy(void *state)
{
	struct state *s = (struct state *)state;
	free(s->moves);
	free(s);
}

/* Before compiled chains, which move elements one by one. */
#define MOVE(operator)                                                                             \
	{                                                                                          \
		.op = operator, .name = "CUDA", .rank = 1, .supports = moves_supports,             \
		.propose = moves_propose, .create = create, .run = run, .destroy = destroy         \
	}

extern "C" const struct kernel cuda_kernel_identity = MOVE("Identity");
extern "C" const struct kernel cuda_kernel_reshape = MOVE("Reshape");
extern "C" const struct kernel cuda_kernel_relayout = MOVE("Relayout");
extern "C" const struct kernel cuda_kernel_transpose = MOVE("Transpose");
extern "C" const struct kernel cuda_kernel_expand = MOVE("Expand");
extern "C" const struct kernel cuda_kernel_concat = MOVE("Concat");
extern "C" const struct kernel cuda_kernel_split = MOVE("Split");
extern "C" const struct kernel cuda_kernel_slice = MOVE("Slice");
extern "C" const struct kernel cuda_kernel_slice_grad = MOVE("SliceGrad");
