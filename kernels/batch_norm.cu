/*
 * batch_norm.cu - BatchNormalization, BatchNormTrain and BatchNormGrad over channels in any layout
 * (sums.h):
 *
 *  1. Each part of a channel gives its mean and sum of squares about it, or the sums of the gradient.
 *  2. What the parts of a channel give is brought together, in double, into the statistics and the
 *     factors of step 3.
 *  3. The result is written.
 *
 * Squares about the part's own mean lose nothing where the mean is large.
 */
#include "kernels/sums.h"

#include <stdlib.h>
#include <string.h>

enum kind { INFERENCE, TRAIN, GRAD };

struct batch_norm {
	enum kind kind;
	float epsilon, momentum;
	uint32_t n_out;
	enum dtype in[5], out[5]; /* DT_NONE: absent */
	struct columns channels;
};

/* Operands 1 to 4 of either kind, and what is written for each channel. */
struct vectors {
	const void *in[5];
	void *out[5];
	double *parts;
	float *mean, *a, *b, *c; /* factors of step 3 */
};

/* Whether this thread is the one that writes what is per channel. */
static __device__ inline bool is_writer(const struct columns &c, const struct column &t)
{
	return threadIdx.x < (unsigned)c.width && t.j < c.n;
}

static __device__ inline void put(const struct batch_norm &s, const struct vectors &v, int k,
				  int64_t j, double x)
{
	if (v.out[k])
		store_as(s.out[k], v.out[k], j, (float)x);
}

/* ---- statistics ---- */

template <class T>
static __global__ void part_statistics(const T *x, double *parts, struct batch_norm s)
{
	struct columns c = s.channels;
	struct column t = column_of(c, blockIdx.y);
	double sum[1], squares[1];
	thread_sums(sum, t.begin, t.end, t.step, [=](int64_t i, float *piece) {
		piece[0] += load(x, column_offset(c, t.j, i));
	});
	double mean = column_sum(c, sum[0]) / (double)column_part_size(c, blockIdx.y);
	float centre = (float)mean;
	thread_sums(squares, t.begin, t.end, t.step, [=](int64_t i, float *piece) {
		float d = load(x, column_offset(c, t.j, i)) - centre;
		piece[0] += d * d;
	});
	double all = column_sum(c, squares[0]);
	if (is_writer(c, t)) {
		parts[column_part(c, blockIdx.y, 0, t.j)] = mean;
		parts[column_part(c, blockIdx.y, 1, t.j)] = all;
	}
}

/* running = running * momentum + batch * (1 - momentum), if it was a batch of finite numbers */
static __device__ void update(const struct batch_norm &s, const struct vectors &v, int64_t j,
			      double mean, double var)
{
	bool finite = isfinite(mean) && isfinite(var);
	for (int k = 0; k < 2; k++) {
		if (!v.out[1 + k])
			continue;
		double running = load_as(s.in[3 + k], v.in[3 + k], j), batch = k ? var : mean;
		if (finite)
			running = running * s.momentum + batch * (1 - (double)s.momentum);
		put(s, v, 1 + k, j, running);
	}
}

/* The factors of y = (x - mean) * a + b. */
static __device__ void set_factors(const struct batch_norm &s, const struct vectors &v, int64_t j,
				   double mean, double rstd)
{
	v.mean[j] = (float)mean;
	v.a[j] = (float)(rstd * load_as(s.in[1], v.in[1], j));
	v.b[j] = load_as(s.in[2], v.in[2], j);
}

static __global__ void end_statistics(struct batch_norm s, struct vectors v)
{
	struct columns c = s.channels;
	struct column t = column_of(c, 0);
	double n = (double)c.rows;
	double mean = column_parts_sum(c,
				       [=](int64_t p) {
					       return v.parts[column_part(c, p, 0, t.j)] *
						      (double)column_part_size(c, p);
				       }) /
		      n;
	double var = column_parts_sum(c,
				      [=](int64_t p) {
					      double d = v.parts[column_part(c, p, 0, t.j)] - mean;
					      return v.parts[column_part(c, p, 1, t.j)] +
						     d * d * (double)column_part_size(c, p);
				      }) /
		     n;
	if (!is_writer(c, t))
		return;
	double rstd = 1 / sqrt(var + s.epsilon);
	set_factors(s, v, t.j, mean, rstd);
	update(s, v, t.j, mean, var);
	put(s, v, 3, t.j, mean);
	put(s, v, 4, t.j, rstd);
}

