/*
 * batch_norm.c - BatchNormalization, BatchNormTrain and BatchNormGrad with the channels innermost:
 * channels-last, or rank 2. What is per channel is a row of the tensor:
 *
 *  1. The tensor is cut into chunks of whole rows that fit the second-level cache; each gives its
 *     own sums. How many there are does not depend on the number of threads, so sums do not either.
 *  2. The sums of the chunks are combined in double.
 *  3. A second pass writes the result.
 *
 * Few channels make short inner loops; therefore a row is `period` elements: as many times the
 * channels as give at least PERIOD_MIN. Variances are sums of squares about the chunk's mean, so
 * nothing is lost where the mean is large.
 */
#include "backend/cpu/convert.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/simd.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define PERIOD_MIN 64
#define CHUNK 16384 /* elements, at least; and at least CHUNK_ROWS rows */
#define CHUNK_ROWS 32
#define PARALLEL_MIN 32768 /* elements from which threads pay */

enum kind { INFERENCE, TRAIN, GRAD };

struct state {
	enum kind kind;
	int64_t n, channels; /* elements of x; elements of a vector */
	int64_t period, chunk, chunks;
	int threads;
	float epsilon, momentum;
	uint32_t n_out;
	enum dtype in[5], out[5]; /* DT_NONE: absent */
};

/* ---- the passes over one chunk: n elements, vectors of `period` ---- */

/* sum[j] += x */
SIMD static void add(float *restrict sum, const float *restrict x, int64_t n, int64_t period)
{
	for (int64_t i = 0; i < n; i += period)
		for (int64_t j = 0, end = n - i < period ? n - i : period; j < end; j++)
			sum[j] += x[i + j];
}

/* sum[j] += x - mean, squares[j] += (x - mean)^2 */
SIMD static void add_deviations(float *restrict sum, float *restrict squares,
				const float *restrict x, const float *restrict mean, int64_t n,
				int64_t period)
{
	for (int64_t i = 0; i < n; i += period)
		for (int64_t j = 0, end = n - i < period ? n - i : period; j < end; j++) {
			float d = x[i + j] - mean[j];
			sum[j] += d;
			squares[j] += d * d;
		}
}

/* sum[j] += dy, products[j] += dy * (x - mean) */
SIMD static void add_products(float *restrict sum, float *restrict products,
			      const float *restrict dy, const float *restrict x,
			      const float *restrict mean, int64_t n, int64_t period)
{
	for (int64_t i = 0; i < n; i += period)
		for (int64_t j = 0, end = n - i < period ? n - i : period; j < end; j++) {
			sum[j] += dy[i + j];
			products[j] += dy[i + j] * (x[i + j] - mean[j]);
		}
}

/* y = (x - mean) * a + b */
SIMD static void write_y(float *restrict y, const float *restrict x, const float *restrict mean,
			 const float *restrict a, const float *restrict b, int64_t n,
			 int64_t period)
{
	for (int64_t i = 0; i < n; i += period)
		for (int64_t j = 0, end = n - i < period ? n - i : period; j < end; j++)
			y[i + j] = (x[i + j] - mean[j]) * a[j] + b[j];
}

/* dx = dy * a + (x - mean) * b + c */
SIMD static void write_dx(float *restrict dx, const float *restrict dy, const float *restrict x,
			  const float *restrict mean, const float *restrict a,
			  const float *restrict b, const float *restrict c, int64_t n,
			  int64_t period)
{
	for (int64_t i = 0; i < n; i += period)
		for (int64_t j = 0, end = n - i < period ? n - i : period; j < end; j++)
			dx[i + j] = dy[i + j] * a[j] + (x[i + j] - mean[j]) * b[j] + c[j];
}

/* ---- memory ---- */

/* Vectors of `period` that all threads read. */
enum vector { MEAN, RSTD, SCALE, A, B, C, VECTORS };

/* Where things are in the workspace, all floats. */
struct memory {
	float *vectors;  /* [VECTORS][period] */
	float *partials; /* [chunks][2][channels]: mean and squares, or sums and products */
	float *scratch;  /* per thread: x, dy and the result of a chunk if half, 2 vectors */
};

static int64_t scratch_size(const struct state *s)
{
	return 3 * (s->in[0] == DT_F32 ? 0 : s->chunk) + 3 * s->period;
}

static struct memory memory(const struct state *s, void *workspace)
{
	float *vectors = workspace, *partials = vectors + VECTORS * s->period;
	return (struct memory){ vectors, partials, partials + s->chunks * 2 * s->channels };
}

