/*
 * gather.cu - Gather and GatherGrad. x is [before, size, after] and y [before, n, after]: rows of length
 * `after` are copied, or, for the gradient, added up, always in one order:
 *
 *  1. The n indices are sorted with their positions, stably, by one block: a radix sort in which
 *     each thread has neighbouring indices.
 *  2. The sorted list is cut into chunks, about as many as each is long. A run of equal indices in
 *     a chunk is one sum, in the order of positions, written to its row of dx, which was cleared.
 *  3. Sums of runs that cross the ends of chunks are brought together in their order.
 *
 * An index that is outside gives zeros, no gradient, and the work fails.
 */
#include "kernels/rows.h"

extern "C" {
#include "backend/moves.h"
#include "ops/gather.h"
}

#include <stdlib.h>

#define SORT_THREADS 512
#define DIGIT_BITS 4
#define DIGITS (1 << DIGIT_BITS)
#define GROUP 8 /* elements that are read before the first is added */
#define CHUNK_MIN 32

struct gather {
	struct gather_sizes sizes;
	bool long_indices;
	int64_t units;   /* of a row */
	unsigned unit;   /* bytes */
	int64_t columns; /* of the gradient: before * after */
	int64_t chunk, chunks;
	int passes; /* of the sort */
	enum dtype dy, dx;
};

/* Index i from the start, negative ones count from the end; `size` when it is outside. */
static __device__ inline int64_t index_at(const void *indices, int64_t i, const struct gather &g,
					  int *failed)
{
	int64_t at = g.long_indices ? (int64_t)((const long long *)indices)[i]
				    : (int64_t)((const int *)indices)[i];
	at += at < 0 ? g.sizes.size : 0;
	if (at >= 0 && at < g.sizes.size)
		return at;
	*failed = 1;
	return g.sizes.size;
}

template <class U>
static __global__ void gather_rows(const U *x, const void *indices, U *y, int *failed,
				   struct gather g)
{
	EACH_ROW(row, g.sizes.before * g.sizes.n)
	{
		int64_t part = g.sizes.before == 1 ? 0 : row / g.sizes.n;
		int64_t at = index_at(indices, row - part * g.sizes.n, g, failed);
		const U *from = x + (part * g.sizes.size + at) * g.units;
		U none = {};
		EACH_UNIT(unit, g.units)
		y[row * g.units + unit] = at == g.sizes.size ? none : from[unit];
	}
}

/* ---- the sort ---- */

/* An index, and below it its position. */
typedef unsigned long long entry;

static __device__ inline int64_t index_of(entry e)
{
	return (int64_t)(e >> 32);
}

static __device__ inline int64_t position_of(entry e)
{
	return (int64_t)(e & 0xffffffff);
}

/* Each count becomes the sum of those before it. */
static __device__ void add_before(unsigned *count, unsigned *sums)
{
	unsigned t = threadIdx.x, sum = 0;
	for (unsigned i = t * DIGITS; i < (t + 1) * DIGITS; i++) {
		unsigned n = count[i];
		count[i] = sum;
		sum += n;
	}
	sums[t] = sum;
	__syncthreads();
	for (unsigned step = 1; step < SORT_THREADS; step *= 2) {
		unsigned before = t >= step ? sums[t - step] : 0;
		__syncthreads();
		sums[t] += before;
		__syncthreads();
	}
	for (unsigned i = t * DIGITS; t && i < (t + 1) * DIGITS; i++)
		count[i] += sums[t - 1];
	__syncthreads();
}

/* The result stands in `a` after an even number of passes, else in `b`. */
static __global__ void sort_indices(const void *indices, entry *a, entry *b, int *failed,
				    struct gather g)
{
	__shared__ unsigned count[DIGITS * SORT_THREADS], sums[SORT_THREADS];
	int64_t n = g.sizes.n, each = (n + SORT_THREADS - 1) / SORT_THREADS;
	int64_t begin = threadIdx.x * each < n ? threadIdx.x * each : n;
	int64_t end = begin + each < n ? begin + each : n;
	for (int64_t i = begin; i < end; i++)
		a[i] = (entry)index_at(indices, i, g, failed) << 32 | (entry)i;
	for (int pass = 0; pass < g.passes; pass++) {
		int shift = 32 + pass * DIGIT_BITS;
		for (unsigned d = 0; d < DIGITS; d++)
			count[d * SORT_THREADS + threadIdx.x] = 0;
		for (int64_t i = begin; i < end; i++)
			count[(a[i] >> shift) % DIGITS * SORT_THREADS + threadIdx.x]++;
		__syncthreads();
		add_before(count, sums);
		for (int64_t i = begin; i < end; i++)
			b[count[(a[i] >> shift) % DIGITS * SORT_THREADS + threadIdx.x]++] = a[i];
		__syncthreads();
		entry *other = a;
		a = b;
		b = other;
	}
}