/* The statistics of the model. */
static __global__ void given_statistics(struct batch_norm s, struct vectors v)
{
	EACH(j, s.channels.n)
	set_factors(s, v, j, load_as(s.in[3], v.in[3], j),
		    1 / sqrt((double)load_as(s.in[4], v.in[4], j) + s.epsilon));
}

template <class T>
static __global__ void normalize(const T *x, T *y, struct batch_norm s, struct vectors v)
{
	struct columns c = s.channels;
	struct column t = column_of(c, blockIdx.y);
	if (t.begin >= t.end)
		return;
	float mean = v.mean[t.j], a = v.a[t.j], b = v.b[t.j];
	for (int64_t i = t.begin; i < t.end; i += t.step) {
		int64_t at = column_offset(c, t.j, i);
		store(y, at, (load(x, at) - mean) * a + b);
	}
}

/* ---- the gradient ---- */

/* Parts of the sums of dy and dy * (x - mean). */
template <class T>
static __global__ void part_products(const T *dy, const T *x, struct batch_norm s, struct vectors v)
{
	struct columns c = s.channels;
	struct column t = column_of(c, blockIdx.y);
	float mean = t.j < c.n ? load_as(s.in[3], v.in[3], t.j) : 0;
	double sum[2];
	thread_sums(sum, t.begin, t.end, t.step, [=](int64_t i, float *piece) {
		int64_t at = column_offset(c, t.j, i);
		float g = load(dy, at);
		piece[0] += g;
		piece[1] += g * (load(x, at) - mean);
	});
	for (int k = 0; k < 2; k++) {
		double all = column_sum(c, sum[k]);
		if (is_writer(c, t))
			v.parts[column_part(c, blockIdx.y, k, t.j)] = all;
	}
}

/*
 * dB = sum of dy, dscale = sum of dy (x - mean) rstd and
 * dx = scale rstd (dy - (dB + (x - mean) rstd dscale) / rows) as factors: dy a + (x - mean) b + c
 */
static __global__ void end_products(struct batch_norm s, struct vectors v)
{
	struct columns c = s.channels;
	struct column t = column_of(c, 0);
	double sum[2];
	for (int k = 0; k < 2; k++)
		sum[k] = column_parts_sum(c, [=](int64_t p) {
			return v.parts[column_part(c, p, k, t.j)];
		});
	if (!is_writer(c, t))
		return;
	double rstd = load_as(s.in[4], v.in[4], t.j), dbias = sum[0], dscale = sum[1] * rstd;
	double slope = load_as(s.in[2], v.in[2], t.j) * rstd;
	put(s, v, 1, t.j, dscale);
	put(s, v, 2, t.j, dbias);
	v.mean[t.j] = load_as(s.in[3], v.in[3], t.j);
	v.a[t.j] = (float)slope;
	v.b[t.j] = (float)(-slope * rstd * dscale / (double)c.rows);
	v.c[t.j] = (float)(-slope * dbias / (double)c.rows);
}

template <class T>
static __global__ void input_gradient(const T *dy, const T *x, T *dx, struct batch_norm s,
				      struct vectors v)
{
	struct columns n = s.channels;
	struct column t = column_of(n, blockIdx.y);
	if (t.begin >= t.end)
		return;
	float mean = v.mean[t.j], a = v.a[t.j], b = v.b[t.j], c = v.c[t.j];
	for (int64_t i = t.begin; i < t.end; i += t.step) {
		int64_t at = column_offset(n, t.j, i);
		store(dx, at, load(dy, at) * a + (load(x, at) - mean) * b + c);
	}
}

/* ---- the call ---- */

static enum kind kind(const struct op_call *call)
{
	if (!strcmp(call->def->name, "BatchNormGrad"))
		return GRAD;
	if (!strcmp(call->def->name, "BatchNormTrain"))
		return TRAIN;
	return node_int(call->node, "training_mode") ? TRAIN : INFERENCE;
}

static const struct op_operand *input(const struct op_call *call)
{
	return &call->in[kind(call) == GRAD];
}

/* The channels of x; false when there are too many elements. */
static bool read_channels(const struct op_operand *x, struct columns *out)
{
	int64_t elements = shape_elements(&x->t.shape), n = x->t.shape.dim[1];
	if (!elements || elements / n >= INT32_MAX)
		return false;
	bool plain = layout_same_bytes(&x->t.shape, x->layout, LAYOUT_PLAIN);
	*out = columns_of(n, elements / n, plain ? elements / n / x->t.shape.dim[0] : 1);
	return true;
}

