/*
 * softmax.cu - Softmax, LogSoftmax and their gradients along any axis (see axis.h), MaskedSoftmax. A team passes
 * over its row for the maximum and the sum of exponentials, then once more for the results; the
 * sums are float32, each thread's of few elements. Where the rows allow it a thread reads four
 * neighbours at once: these kernels are bound by memory and by how many instructions they take.
 */
#include "kernels/axis.h"

#include <stdlib.h>
#include <string.h>

/* The maximum of the row that `read` gives, and the sum of exp(x - maximum). */
template <int N, class F>
static __device__ inline float sum_exp(const struct rows *r, const struct row *row, F read,
				       float *sum)
{
	float max = -INFINITY, v[N];
	*sum = 0;
	EACH_IN(i, *row)
	{
		read(i, v);
		for (int k = 0; k < N; k++)
			max = fmaxf(max, v[k]);
	}
	max = row_max(r, max);
	EACH_IN(i, *row)
	{
		read(i, v);
		for (int k = 0; k < N; k++)
			*sum += expf(v[k] - max);
	}
	*sum = row_sum(r, *sum);
	return max;
}

template <int N, class T, class F>
static __device__ inline void softmax_of(const struct rows *r, F read, T *y)
{
	struct row row = row_of(r);
	float sum, max = sum_exp<N>(r, &row, read, &sum), v[N];
	EACH_IN(i, row)
	{
		read(i, v);
		for (int k = 0; k < N; k++)
			v[k] = expf(v[k] - max) / sum;
		store_pack<N>(y, i, v);
	}
}

template <class T, int N> static __global__ void softmax(const T *x, const T *, T *y, struct rows r)
{
	softmax_of<N>(
		&r, [=](int64_t i, float *v) { load_pack<N>(x, i, v); }, y);
}

/* y = x - max - log(sum) */
template <class T, int N>
static __global__ void log_softmax(const T *x, const T *, T *y, struct rows r)
{
	struct row row = row_of(&r);
	auto read = [=](int64_t i, float *v) { load_pack<N>(x, i, v); };
	float sum, max = sum_exp<N>(&r, &row, read, &sum), log_sum = logf(sum), v[N];
	EACH_IN(i, row)
	{
		load_pack<N>(x, i, v);
		for (int k = 0; k < N; k++)
			v[k] = v[k] - max - log_sum;
		store_pack<N>(y, i, v);
	}
}

/* dx = y (dy - sum dy y), `read` gives y */
template <int N, class T, class F>
static __device__ inline void softmax_gradient(const struct rows *r, const struct row *row,
					       const T *dy, F read, T *dx)
{
	float sum = 0, d[N], v[N];
	EACH_IN(i, *row)
	{
		load_pack<N>(dy, i, d);
		read(i, v);
		for (int k = 0; k < N; k++)
			sum += d[k] * v[k];
	}
	sum = row_sum(r, sum);
	EACH_IN(i, *row)
	{
		load_pack<N>(dy, i, d);
		read(i, v);
		for (int k = 0; k < N; k++)
			d[k] = v[k] * (d[k] - sum);
		store_pack<N>(dx, i, d);
	}
}

template <class T, int N>
static __global__ void softmax_grad(const T *dy, const T *y, T *dx, struct rows r)
{
	struct row row = row_of(&r);
	softmax_gradient<N>(
		&r, &row, dy, [=](int64_t i, float *v) { load_pack<N>(y, i, v); }, dx);
}

/* dx = dy - exp(y) sum dy */
template <class T, int N>
static __global__ void log_softmax_grad(const T *dy, const T *y, T *dx, struct rows r)
{
	struct row row = row_of(&r);
	float sum = 0, d[N], v[N];
	EACH_IN(i, row)
	{
		load_pack<N>(dy, i, d);
		for (int k = 0; k < N; k++)
			sum += d[k];
	}
	sum = row_sum(&r, sum);
	EACH_IN(i, row)
	{
		load_pack<N>(dy, i, d);
		load_pack<N>(y, i, v);
		for (int k = 0; k < N; k++)
			d[k] -= expf(v[k]) * sum;
		store_pack<N>(dx, i, d);
	}
}

/* ---- with a mask ---- */

