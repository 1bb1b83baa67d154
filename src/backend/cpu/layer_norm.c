/*
 * layer_norm.c - LayerNormalization and LayerNormGrad over contiguous rows, in float32 whatever the
 * rows are stored in. The gradient sums over rows go by chunks of rows, whose number does not depend
 * on that of the threads; the chunks are added in order.
 */
#include "backend/layer_norm.h"
#include "backend/cpu/convert.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/simd.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define CHUNKS 64 /* of rows, at most */
#define CHUNK_ROWS 8
#define BLOCK 1024         /* elements that are summed in float32; blocks are added in double */
#define PARALLEL_MIN 16384 /* elements from which threads pay */

struct state {
	bool grad;
	int64_t outer, n; /* rows and their elements */
	int64_t chunk, chunks;
	int threads;
	double epsilon;
	uint32_t n_in, n_out;
	enum dtype in[5], out[3]; /* DT_NONE: absent */
};

/* ---- one row ---- */

SIMD_SUM static float block_sum(const float *x, int64_t n)
{
	float sum = 0;
	for (int64_t i = 0; i < n; i++)
		sum += x[i];
	return sum;
}

SIMD_SUM static float block_squares(const float *x, int64_t n, float mean)
{
	float sum = 0;
	for (int64_t i = 0; i < n; i++)
		sum += (x[i] - mean) * (x[i] - mean);
	return sum;
}

/* Sum of dy * scale, and in *with_xhat that of dy * scale * xhat, xhat = (x - mean) * rstd. */
SIMD_SUM static float block_products(const float *dy, const float *x, const float *scale, int64_t n,
				     float mean, float rstd, float *with_xhat)
{
	float sum = 0, sum_xhat = 0;
	for (int64_t i = 0; i < n; i++) {
		float d = dy[i] * scale[i];
		sum += d;
		sum_xhat += d * ((x[i] - mean) * rstd);
	}
	*with_xhat = sum_xhat;
	return sum;
}

/* dscale += dy * xhat, dbias += dy */
SIMD static void add_row(float *restrict dscale, float *restrict dbias, const float *restrict dy,
			 const float *restrict x, int64_t n, float mean, float rstd)
{
	for (int64_t i = 0; i < n; i++) {
		dscale[i] += dy[i] * ((x[i] - mean) * rstd);
		dbias[i] += dy[i];
	}
}

SIMD static void write_y(float *restrict y, const float *restrict x, const float *restrict scale,
			 const float *restrict bias, int64_t n, float mean, float rstd)
{
	for (int64_t i = 0; i < n; i++)
		y[i] = (x[i] - mean) * rstd * scale[i] + bias[i];
}

/* dx = rstd * (dy * scale - a - xhat * b) */
SIMD static void write_dx(float *restrict dx, const float *restrict dy, const float *restrict x,
			  const float *restrict scale, int64_t n, float mean, float rstd, float a,
			  float b)
{
	for (int64_t i = 0; i < n; i++)
		dx[i] = rstd * (dy[i] * scale[i] - a - (x[i] - mean) * rstd * b);
}

static void statistics(const float *x, int64_t n, double *mean, double *var)
{
	double sum = 0, squares = 0;
	for (int64_t i = 0; i < n; i += BLOCK)
		sum += block_sum(x + i, n - i < BLOCK ? n - i : BLOCK);
	*mean = sum / (double)n;
	for (int64_t i = 0; i < n; i += BLOCK)
		squares += block_squares(x + i, n - i < BLOCK ? n - i : BLOCK, (float)*mean);
	*var = squares / (double)n;
}

/* ---- memory: floats in the workspace ---- */

/* scale and bias, then of each chunk dscale and dbias, then of each thread three rows */
static float *scale_of(void *workspace)
{
	return workspace;
}

static float *sums_of(const struct state *s, void *workspace, int64_t chunk)
{
	return (float *)workspace + (2 + 2 * chunk) * s->n;
}

static float *rows_of(const struct state *s, void *workspace)
{
	return sums_of(s, workspace, s->grad ? s->chunks : 0) + 3 * omp_get_thread_num() * s->n;
}

static float get(enum dtype dtype, const void *v, int64_t i)
{
	float f;
	convert_load(dtype, v, i, 1, &f);
	return f;
}

static void put(enum dtype dtype, void *v, int64_t i, double x)
{
	float f = (float)x;
	convert_store(dtype, &f, i, 1, v);
}

/* ---- forward ---- */