static float *vector(const struct state *s, const struct memory *m, enum vector v)
{
	return m->vectors + v * s->period;
}

/* Repeats the first `channels` elements over the period. */
static void repeat(const struct state *s, float *v)
{
	for (int64_t j = s->channels; j < s->period; j++)
		v[j] = v[j - s->channels];
}

/* Adds up what stands for the same channel. */
static void fold(const struct state *s, const float *v, float *out)
{
	for (int64_t c = 0; c < s->channels; c++) {
		float sum = v[c];
		for (int64_t j = c + s->channels; j < s->period; j += s->channels)
			sum += v[j];
		out[c] = sum;
	}
}

/* ---- chunks ---- */

/* One chunk as a thread sees it. */
struct chunk {
	int64_t first, n;
	const float *x, *dy;
	float *out;
	float *spare; /* three vectors */
};

static struct chunk chunk(const struct state *s, const struct memory *m, const struct kernel_io *io,
			  int64_t i)
{
	enum dtype dtype = s->in[0];
	float *scratch = m->scratch + omp_get_thread_num() * scratch_size(s);
	struct chunk c = { .first = i * s->chunk, .spare = scratch };
	c.n = s->n - c.first < s->chunk ? s->n - c.first : s->chunk;
	scratch += 3 * s->period;
	c.x = convert_view(dtype, io->in[s->kind == GRAD], c.first, c.n, scratch);
	if (s->kind == GRAD)
		c.dy = convert_view(dtype, io->in[0], c.first, c.n, scratch + s->chunk);
	if (s->out[0])
		c.out = convert_target(dtype, io->out[0], c.first, scratch + 2 * s->chunk);
	return c;
}

static void commit(const struct state *s, const struct kernel_io *io, const struct chunk *c)
{
	convert_commit(s->in[0], c->out, c->first, c->n, io->out[0]);
}

#define PARALLEL_CHUNKS                                                                            \
	_Pragma("omp parallel for schedule(static) num_threads(s->threads) if (s->n > PARALLEL_MIN)")

/* ---- statistics ---- */

/* partials: mean and sum of squared deviations of each chunk */
static void partial_statistics(const struct state *s, const struct memory *m,
			       const struct kernel_io *io)
{
	PARALLEL_CHUNKS
	for (int64_t i = 0; i < s->chunks; i++) {
		struct chunk c = chunk(s, m, io, i);
		float *mean = c.spare, *sum = mean + s->period, *squares = sum + s->period;
		float *out = m->partials + i * 2 * s->channels;
		float rows = (float)(c.n / s->channels);
		memset(sum, 0, (size_t)s->period * sizeof *sum);
		add(sum, c.x, c.n, s->period);
		fold(s, sum, mean);
		for (int64_t j = 0; j < s->channels; j++)
			mean[j] /= rows;
		repeat(s, mean);
		memset(sum, 0, 2 * (size_t)s->period * sizeof *sum);
		add_deviations(sum, squares, c.x, mean, c.n, s->period);
		fold(s, sum, sum);
		fold(s, squares, squares);
		/* the sum of deviations is what rounding left of the mean */
		for (int64_t j = 0; j < s->channels; j++) {
			out[j] = mean[j] + sum[j] / rows;
			out[s->channels + j] = squares[j] - sum[j] * sum[j] / rows;
		}
	}
}

/* Mean and variance of channel j from those of the chunks. */
static void combine(const struct state *s, const struct memory *m, int64_t j, double *mean,
		    double *var)
{
	double rows = (double)(s->n / s->channels), sum = 0, squares = 0;
	double full = (double)(s->chunk / s->channels);
	double last = rows - full * (double)(s->chunks - 1);
	const float *p = m->partials + j;
	for (int64_t i = 0; i < s->chunks; i++)
		sum += p[i * 2 * s->channels] * (i + 1 < s->chunks ? full : last);
	*mean = sum / rows;
	for (int64_t i = 0; i < s->chunks; i++) {
		double d = p[i * 2 * s->channels] - *mean;
		squares += p[(i * 2 + 1) * s->channels];
		squares += d * d * (i + 1 < s->chunks ? full : last);
	}
	*var = squares > 0 || isnan(squares) ? squares / rows : 0;
}

/* Element j of vectors that may be half. */
static float get(enum dtype dtype, const void *v, int64_t j)
{
	float f;
	convert_load(dtype, v, j, 1, &f);
	return f;
}

static void put(enum dtype dtype, void *v, int64_t j, double x)
{
	float f = (float)x;
	convert_store(dtype, &f, j, 1, v);
}