/* What is added to x; strides in elements, 0 where it is broadcast. */
struct mask {
	const void *p; /* NULL: nothing */
	enum dtype dtype;
	int rank; /* axes of the rows */
	uint32_t dim[SHAPE_MAX_RANK];
	int64_t stride[SHAPE_MAX_RANK], step; /* step: within a row */
};

/* Where the mask of a row begins. */
static __device__ inline int64_t mask_start(const struct mask *m, int64_t row)
{
	uint32_t id = (uint32_t)row;
	int64_t at = 0;
	for (int i = m->rank - 1; i > 0; i--) {
		at += id % m->dim[i] * m->stride[i];
		id /= m->dim[i];
	}
	return at + id * m->stride[0];
}

/* x + mask, N elements from i of a row that begins at `start`; `at`: its mask */
template <int N, class T>
static __device__ inline void load_masked(const T *x, const struct mask *m, int64_t start,
					  int64_t at, int64_t i, float *v)
{
	load_pack<N>(x, i, v);
	for (int k = 0; k < N && m->p; k++)
		v[k] += load_as(m->dtype, m->p, at + (i - start + k) * m->step);
}

template <class T, int N>
static __global__ void masked_softmax(const T *x, T *y, struct rows r,
				      const __grid_constant__ struct mask m)
{
	struct row row = row_of(&r);
	int64_t start = row.start, at = mask_start(&m, row.id);
	softmax_of<N>(
		&r, [=, &m](int64_t i, float *v) { load_masked<N>(x, &m, start, at, i, v); }, y);
}

/* y is formed again: what it is made of takes less to read. */
template <class T, int N>
static __global__ void masked_softmax_grad(const T *dy, const T *x, T *dx, struct rows r,
					   const __grid_constant__ struct mask m)
{
	struct row row = row_of(&r);
	int64_t start = row.start, at = mask_start(&m, row.id);
	auto read = [=, &m](int64_t i, float *v) { load_masked<N>(x, &m, start, at, i, v); };
	float sum, max = sum_exp<N>(&r, &row, read, &sum);
	auto softmax = [=](int64_t i, float *v) {
		read(i, v);
		for (int k = 0; k < N; k++)
			v[k] = expf(v[k] - max) / sum;
	};
	softmax_gradient<N>(&r, &row, dy, softmax, dx);
}

/* ---- the kernels ---- */

struct call {
	struct rows rows;
	enum dtype dtype;
	uint32_t inputs;
	struct mask mask;
};

static bool supports(const struct op_call *call, const char **why)
{
	for (uint32_t k = 0; k < call->n_in; k++) {
		*why = "for f32, f16 and bf16";
		if (!float_type(call->in[k].t.dtype))
			return false;
		*why = "operands in different layouts";
		if (call->in[k].layout != call->out[0].layout)
			return false;
	}
	*why = "too many rows";
	struct rows rows = rows_along(&call->in[0], node_int(call->node, "axis"), true);
	return rows_blocks(&rows) <= INT32_MAX;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct call *c = (struct call *)mem_alloc(sizeof *c);
	c->rows = rows_along(&call->in[0], node_int(call->node, "axis"), true);
	c->dtype = call->in[0].t.dtype;
	c->inputs = call->n_in;
	*state = c;
	return OK;
}

#define LAUNCH_ROWS(kernel, N)                                                                     \
	LAUNCH((kernel<T, N>), (unsigned)rows_blocks(&c->rows), THREADS, 0, work_handle(stream),   \
	       (const T *)io->in[0], (const T *)(c->inputs > 1 ? io->in[1] : NULL),                \
	       (T *)io->out[0], c->rows)

#define RUN(kernel)                                                                                \
	static enum status run_##kernel(void *state, const struct kernel_io *io,                   \
					struct stream *stream)                                     \
	{                                                                                          \
		const struct call *c = (const struct call *)state;                                 \
		FOR_FLOAT(c->dtype, T, if (c->rows.pack == PACK) LAUNCH_ROWS(kernel, PACK);        \
			  else LAUNCH_ROWS(kernel, 1));                                            \
		return launched();                                                                 \
	}

RUN(softmax)
RUN(log_softmax)
RUN(softmax_grad)
RUN(log_softmax_grad)

