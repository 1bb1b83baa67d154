/*
 * softmax.c - Softmax, LogSoftmax and their gradients along any axis (see rows.h). Exponentials are
 * float32, sums double.
 */
#include "backend/cpu/softmax.h"
#include "backend/cpu/convert.h"
#include "backend/cpu/rows.h"
#include "backend/cpu/vector_math.h"
#include "backend/cpu/vector_sum.h"

#include <stdlib.h>

/* ---- rows ---- */

SIMD static void scaled(float *y, const float *x, int64_t n, float factor)
{
	float max = vector_max(x, n, -INFINITY);
	SIMD_LOOP for (int64_t i = 0; i < n; i++) y[i] = vm_exp(x[i] - max);
	factor = (float)(factor / vector_sum(y, n));
	for (int64_t i = 0; i < n; i++)
		y[i] *= factor;
}

SIMD static double sum_exp(const float *x, int64_t n, float *max)
{
	enum { PART = 256 };
	float e[PART];
	double sum = 0;
	*max = vector_max(x, n, -INFINITY);
	for (int64_t first = 0; first < n; first += PART) {
		int64_t m = n - first < PART ? n - first : PART;
		for (int64_t i = 0; i < m; i++)
			e[i] = vm_exp(x[first + i] - *max);
		sum += vector_sum(e, m);
	}
	return sum;
}

void softmax_row(float *y, const float *x, int64_t n, float factor)
{
	scaled(y, x, n, factor);
}

double softmax_log_sum(const float *x, int64_t n, float *max)
{
	return log(sum_exp(x, n, max));
}

/* y = x - max - log(sum) */
SIMD static void log_softmax(float *y, const float *x, int64_t n, float max, float log_sum)
{
	SIMD_LOOP for (int64_t i = 0; i < n; i++) y[i] = x[i] - max - log_sum;
}

/* dx = y (dy - sum dy y) */
SIMD static void softmax_grad(float *dx, const float *dy, const float *y, int64_t n)
{
	float sum = (float)vector_dot(dy, y, n);
	SIMD_LOOP for (int64_t i = 0; i < n; i++) dx[i] = y[i] * (dy[i] - sum);
}

/* dx = dy - exp(y) sum dy */
SIMD static void log_softmax_grad(float *dx, const float *dy, const float *y, int64_t n)
{
	float sum = (float)vector_sum(dy, n);
	SIMD_LOOP for (int64_t i = 0; i < n; i++) dx[i] = dy[i] - vm_exp(y[i]) * sum;
}

static void softmax_each(const void *ctx, int64_t row, const float *const *x, float *y, int64_t n)
{
	(void)ctx, (void)row;
	scaled(y, x[0], n, 1);
}

static void log_softmax_each(const void *ctx, int64_t row, const float *const *x, float *y,
			     int64_t n)
{
	(void)ctx, (void)row;
	float max;
	double log_sum = softmax_log_sum(x[0], n, &max);
	log_softmax(y, x[0], n, max, (float)log_sum);
}

static void softmax_grad_each(const void *ctx, int64_t row, const float *const *x, float *y,
			      int64_t n)
{
	(void)ctx, (void)row;
	softmax_grad(y, x[0], x[1], n);
}

static void log_softmax_grad_each(const void *ctx, int64_t row, const float *const *x, float *y,
				  int64_t n)
{
	(void)ctx, (void)row;
	log_softmax_grad(y, x[0], x[1], n);
}

static const struct {
	const char *op;
	rows_fn *row;
} operators[] = {
	{ "Softmax", softmax_each },
	{ "LogSoftmax", log_softmax_each },
	{ "SoftmaxGrad", softmax_grad_each },
	{ "LogSoftmaxGrad", log_softmax_grad_each },
};

/* ---- the kernels ---- */

struct state {
	struct rows rows;
	rows_fn *row;
};

static bool supports(const struct op_call *call, const char **why)
{
	for (uint32_t k = 0; k < call->n_in; k++) {
		*why = "no vector loop for this type";
		if (!convert_supports(call->in[k].t.dtype))
			return false;
		*why = "operands in different layouts";
		if (call->in[k].layout != call->out[0].layout)
			return false;
	}
	return true;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)err;
	struct state *s = mem_alloc(sizeof *s);
	int axis = 0;
	shape_axis(&call->out[0].t.shape, node_int(call->node, "axis"), &axis);
	s->rows = rows_along(&call->out[0], axis);
	rows_operands(&s->rows, device, (int)call->n_in, call->in, call->out[0].t.dtype, 8);
	for (unsigned i = 0; i < ARRAY_SIZE(operators); i++)
		if (!strcmp(operators[i].op, call->def->name))
			s->row = operators[i].row;
	*workspace = rows_workspace(&s->rows);
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	rows_run(&s->rows, io->in, io->out[0], io->workspace, s->row, NULL);
	return OK;
}

#define SOFTMAX(operator)                                                                          \
	{                                                                                          \
		.op = operator, .name = "vector loop by rows", .supports = supports,               \
		.propose = propose_common, .create = create, .run = run, .destroy = free           \
	}

const struct kernel kernel_softmax = SOFTMAX("Softmax");
const struct kernel kernel_log_softmax = SOFTMAX("LogSoftmax");
const struct kernel kernel_softmax_grad = SOFTMAX("SoftmaxGrad");
const struct kernel kernel_log_softmax_grad = SOFTMAX("LogSoftmaxGrad");
