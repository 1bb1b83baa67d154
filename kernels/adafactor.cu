/*
 * adafactor.cu - Adafactor on a float32 master (src/ops/adafactor.c has the formulas).
 *
 *  1. Row moments: rows are shared out to threads, as many of a block a row as it is long. Column
 *     moments: a thread sums a column over a part of the rows, then the parts are added up in their
 *     order. Without rows and columns the moment is whole.
 *  2. The mean of each matrix's row moments, in the way of rows.
 *  3. Sums of squares of parameter and update in double over parts of a fixed size; one block adds
 *     them up in their order and finds the size of the step.
 *  4. The update is computed again and applied.
 */
#include "kernels/block.h"

extern "C" {
#include "ops/optimizer.h"
}

#include <float.h>
#include <stdlib.h>

#define PART 4096     /* elements of a sum of squares */
#define PART_ROWS 128 /* rows of a part of a column */

struct adafactor {
	bool factored;
	int64_t n, rows, columns, matrices, n_rates;
	int64_t row_parts, parts;
	double epsilon, decay;
	/* of a run */
	const struct step_block *step;
	const double *rates;
	float *p, *row, *column;
	void *copy; /* of the parameter in a half type, or NULL */
	enum dtype type;
	const float *g;
	double *mean, *columns_part, *sums, *size;
};

/* How much the second moment takes of this step, in every thread. */
static __device__ double share_of(const struct step_block *step, double *shared)
{
	if (threadIdx.x == 0)
		*shared = pow((double)step->good_steps + 1, -0.8);
	__syncthreads();
	return *shared;
}

static __device__ inline double squared(const struct adafactor &j, int64_t i)
{
	double g = (double)(j.g[i] * (j.step->inverse * j.step->clip));
	return g * g;
}

static __device__ inline void blend(float *x, double y, double b)
{
	*x = (float)(*x + (y - *x) * b);
}

/* The sum over the `width` threads of a group (see width_for), in all of them. */
static __device__ inline double group_sum(double x, unsigned width)
{
	return width > WARP ? block_sum(x)
			    : warp_reduce(
				      x, [](double a, double b) { return a + b; }, width);
}

static __global__ void row_moments(struct adafactor j, unsigned width)
{
	__shared__ double share;
	if (j.step->found_inf)
		return;
	double b = share_of(j.step, &share), sum = 0;
	int64_t r = (int64_t)blockIdx.x * (THREADS / width) + threadIdx.x / width;
	bool inside = r < j.matrices * j.rows;
	for (int64_t c = threadIdx.x % width; inside && c < j.columns; c += width)
		sum += squared(j, r * j.columns + c);
	sum = group_sum(sum, width);
	if (inside && threadIdx.x % width == 0)
		blend(&j.row[r], sum / (double)j.columns, b);
}

static __global__ void column_parts(struct adafactor j)
{
	if (j.step->found_inf)
		return;
	EACH(i, j.matrices * j.row_parts * j.columns)
	{
		int64_t c = i % j.columns, part = i / j.columns % j.row_parts;
		int64_t matrix = i / j.columns / j.row_parts, r = part * PART_ROWS;
		int64_t end = r + PART_ROWS < j.rows ? r + PART_ROWS : j.rows;
		double sum = 0;
		for (; r < end; r++)
			sum += squared(j, (matrix * j.rows + r) * j.columns + c);
		j.columns_part[i] = sum;
	}
}

static __global__ void column_moments(struct adafactor j)
{
	__shared__ double share;
	if (j.step->found_inf)
		return;
	double b = share_of(j.step, &share);
	EACH(i, j.matrices * j.columns)
	{
		int64_t c = i % j.columns, matrix = i / j.columns;
		double sum = 0;
		for (int64_t part = 0; part < j.row_parts; part++)
			sum += j.columns_part[(matrix * j.row_parts + part) * j.columns + c];
		blend(&j.column[i], sum / (double)j.rows, b);
	}
}

static __global__ void row_means(struct adafactor j, unsigned width)
{
	if (j.step->found_inf)
		return;
	int64_t m = (int64_t)blockIdx.x * (THREADS / width) + threadIdx.x / width;
	double sum = 0;
	for (int64_t r = threadIdx.x % width; m < j.matrices && r < j.rows; r += width)
		sum += (double)j.row[m * j.rows + r];
	sum = group_sum(sum, width) / (double)j.rows;
	if (m < j.matrices && threadIdx.x % width == 0)
		j.mean[m] = sum > j.epsilon ? sum : j.epsilon;
}

static __global__ void whole_moment(struct adafactor j)
{
	__shared__ double share;
	if (j.step->found_inf)
		return;
	double b = share_of(j.step, &share);
	EACH(i, j.n)
	blend(&j.row[i], squared(j, i), b);
}

/* The update of an element. */
static __device__ inline float update_of(const struct adafactor &j, int64_t i)
{
	float v = j.row[i / j.columns], least = (float)(j.epsilon * j.epsilon);
	if (j.factored) {
		int64_t matrix = i / j.columns / j.rows;
		v = (float)(v / j.mean[matrix]) * j.column[matrix * j.columns + i % j.columns];
	}
	return j.g[i] * (j.step->inverse * j.step->clip) / sqrtf(v > least ? v : least);
}