/* ---- the sums ---- */

/* Where column q of row `row` lies in [before, rows, after]. */
static __device__ inline int64_t place(const struct gather &g, int64_t q, int64_t rows, int64_t row)
{
	return (q / g.sizes.after * rows + row) * g.sizes.after + q % g.sizes.after;
}

#define EACH_COLUMN(q, g)                                                                          \
	for (int64_t q = blockIdx.y * (int64_t)blockDim.x + threadIdx.x; q < (g).columns;          \
	     q += (int64_t)gridDim.y * blockDim.x)

/* open: [chunks, 2, columns], the sums of the run that a chunk begins with and of the one that it ends
 * with, where they go on in another chunk. */
template <class TY, class TX>
static __global__ void sum_runs(const entry *sorted, const TY *dy, TX *dx, float *open,
				struct gather g)
{
	int64_t n = g.sizes.n, begin = blockIdx.x * g.chunk;
	int64_t end = begin + g.chunk < n ? begin + g.chunk : n;
	EACH_COLUMN(q, g)
	{
		const TY *from = dy + place(g, q, n, 0);
		int64_t first = begin;
		float sum = 0;
		for (int64_t i = begin; i < end; i += GROUP) {
			float group[GROUP];
#pragma unroll
			for (int j = 0; j < GROUP; j++)
				group[j] = i + j < end ? load(from, position_of(sorted[i + j]) *
									    g.sizes.after)
						       : 0;
#pragma unroll
			for (int j = 0; j < GROUP; j++) {
				int64_t next = i + j + 1;
				if (next > end)
					break;
				sum += group[j];
				int64_t row = index_of(sorted[i + j]);
				bool more = next < n && index_of(sorted[next]) == row;
				if (more && next < end)
					continue;
				bool began = first == begin && begin &&
					     index_of(sorted[begin - 1]) == row;
				if (more || began)
					open[(blockIdx.x * 2 + (first != begin)) * g.columns + q] =
						sum;
				else if (row < g.sizes.size)
					store(dx, place(g, q, g.sizes.size, row), sum);
				first = next;
				sum = 0;
			}
		}
	}
}

/* The run that goes on behind a chunk and began in it. */
template <class TX>
static __global__ void end_runs(const entry *sorted, TX *dx, const float *open, struct gather g)
{
	int64_t n = g.sizes.n, c = blockIdx.x, begin = c * g.chunk, end = begin + g.chunk;
	if (end >= n)
		return;
	int64_t row = index_of(sorted[end - 1]);
	bool whole = index_of(sorted[begin]) == row;
	if (index_of(sorted[end]) != row || row == g.sizes.size ||
	    (whole && begin && index_of(sorted[begin - 1]) == row))
		return;
	EACH_COLUMN(q, g)
	{
		float sum = open[(c * 2 + !whole) * g.columns + q];
		for (int64_t k = c + 1; k < g.chunks; k++) {
			int64_t behind = (k + 1) * g.chunk;
			sum += open[k * 2 * g.columns + q];
			if (behind >= n || index_of(sorted[behind]) != row)
				break;
		}
		store(dx, place(g, q, g.sizes.size, row), sum);
	}
}

/* ---- the calls ---- */

static bool is_plain(const struct op_call *call)
{
	return call->in[0].layout == LAYOUT_PLAIN && call->in[1].layout == LAYOUT_PLAIN &&
	       call->out[0].layout == LAYOUT_PLAIN;
}

static bool supports(const struct op_call *call, const char **why)
{
	*why = "elements of this size, or operands that are not plain";
	return moves_dtype(call->in[0].t.dtype) && is_plain(call);
}

static bool is_float(enum dtype dtype)
{
	return dtype == DT_F32 || dtype == DT_F16 || dtype == DT_BF16;
}