static bool supports(const struct op_call *call, const char **why)
{
	const struct op_operand *x = input(call);
	struct columns unused;
	for (uint32_t k = 0; k < call->n_in + call->n_out; k++) {
		const struct op_operand *o = k < call->n_in ? &call->in[k]
							    : &call->out[k - call->n_in];
		*why = "for f32, f16 and bf16";
		if (o->t.dtype && !float_type(o->t.dtype))
			return false;
		*why = "operands differ in layout";
		if (o->t.dtype && o->t.shape.rank > 1 &&
		    !layout_same_bytes(&x->t.shape, x->layout, o->layout))
			return false;
	}
	*why = "a tensor without elements, or too many in a channel";
	return read_channels(x, &unused);
}

/* Channels-last if an activation is. */
static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	bool grad = kind(call) == GRAD;
	enum layout layout = call->in[0].layout;
	if (grad && call->in[1].layout == LAYOUT_LAST)
		layout = LAYOUT_LAST;
	in[0] = out[0] = layout;
	if (grad)
		in[1] = layout;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	struct batch_norm *s = (struct batch_norm *)mem_alloc(sizeof *s);
	s->kind = kind(call);
	s->n_out = call->n_out;
	for (uint32_t k = 0; k < call->n_in; k++)
		s->in[k] = call->in[k].t.dtype;
	for (uint32_t k = 0; k < call->n_out; k++)
		s->out[k] = call->out[k].t.dtype;
	if (s->kind != GRAD)
		s->epsilon = node_float(call->node, "epsilon");
	if (s->kind == TRAIN)
		s->momentum = node_float(call->node, "momentum");
	read_channels(input(call), &s->channels);
	*workspace = column_bytes(&s->channels) + 4 * (size_t)s->channels.n * sizeof(float);
	*state = s;
	return OK;
}

static struct vectors vectors(const struct batch_norm *s, const struct kernel_io *io)
{
	struct vectors v = { { NULL }, { NULL }, NULL, NULL, NULL, NULL, NULL };
	int64_t n = s->channels.n;
	for (uint32_t k = 0; k < 5; k++) {
		v.in[k] = io->in[k];
		v.out[k] = k < s->n_out && s->out[k] ? io->out[k] : NULL;
	}
	v.parts = (double *)io->workspace;
	v.mean = (float *)((char *)io->workspace + column_bytes(&s->channels));
	v.a = v.mean + n;
	v.b = v.a + n;
	v.c = v.b + n;
	return v;
}

template <class T>
static void run_forward(const struct batch_norm *s, const struct vectors *v, cudaStream_t stream)
{
	dim3 all = columns_grid(&s->channels, s->channels.parts);
	const T *x = (const T *)v->in[0];
	if (s->kind == INFERENCE) {
		LAUNCH(given_statistics, blocks_for(s->channels.n), THREADS, 0, stream, *s, *v);
	} else {
		LAUNCH((part_statistics<T>), all, THREADS, 0, stream, x, v->parts, *s);
		LAUNCH(end_statistics, columns_grid(&s->channels, 1), THREADS, 0, stream, *s, *v);
	}
	if (v->out[0])
		LAUNCH((normalize<T>), all, THREADS, 0, stream, x, (T *)v->out[0], *s, *v);
}

template <class T>
static void run_backward(const struct batch_norm *s, const struct vectors *v, cudaStream_t stream)
{
	dim3 all = columns_grid(&s->channels, s->channels.parts);
	const T *dy = (const T *)v->in[0], *x = (const T *)v->in[1];
	LAUNCH((part_products<T>), all, THREADS, 0, stream, dy, x, *s, *v);
	LAUNCH(end_products, columns_grid(&s->channels, 1), THREADS, 0, stream, *s, *v);
	if (v->out[0])
		LAUNCH((input_gradient<T>), all, THREADS, 0, stream, dy, x, (T *)v->out[0], *s, *v);
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct batch_norm *s = (const struct batch_norm *)state;
	struct vectors v = vectors(s, io);
	cudaStream_t handle = work_handle(stream);
	FOR_FLOAT(s->in[0], T, if (s->kind == GRAD) run_backward<T>(s, &v, handle);
		  else run_forward<T>(s, &v, handle));
	return launched();
}

#define BATCH_NORM(operator)                                                                       \
	{                                                                                          \
		.op = operator, .name = "CUDA", .rank = 0, .supports = supports,                   \
		.propose = propose, .create = create, .run = run, .destroy = free                  \
	}

extern "C" const struct kernel cuda_kernel_batch_normalization = BATCH_NORM("BatchNormalization");
extern "C" const struct kernel cuda_kernel_batch_norm_train = BATCH_NORM("BatchNormTrain");
extern "C" const struct kernel cuda_kernel_batch_norm_grad = BATCH_NORM("BatchNormGrad");