/* x is input k, the mask the one behind it. */
static bool masked_supports(const struct op_call *call, const char **why)
{
	uint32_t k = !strcmp(call->def->name, "MaskedSoftmaxGrad");
	*why = "for f32, f16 and bf16, plain";
	for (uint32_t i = 0; i < call->n_in; i++)
		if (call->in[i].t.dtype &&
		    (!float_type(call->in[i].t.dtype) || call->in[i].layout != LAYOUT_PLAIN))
			return false;
	if (call->out[0].layout != LAYOUT_PLAIN)
		return false;
	*why = "too many rows";
	struct rows rows = rows_along(&call->in[k], -1, true);
	return rows.count <= UINT32_MAX && rows_blocks(&rows) <= INT32_MAX;
}

static enum status masked_create(struct device *device, const struct op_call *call, void **state,
				 size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct call *c = (struct call *)mem_alloc(sizeof *c);
	uint32_t k = !strcmp(call->def->name, "MaskedSoftmaxGrad");
	struct shape outer = call->in[k].t.shape;
	c->rows = rows_along(&call->in[k], -1, true);
	c->dtype = call->in[k].t.dtype;
	c->inputs = 1 + k;
	*state = c;
	if (call->n_in <= c->inputs || !call->in[c->inputs].t.dtype)
		return OK;
	int64_t strides[SHAPE_MAX_RANK];
	shape_broadcast_strides(&call->in[c->inputs].t.shape, &outer, strides);
	outer.rank--;
	struct loop loop = loop_start(&outer);
	loop_add_strides(&loop, strides);
	loop_merge(&loop, 1);
	c->mask.dtype = call->in[c->inputs].t.dtype;
	c->mask.step = strides[outer.rank];
	c->mask.rank = loop.rank;
	for (int i = 0; i < loop.rank; i++) {
		c->mask.dim[i] = (uint32_t)loop.dim[i];
		c->mask.stride[i] = loop.stride[0][i];
	}
	return OK;
}

template <class T, int N>
static void launch_masked(const struct call *c, const struct kernel_io *io, struct stream *stream)
{
	struct mask mask = c->mask;
	unsigned blocks = (unsigned)rows_blocks(&c->rows);
	if (mask.dtype)
		mask.p = io->in[c->inputs];
	if (c->inputs > 1)
		LAUNCH((masked_softmax_grad<T, N>), blocks, THREADS, 0, work_handle(stream),
		       (const T *)io->in[0], (const T *)io->in[1], (T *)io->out[0], c->rows, mask);
	else
		LAUNCH((masked_softmax<T, N>), blocks, THREADS, 0, work_handle(stream),
		       (const T *)io->in[0], (T *)io->out[0], c->rows, mask);
}

static enum status run_masked(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct call *c = (const struct call *)state;
	FOR_FLOAT(c->dtype, T, if (c->rows.pack == PACK) launch_masked<T, PACK>(c, io, stream);
		  else launch_masked<T, 1>(c, io, stream));
	return launched();
}

#define SOFTMAX(operator, kernel)                                                                  \
	{                                                                                          \
		.op = operator, .name = "CUDA", .rank = 0, .supports = supports,                   \
		.propose = propose_common, .create = create, .run = run_##kernel, .destroy = free  \
	}

extern "C" const struct kernel cuda_kernel_softmax = SOFTMAX("Softmax", softmax);
extern "C" const struct kernel cuda_kernel_log_softmax = SOFTMAX("LogSoftmax", log_softmax);
extern "C" const struct kernel cuda_kernel_softmax_grad = SOFTMAX("SoftmaxGrad", softmax_grad);
extern "C" const struct kernel cuda_kernel_log_softmax_grad = SOFTMAX("LogSoftmaxGrad",
								      log_softmax_grad);

#define MASKED(operator)                                                                           \
	{                                                                                          \
		.op = operator, .name = "CUDA", .rank = 0, .supports = masked_supports,            \
		.propose = NULL, .create = masked_create, .run = run_masked, .destroy = free       \
	}

extern "C" const struct kernel cuda_kernel_masked_softmax = MASKED("MaskedSoftmax");
extern "C" const struct kernel cuda_kernel_masked_softmax_grad = MASKED("MaskedSoftmaxGrad");