static void forward(const struct state *s, const struct kernel_io *io)
{
	float *scale = scale_of(io->workspace), *bias = scale + s->n;
	int64_t n = s->n;
	convert_load(s->in[1], io->in[1], 0, n, scale);
	if (s->n_in > 2 && s->in[2])
		convert_load(s->in[2], io->in[2], 0, n, bias);
	else
		memset(bias, 0, (size_t)n * sizeof *bias);
#pragma omp parallel for schedule(static) num_threads(s->threads) if (s->outer * n > PARALLEL_MIN)
	for (int64_t o = 0; o < s->outer; o++) {
		float *scratch = rows_of(s, io->workspace);
		const float *x = convert_view(s->in[0], io->in[0], o * n, n, scratch);
		double mean, var;
		statistics(x, n, &mean, &var);
		double rstd = 1 / sqrt(var + s->epsilon);
		if (s->out[0]) {
			float *y = convert_target(s->in[0], io->out[0], o * n, scratch + n);
			write_y(y, x, scale, bias, n, (float)mean, (float)rstd);
			convert_commit(s->in[0], y, o * n, n, io->out[0]);
		}
		if (s->n_out > 1 && s->out[1])
			put(s->out[1], io->out[1], o, mean);
		if (s->n_out > 2 && s->out[2])
			put(s->out[2], io->out[2], o, rstd);
	}
}

/* ---- backward ---- */

/* dx = rstd * (d - mean of d - xhat * mean of (d * xhat)), d = dy * scale, for one row */
static void backward_row(const struct state *s, const struct kernel_io *io, int64_t o, bool sums,
			 float *dscale)
{
	float *scratch = rows_of(s, io->workspace);
	const float *scale = scale_of(io->workspace);
	int64_t n = s->n;
	const float *dy = convert_view(s->in[0], io->in[0], o * n, n, scratch);
	const float *x = convert_view(s->in[0], io->in[1], o * n, n, scratch + n);
	float mean = get(s->in[3], io->in[3], o), rstd = get(s->in[4], io->in[4], o);
	if (sums)
		add_row(dscale, dscale + n, dy, x, n, mean, rstd);
	if (!s->out[0])
		return;
	double sum = 0, sum_xhat = 0;
	for (int64_t i = 0; i < n; i += BLOCK) {
		float part;
		sum += block_products(dy + i, x + i, scale + i, n - i < BLOCK ? n - i : BLOCK, mean,
				      rstd, &part);
		sum_xhat += part;
	}
	float *dx = convert_target(s->in[0], io->out[0], o * n, scratch + 2 * n);
	write_dx(dx, dy, x, scale, n, mean, rstd, (float)(sum / (double)n),
		 (float)(sum_xhat / (double)n));
	convert_commit(s->in[0], dx, o * n, n, io->out[0]);
}

static void backward(const struct state *s, const struct kernel_io *io)
{
	bool sums[] = { s->n_out > 1 && s->out[1], s->n_out > 2 && s->out[2] };
	convert_load(s->in[2], io->in[2], 0, s->n, scale_of(io->workspace));
#pragma omp parallel for schedule(static)                                                          \
	num_threads(s->threads) if (s->outer * s->n > PARALLEL_MIN)
	for (int64_t i = 0; i < s->chunks; i++) {
		float *dscale = sums_of(s, io->workspace, i);
		int64_t first = i * s->chunk;
		int64_t last = first + s->chunk < s->outer ? first + s->chunk : s->outer;
		memset(dscale, 0, 2 * (size_t)s->n * sizeof *dscale);
		for (int64_t o = first; o < last; o++)
			backward_row(s, io, o, sums[0] || sums[1], dscale);
	}
	for (int k = 0; k < 2; k++)
		for (int64_t j = 0; sums[k] && j < s->n; j++) {
			double sum = 0;
			for (int64_t i = 0; i < s->chunks; i++)
				sum += sums_of(s, io->workspace, i)[k * s->n + j];
			put(s->out[1 + k], io->out[1 + k], j, sum);
		}
}

/* ---- the kernels ---- */

static bool supports(const struct op_call *call, const char **why)
{
	return layer_norm_supports(call, convert_supports, "for float32, float16 and bfloat16",
				   why);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)err;
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .grad = layer_norm_is_grad(call),
			     .n = layer_norm_row(call),
			     .threads = device->threads,
			     .n_in = call->n_in,
			     .n_out = call->n_out };
	for (uint32_t k = 0; k < call->n_in; k++)
		s->in[k] = call->in[k].t.dtype;
	for (uint32_t k = 0; k < call->n_out; k++)
		s->out[k] = call->out[k].t.dtype;
	if (!s->grad)
		s->epsilon = node_float(call->node, "epsilon");
	s->outer = shape_elements(&call->in[0].t.shape) / s->n;
	s->chunk = (s->outer + CHUNKS - 1) / CHUNKS;
	if (s->chunk < CHUNK_ROWS)
		s->chunk = CHUNK_ROWS;
	s->chunks = (s->outer + s->chunk - 1) / s->chunk;
	int64_t vectors = 2 + (s->grad ? 2 * s->chunks : 0) + 3 * s->threads;
	*workspace = (size_t)(vectors * s->n) * sizeof(float);
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	if (s->grad)
		backward(s, io);
	else
		forward(s, io);
	return OK;
}

const struct kernel kernel_layer_normalization = {
	.op = "LayerNormalization",
	.name = "layer normalization by rows",
	.supports = supports,
	.create = create,
	.run = run,
	.destroy = free,
};

const struct kernel kernel_layer_norm_grad = {
	.op = "LayerNormGrad",
	.name = "layer normalization by rows, backward",
	.supports = supports,
	.create = create,
	.run = run,
	.destroy = free,
};