static __global__ void square_parts(struct adafactor j)
{
	if (j.step->found_inf)
		return;
	int64_t begin = blockIdx.x * (int64_t)PART, end = begin + PART < j.n ? begin + PART : j.n;
	double pp = 0, uu = 0;
	for (int64_t i = begin + threadIdx.x; i < end; i += THREADS) {
		double u = (double)update_of(j, i);
		pp += (double)j.p[i] * (double)j.p[i];
		uu += u * u;
	}
	pp = block_sum(pp);
	uu = block_sum(uu);
	if (threadIdx.x == 0) {
		j.sums[2 * (int64_t)blockIdx.x] = pp;
		j.sums[2 * (int64_t)blockIdx.x + 1] = uu;
	}
}

static __global__ void find_size(struct adafactor j)
{
	if (j.step->found_inf)
		return;
	double pp = 0, uu = 0;
	for (int64_t i = threadIdx.x; i < j.parts; i += THREADS) {
		pp += j.sums[2 * i];
		uu += j.sums[2 * i + 1];
	}
	pp = block_sum(pp);
	uu = block_sum(uu);
	double rate = optimizer_rate(j.rates, j.n_rates, j.step->good_steps);
	if (threadIdx.x)
		return;
	j.size[0] = adafactor_step(rate, (double)j.step->good_steps + 1, pp, uu, j.n);
	j.size[1] = 1 - rate * j.decay;
}

static __global__ void apply_update(struct adafactor j)
{
	if (j.step->found_inf)
		return;
	float size = (float)j.size[0], shrink = (float)j.size[1];
	EACH(i, j.n)
	{
		float p = j.p[i] * shrink - size * update_of(j, i);
		j.p[i] = p;
		if (j.copy)
			store_as(j.type, j.copy, i, p);
	}
}

/* ---- the call ---- */

static bool supports(const struct op_call *call, const char **why)
{
	*why = "for float32";
	return call->in[2].t.dtype == DT_F32;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	struct adafactor *j = (struct adafactor *)mem_alloc(sizeof *j);
	const struct shape *shape = &call->in[2].t.shape;
	struct adafactor_form f = adafactor_form(shape);
	j->factored = f.factored;
	j->n = shape_elements(shape);
	j->n_rates = shape_elements(&call->in[1].t.shape);
	j->rows = f.factored ? f.rows : j->n;
	j->columns = f.factored ? f.columns : 1;
	j->matrices = f.factored ? f.matrices : 1;
	j->row_parts = f.factored ? (f.rows + PART_ROWS - 1) / PART_ROWS : 0;
	j->parts = (j->n + PART - 1) / PART;
	j->epsilon = node_double(call->node, "epsilon");
	if (j->epsilon == 0)
		j->epsilon = FLT_EPSILON;
	j->decay = node_double(call->node, "decay");
	if (call->n_out > 3)
		j->type = call->out[3].t.dtype;
	*workspace = (size_t)(j->matrices * (1 + j->row_parts * j->columns) + 2 * j->parts + 2) *
		     sizeof(double);
	*state = j;
	return OK;
}

/* Threads that share a row of n elements: a part of a warp or a block. */
static unsigned width_for(int64_t n)
{
	unsigned width = 1;
	while (width < n && width < WARP)
		width *= 2;
	return n > 4 * WARP ? THREADS : width;
}

static unsigned blocks_of_rows(int64_t n, unsigned width)
{
	int64_t a_block = THREADS / width;
	return (unsigned)((n + a_block - 1) / a_block);
}

static void factored(const struct adafactor *j, cudaStream_t handle)
{
	unsigned width = width_for(j->columns);
	LAUNCH(row_moments, blocks_of_rows(j->matrices * j->rows, width), THREADS, 0, handle, *j,
	       width);
	LAUNCH(column_parts, blocks_for(j->matrices * j->row_parts * j->columns), THREADS, 0,
	       handle, *j);
	LAUNCH(column_moments, blocks_for(j->matrices * j->columns), THREADS, 0, handle, *j);
	width = width_for(j->rows);
	LAUNCH(row_means, blocks_of_rows(j->matrices, width), THREADS, 0, handle, *j, width);
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	struct adafactor j = *(const struct adafactor *)state;
	cudaStream_t handle = work_handle(stream);
	if (!j.n)
		return OK;
	j.step = (const struct step_block *)io->in[0];
	j.rates = (const double *)io->in[1];
	j.g = (const float *)io->in[3];
	j.p = (float *)io->out[0];
	j.copy = j.type ? io->out[3] : NULL;
	j.row = (float *)io->out[1];
	j.column = (float *)(j.factored ? io->out[2] : NULL);
	j.mean = (double *)io->workspace;
	j.columns_part = j.mean + j.matrices;
	j.sums = j.columns_part + j.matrices * j.row_parts * j.columns;
	j.size = j.sums + 2 * j.parts;
	if (j.factored)
		factored(&j, handle);
	else
		LAUNCH(whole_moment, blocks_for(j.n), THREADS, 0, handle, j);
	LAUNCH(square_parts, (unsigned)j.parts, THREADS, 0, handle, j);
	LAUNCH(find_size, 1, THREADS, 0, handle, j);
	LAUNCH(apply_update, blocks_for(j.n), THREADS, 0, handle, j);
	return launched();
}

extern "C" const struct kernel cuda_kernel_adafactor = {
	.op = "Adafactor",
	.name = "CUDA",
	.rank = 0,
	.supports = supports,
	.propose = NULL,
	.create = create,
	.run = run,
	.destroy = free,
};