/* running = running * momentum + batch * (1 - momentum), if it was a batch of finite numbers */
static void update(const struct state *s, const struct kernel_io *io, int64_t j,
		   const double batch[2])
{
	bool finite = isfinite(batch[0]) && isfinite(batch[1]);
	for (uint32_t k = 0; k < 2; k++) {
		if (k + 1 >= s->n_out || !s->out[k + 1])
			continue;
		double running = get(s->in[3 + k], io->in[3 + k], j);
		if (finite)
			running = running * s->momentum + batch[k] * (1 - (double)s->momentum);
		put(s->out[k + 1], io->out[k + 1], j, running);
	}
}

/* Fills MEAN, A and B for write_y. */
static void prepare_y(const struct state *s, const struct memory *m, const struct kernel_io *io)
{
	float *mean = vector(s, m, MEAN), *a = vector(s, m, A), *b = vector(s, m, B);
	for (int64_t j = 0; j < s->channels; j++) {
		double batch[2];
		if (s->kind == TRAIN) {
			combine(s, m, j, &batch[0], &batch[1]);
			update(s, io, j, batch);
		} else {
			batch[0] = get(s->in[3], io->in[3], j);
			batch[1] = get(s->in[4], io->in[4], j);
		}
		double rstd = 1 / sqrt(batch[1] + s->epsilon);
		if (s->n_out > 3 && s->out[3])
			put(s->out[3], io->out[3], j, batch[0]);
		if (s->n_out > 4 && s->out[4])
			put(s->out[4], io->out[4], j, rstd);
		mean[j] = (float)batch[0];
		a[j] = (float)(rstd * get(s->in[1], io->in[1], j));
		b[j] = get(s->in[2], io->in[2], j);
	}
	repeat(s, mean);
	repeat(s, a);
	repeat(s, b);
}

static void forward(const struct state *s, const struct memory *m, const struct kernel_io *io)
{
	if (s->kind == TRAIN)
		partial_statistics(s, m, io);
	prepare_y(s, m, io);
	if (!s->out[0])
		return;
	PARALLEL_CHUNKS
	for (int64_t i = 0; i < s->chunks; i++) {
		struct chunk c = chunk(s, m, io, i);
		write_y(c.out, c.x, vector(s, m, MEAN), vector(s, m, A), vector(s, m, B), c.n,
			s->period);
		commit(s, io, &c);
	}
}

/* ---- the gradient ---- */

static void partial_products(const struct state *s, const struct memory *m,
			     const struct kernel_io *io)
{
	PARALLEL_CHUNKS
	for (int64_t i = 0; i < s->chunks; i++) {
		struct chunk c = chunk(s, m, io, i);
		float *sum = c.spare, *products = sum + s->period;
		float *out = m->partials + i * 2 * s->channels;
		memset(sum, 0, 2 * (size_t)s->period * sizeof *sum);
		add_products(sum, products, c.dy, c.x, vector(s, m, MEAN), c.n, s->period);
		fold(s, sum, out);
		fold(s, products, out + s->channels);
	}
}

/*
 * dB = sum of dy, dscale = sum of dy (x - mean) rstd and
 * dx = scale rstd (dy - (dB + (x - mean) rstd dscale) / rows) as vectors A, B, C for write_dx
 */
static void prepare_dx(const struct state *s, const struct memory *m, const struct kernel_io *io)
{
	float *a = vector(s, m, A), *b = vector(s, m, B), *c = vector(s, m, C);
	double rows = (double)(s->n / s->channels);
	for (int64_t j = 0; j < s->channels; j++) {
		const float *p = m->partials + j;
		double rstd = vector(s, m, RSTD)[j], dbias = 0, dscale = 0;
		for (int64_t i = 0; i < s->chunks; i++) {
			dbias += p[i * 2 * s->channels];
			dscale += p[(i * 2 + 1) * s->channels];
		}
		dscale *= rstd;
		if (s->n_out > 1 && s->out[1])
			put(s->out[1], io->out[1], j, dscale);
		if (s->n_out > 2 && s->out[2])
			put(s->out[2], io->out[2], j, dbias);
		double slope = vector(s, m, SCALE)[j] * rstd;
		a[j] = (float)slope;
		b[j] = (float)(-slope * rstd * dscale / rows);
		c[j] = (float)(-slope * dbias / rows);
	}
	repeat(s, a);
	repeat(s, b);
	repeat(s, c);
}

