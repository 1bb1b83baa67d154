/*
 * softmax.cu - Softmax, LogSoftmax and their gradients along any axis (see axis.h). A team passes
 * over its row for the maximum and the sum of exponentials, then once more for the results; the
 * sums are float32, each thread's of few elements. Where the rows allow it a thread reads four
 * neighbours at once: these kernels are bound by memory and by how many instructions they take.
 */
#include "kernels/axis.h"

#include <stdlib.h>
#include <string.h>

/* The maximum of the row of x, and the sum of exp(x - maximum). */
template <int N, class T>
static __device__ inline float sum_exp(const struct rows *r, const struct row *row, const T *x,
				       float *sum)
{
	float max = -INFINITY, v[N];
	*sum = 0;
	EACH_IN(i, *row)
	{
		load_pack<N>(x, i, v);
		for (int k = 0; k < N; k++)
			max = fmaxf(max, v[k]);
	}
	max = row_max(r, max);
	EACH_IN(i, *row)
	{
		load_pack<N>(x, i, v);
		for (int k = 0; k < N; k++)
			*sum += expf(v[k] - max);
	}
	*sum = row_sum(r, *sum);
	return max;
}

template <class T, int N> static __global__ void softmax(const T *x, const T *, T *y, struct rows r)
{
	struct row row = row_of(&r);
	float sum, max = sum_exp<N>(&r, &row, x, &sum), v[N];
	EACH_IN(i, row)
	{
		load_pack<N>(x, i, v);
		for (int k = 0; k < N; k++)
			v[k] = expf(v[k] - max) / sum;
		store_pack<N>(y, i, v);
	}
}

/* y = x - max - log(sum) */
template <class T, int N>
static __global__ void log_softmax(const T *x, const T *, T *y, struct rows r)
{
	struct row row = row_of(&r);
	float sum, max = sum_exp<N>(&r, &row, x, &sum), log_sum = logf(sum), v[N];
	EACH_IN(i, row)
	{
		load_pack<N>(x, i, v);
		for (int k = 0; k < N; k++)
			v[k] = v[k] - max - log_sum;
		store_pack<N>(y, i, v);
	}
}

/* dx = y (dy - sum dy y) */
template <class T, int N>
static __global__ void softmax_grad(const T *dy, const T *y, T *dx, struct rows r)
{
	struct row row = row_of(&r);
	float sum = 0, d[N], v[N];
	EACH_IN(i, row)
	{
		load_pack<N>(dy, i, d);
		load_pack<N>(y, i, v);
		for (int k = 0; k < N; k++)
			sum += d[k] * v[k];
	}
	sum = row_sum(&r, sum);
	EACH_IN(i, row)
	{
		load_pack<N>(dy, i, d);
		load_pack<N>(y, i, v);
		for (int k = 0; k < N; k++)
			d[k] = v[k] * (d[k] - sum);
		store_pack<N>(dx, i, d);
	}
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

/* ---- the kernels ---- */

struct call {
	struct rows rows;
	enum dtype dtype;
	uint32_t inputs;
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