static bool supports_grad(const struct op_call *call, const char **why)
{
	*why = "for f32, f16 and bf16, plain";
	if (!is_float(call->in[0].t.dtype) || !is_float(call->out[0].t.dtype) || !is_plain(call))
		return false;
	*why = "too many indices or rows";
	struct gather_sizes s = gather_sizes(call->node, &call->out[0].t.shape,
					     &call->in[1].t.shape);
	return s.n < INT32_MAX && s.size < INT32_MAX;
}

static struct gather *gather_new(const struct op_call *call, const struct shape *x)
{
	struct gather *g = (struct gather *)mem_alloc(sizeof *g);
	g->sizes = gather_sizes(call->node, x, &call->in[1].t.shape);
	g->long_indices = call->in[1].t.dtype == DT_I64;
	return g;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct gather *g = gather_new(call, &call->in[0].t.shape);
	int64_t row = g->sizes.after * (dtype_bits(call->in[0].t.dtype) / 8);
	g->unit = unit_of((uint64_t)row);
	g->units = row / g->unit;
	*state = g;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct gather *g = (const struct gather *)state;
	int64_t rows = g->sizes.before * g->sizes.n;
	if (!rows || !g->units)
		return OK;
	dim3 block = row_block(g->units), grid = row_grid(block, rows, g->units);
	FOR_UNIT(g->unit, U,
		 LAUNCH((gather_rows<U>), grid, block, 0, work_handle(stream), (const U *)io->in[0],
			(const void *)io->in[1], (U *)io->out[0], work_failed(stream), *g));
	return launched();
}

static enum status create_grad(struct device *device, const struct op_call *call, void **state,
			       size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	struct gather *g = gather_new(call, &call->out[0].t.shape);
	g->dy = call->in[0].t.dtype;
	g->dx = call->out[0].t.dtype;
	g->columns = g->sizes.before * g->sizes.after;
	g->chunk = CHUNK_MIN;
	while (g->chunk * g->chunk < g->sizes.n)
		g->chunk *= 2;
	g->chunks = (g->sizes.n + g->chunk - 1) / g->chunk;
	while (g->sizes.size >> g->passes * DIGIT_BITS) /* `size` itself is sorted too */
		g->passes++;
	*workspace = 2 * (size_t)g->sizes.n * sizeof(entry) +
		     2 * (size_t)(g->chunks * g->columns) * sizeof(float);
	*state = g;
	return OK;
}

static enum status run_grad(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct gather *g = (const struct gather *)state;
	int64_t n = g->sizes.n, elements = g->sizes.size * g->columns;
	entry *a = (entry *)io->workspace, *b = a + n, *sorted = g->passes % 2 ? b : a;
	float *open = (float *)(b + n);
	TRY(work_fill(stream, io->out[0], 0, (size_t)elements * (dtype_bits(g->dx) / 8)));
	if (!n || !elements)
		return OK;
	LAUNCH(sort_indices, 1, SORT_THREADS, 0, work_handle(stream), (const void *)io->in[1], a, b,
	       work_failed(stream), *g);
	unsigned threads = 32;
	while (threads < THREADS && threads < g->columns)
		threads *= 2;
	int64_t blocks = (g->columns + threads - 1) / threads;
	dim3 grid((unsigned)g->chunks, (unsigned)(blocks < 65535 ? blocks : 65535));
	FOR_FLOAT(g->dx, TX,
		  FOR_FLOAT(g->dy, TY,
			    LAUNCH((sum_runs<TY, TX>), grid, threads, 0, work_handle(stream),
				   (const entry *)sorted, (const TY *)io->in[0], (TX *)io->out[0],
				   open, *g));
		  LAUNCH((end_runs<TX>), grid, threads, 0, work_handle(stream),
			 (const entry *)sorted, (TX *)io->out[0], (const float *)open, *g));
	return launched();
}

extern "C" const struct kernel cuda_kernel_gather = {
	.op = "Gather",
	.name = "CUDA",
	.rank = 0,
	.supports = supports,
	.propose = NULL,
	.create = create,
	.run = run,
	.destroy = free,
};

extern "C" const struct kernel cuda_kernel_gather_grad = {
	.op = "GatherGrad",
	.name = "CUDA",
	.rank = 0,
	.supports = supports_grad,
	.propose = NULL,
	.create = create_grad,
	.run = run_grad,
	.destroy = free,
};