static void backward(const struct state *s, const struct memory *m, const struct kernel_io *io)
{
	convert_load(s->in[2], io->in[2], 0, s->channels, vector(s, m, SCALE));
	convert_load(s->in[3], io->in[3], 0, s->channels, vector(s, m, MEAN));
	convert_load(s->in[4], io->in[4], 0, s->channels, vector(s, m, RSTD));
	repeat(s, vector(s, m, MEAN));
	partial_products(s, m, io);
	prepare_dx(s, m, io);
	if (!s->out[0])
		return;
	PARALLEL_CHUNKS
	for (int64_t i = 0; i < s->chunks; i++) {
		struct chunk c = chunk(s, m, io, i);
		write_dx(c.out, c.dy, c.x, vector(s, m, MEAN), vector(s, m, A), vector(s, m, B),
			 vector(s, m, C), c.n, s->period);
		commit(s, io, &c);
	}
}

/* ---- the kernels ---- */

static enum kind kind(const struct op_call *call)
{
	return !strcmp(call->def->name, "BatchNormGrad")    ? GRAD
	       : !strcmp(call->def->name, "BatchNormTrain") ? TRAIN
							    : INFERENCE;
}

static bool channels_last(const struct op_operand *o)
{
	return layout_same_bytes(&o->t.shape, o->layout, LAYOUT_LAST);
}

static bool supports(const struct op_call *call, const char **why)
{
	enum kind what = kind(call);
	const struct op_operand *x = &call->in[what == GRAD];
	for (uint32_t k = 0; k < call->n_in + call->n_out; k++) {
		const struct op_operand *o = k < call->n_in ? &call->in[k]
							    : &call->out[k - call->n_in];
		if (o->t.dtype && !convert_supports(o->t.dtype)) {
			*why = "for float32, float16 and bfloat16";
			return false;
		}
	}
	*why = "for channels-last activations";
	if (!channels_last(x) || (what == GRAD && !channels_last(&call->in[0])) ||
	    (call->out[0].t.dtype && !channels_last(&call->out[0])))
		return false;
	*why = "statistics of the batch: BatchNormTrain does that";
	if (what == INFERENCE && node_int(call->node, "training_mode"))
		return false;
	*why = "a tensor without elements";
	return shape_elements(&x->t.shape) > 0;
}

static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	in[0] = out[0] = LAYOUT_LAST;
	if (kind(call) == GRAD)
		in[1] = LAYOUT_LAST;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)err;
	struct state *s = mem_alloc(sizeof *s);
	const struct shape *x = &call->in[kind(call) == GRAD].t.shape;
	*s = (struct state){ .kind = kind(call),
			     .n = shape_elements(x),
			     .channels = x->dim[1],
			     .threads = device->threads,
			     .n_out = call->n_out };
	for (uint32_t k = 0; k < call->n_in; k++)
		s->in[k] = call->in[k].t.dtype;
	for (uint32_t k = 0; k < call->n_out; k++)
		s->out[k] = call->out[k].t.dtype;
	if (s->kind != GRAD)
		s->epsilon = node_float(call->node, "epsilon");
	if (s->kind == TRAIN)
		s->momentum = node_float(call->node, "momentum");
	s->period = (PERIOD_MIN + s->channels - 1) / s->channels * s->channels;
	s->chunk = s->period;
	while (s->chunk < CHUNK || s->chunk < CHUNK_ROWS * s->channels)
		s->chunk += s->period;
	s->chunks = (s->n + s->chunk - 1) / s->chunk;
	*workspace = (size_t)(VECTORS * s->period + s->chunks * 2 * s->channels +
			      s->threads * scratch_size(s)) *
		     sizeof(float);
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct memory m = memory(s, io->workspace);
	if (s->kind == GRAD)
		backward(s, &m, io);
	else
		forward(s, &m, io);
	return OK;
}

const struct kernel kernel_batch_normalization = {
	.op = "BatchNormalization",
	.name = "channels-last batch normalization",
	.supports = supports,
	.propose = propose,
	.create = create,
	.run = run,
	.destroy = free,
};

const struct kernel kernel_batch_norm_train = {
	.op = "BatchNormTrain",
	.name = "channels-last batch normalization",
	.supports = supports,
	.propose = propose,
	.create = create,
	.run = run,
	.destroy = free,
};

const struct kernel kernel_batch_norm_grad = {
	.op = "BatchNormGrad",
	.name = "channels-last batch normalization, backward",
	.supports = supports,
	.propose = propose,
	.create = create,
	.run = run,
	.destroy = free,
};
