/*
 * loss.c - the losses and their gradients (see src/ops/softmax_cross_entropy.c and
 * src/ops/elementwise_loss.c): each row or sample for itself (rows.h), its part of the loss into the
 * workspace; the parts are added up in their order. Rows of weight 0 are not looked at.
 */
#include "ops/softmax_cross_entropy.h"

#include "backend/cpu/convert.h"
#include "backend/cpu/rows.h"
#include "backend/cpu/softmax.h"
#include "backend/cpu/vector_math.h"
#include "backend/cpu/vector_sum.h"

#include <stdlib.h>

#define PART 256 /* elements of temporary results */

/* ---- rows ---- */

/*
 * Losses of outputs with targets of their shape: the sum over n elements of f(y, t), and its slope
 * factor * f'(y, t). The parameter is that of the operator: gamma, delta.
 */
typedef double sum_fn(const float *y, const float *t, int64_t n, float parameter);
typedef void slope_fn(float *dy, const float *y, const float *t, int64_t n, float factor,
		      float parameter);

/* A function that sums the expression over i, PART elements at a time. */
#define SUM(name, expression)                                                                      \
	SIMD static double name(const float *y, const float *t, int64_t n, float parameter)        \
	{                                                                                          \
		float f[PART];                                                                     \
		double sum = 0;                                                                    \
		(void)parameter;                                                                   \
		for (int64_t first = 0; first < n; first += PART, y += PART, t += PART) {          \
			int64_t m = n - first < PART ? n - first : PART;                           \
			for (int64_t i = 0; i < m; i++)                                            \
				f[i] = expression;                                                 \
			sum += vector_sum(f, m);                                                   \
		}                                                                                  \
		return sum;                                                                        \
	}

/* A function that writes factor times the expression. */
#define SLOPE(name, expression)                                                                    \
	SIMD static void name(float *dy, const float *y, const float *t, int64_t n, float factor,  \
			      float parameter)                                                     \
	{                                                                                          \
		(void)parameter;                                                                   \
		for (int64_t i = 0; i < n; i++)                                                    \
			dy[i] = factor * (expression);                                             \
	}

/* The focal loss of one element, or its slope: the chances of the miss, 1 - pt, and of the sigmoid
 * on both sides come from one exponential. */
SIMD_INLINE float focal(float y, float t, float gamma, bool slope)
{
	float e = vm_exp(-fabsf(y)), large = 1 / (1 + e), small = e * large;
	float yes = y < 0 ? small : large, no = y < 0 ? large : small;
	float miss = yes * (1 - t) + no * t;
	float plain = (y < 0 ? 0 : y) - y * t + vm_log1p(e);
	if (!slope)
		return miss == 0 ? 0 : vm_exp(gamma * vm_log(miss)) * plain;
	float power = vm_exp((gamma - 1) * vm_log(miss)); /* miss^(gamma - 1) */
	float d = (yes - t) * miss + plain * gamma * (1 - 2 * t) * yes * no;
	return miss == 0 ? 0 : power * d;
}

SIMD_INLINE float huber(float d, float delta)
{
	float size = fabsf(d);
	return size < delta ? 0.5f * d * d : delta * (size - 0.5f * delta);
}

SIMD_INLINE float limited(float d, float delta)
{
	return d > delta ? delta : d < -delta ? -delta : d;
}

/* Squares are formed in double. */
SIMD static double squared_sum(const float *y, const float *t, int64_t n, float parameter)
{
	float f[PART];
	double sum = 0;
	(void)parameter;
	for (int64_t first = 0; first < n; first += PART, y += PART, t += PART) {
		int64_t m = n - first < PART ? n - first : PART;
		for (int64_t i = 0; i < m; i++)
			f[i] = y[i] - t[i];
		sum += vector_dot(f, f, m);
	}
	return sum;
}

SUM(sigmoid_sum, vm_softplus(y[i]) - y[i] * t[i])
SLOPE(sigmoid_slope, vm_sigmoid(y[i]) - t[i])
SUM(focal_sum, focal(y[i], t[i], parameter, false))
SLOPE(focal_slope, focal(y[i], t[i], parameter, true))
SLOPE(squared_slope, 2 * (y[i] - t[i]))
SUM(absolute_sum, fabsf(y[i] - t[i]))
SLOPE(absolute_slope, (y[i] > t[i] ? 1.0f : 0.0f) - (y[i] < t[i] ? 1.0f : 0.0f))
SUM(huber_sum, huber(y[i] - t[i], parameter))
SLOPE(huber_slope, limited(y[i] - t[i], parameter))

/* ---- one row or sample of each operator ---- */

/* What the rows of a run share. */
struct job {
	struct tensor weights, labels; /* labels: of SoftmaxCrossEntropy */
	double dloss;
	double *losses;          /* by row */
	double smoothing, gamma; /* of SoftmaxCrossEntropy */
	sum_fn *sum;             /* of the others */
	slope_fn *slope;
	float parameter;
};

static void cross_entropy_row(const void *ctx, int64_t row, const float *const *x, float *y,
			      int64_t n)
{
	(void)y;
	const struct job *job = ctx;
	double weight = tensor_get(&job->weights, row), loss = 0;
	int64_t label = tensor_get_int(&job->labels, row);
	if (weight != 0 && label >= 0 && label < n) {
		float max;
		double log_sum = softmax_log_sum(x[0], n, &max);
		double plain = (double)max - (double)x[0][label] + log_sum;
		loss = (1 - job->smoothing) * focal_loss(-plain, job->gamma);
		if (job->smoothing != 0)
			loss += job->smoothing *
				((double)max + log_sum - vector_sum(x[0], n) / (double)n);
		loss *= weight;
	} else if (weight != 0) {
		loss = NAN;
	}
	job->losses[row] = loss;
}

static void fill(float *y, int64_t n, float value)
{
	for (int64_t i = 0; i < n; i++)
		y[i] = value;
}

/* factor * (of_label (softmax(x) - onehot(label)) + smoothing (softmax(x) - 1/n)) */
static void modified_grad(const struct job *job, const float *x, float *y, int64_t n, int64_t label,
			  float factor)
{
	float max;
	double log_sum = softmax_log_sum(x, n, &max);
	double log_p = (double)x[label] - (double)max - log_sum;
	double of_label = (1 - job->smoothing) * focal_factor(log_p, job->gamma);
	float even = (float)(factor * job->smoothing / (double)n);
	softmax_row(y, x, n, (float)(factor * (of_label + job->smoothing)));
	for (int64_t i = 0; i < n; i++)
		y[i] -= even;
	y[label] -= (float)(factor * of_label);
}

static void cross_entropy_grad_row(const void *ctx, int64_t row, const float *const *x, float *y,
				   int64_t n)
{
	const struct job *job = ctx;
	double weight = tensor_get(&job->weights, row);
	int64_t label = tensor_get_int(&job->labels, row);
	float factor = (float)(job->dloss * weight);
	if (weight == 0) {
		fill(y, n, 0);
	} else if (label < 0 || label >= n) {
		fill(y, n, NAN);
	} else if (job->smoothing == 0 && job->gamma == 0) {
		softmax_row(y, x[0], n, factor);
		y[label] -= factor;
	} else {
		modified_grad(job, x[0], y, n, label, factor);
	}
}

static void element_row(const void *ctx, int64_t row, const float *const *x, float *y, int64_t n)
{
	(void)y;
	const struct job *job = ctx;
	double weight = tensor_get(&job->weights, row), loss = 0;
	if (weight != 0)
		loss = weight * job->sum(x[0], x[1], n, job->parameter) / (double)n;
	job->losses[row] = loss;
}

static void element_grad_row(const void *ctx, int64_t row, const float *const *x, float *y,
			     int64_t n)
{
	const struct job *job = ctx;
	double weight = tensor_get(&job->weights, row);
	if (weight == 0)
		fill(y, n, 0);
	else
		job->slope(y, x[0], x[1], n, (float)(job->dloss * weight / (double)n),
			   job->parameter);
}

/* ---- the kernels ---- */

struct loss {
	const char *op;
	rows_fn *row;
	bool labels; /* the operands are x, labels, weights, not y, targets, weights */
	bool grad;   /* after dloss */
	sum_fn *sum;
	slope_fn *slope;
	const char *parameter;
	bool not_0; /* where the parameter is 0, a later row counts */
};

#define ELEMENTS(name, sum, slope, ...)                                                            \
	{ name, element_row, false, false, sum, NULL, __VA_ARGS__ },                               \
	{                                                                                          \
		name "Grad", element_grad_row, false, true, NULL, slope, __VA_ARGS__               \
	}

static const struct loss operators[] = {
	{ "SoftmaxCrossEntropy", cross_entropy_row, true, false, NULL, NULL, NULL, false },
	{ "SoftmaxCrossEntropyGrad", cross_entropy_grad_row, true, true, NULL, NULL, NULL, false },
	ELEMENTS("SigmoidCrossEntropy", focal_sum, focal_slope, "gamma", true),
	ELEMENTS("SigmoidCrossEntropy", sigmoid_sum, sigmoid_slope, NULL, false),
	ELEMENTS("SquaredError", squared_sum, squared_slope, NULL, false),
	ELEMENTS("AbsoluteError", absolute_sum, absolute_slope, NULL, false),
	ELEMENTS("HuberError", huber_sum, huber_slope, "delta", false),
};

struct state {
	const struct loss *op;
	struct rows rows;
	enum dtype dloss, loss;
	struct tensor labels, weights; /* their types */
	double smoothing, gamma;
	sum_fn *sum;
	slope_fn *slope;
	float parameter;
};

static const struct loss *find(const struct op_call *call)
{
	const struct loss *op = operators;
	while (strcmp(op->op, call->def->name) ||
	       (op->not_0 && node_double(call->node, op->parameter) == 0))
		op++;
	return op;
}

static bool supports(const struct op_call *call, const char **why)
{
	const struct loss *op = find(call);
	const struct op_operand *x = &call->in[op->grad];
	for (uint32_t k = 0; k < call->n_in; k++) {
		*why = "operands must be plain";
		if (call->in[k].layout != LAYOUT_PLAIN)
			return false;
	}
	*why = "no vector loop for these types";
	if (call->out[0].layout != LAYOUT_PLAIN || !convert_supports(x->t.dtype) ||
	    !convert_supports(call->out[0].t.dtype))
		return false;
	return op->labels || convert_supports(x[1].t.dtype);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)err;
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .op = find(call) };
	const struct op_operand *x = &call->in[s->op->grad];
	const struct shape *shape = &x->t.shape;
	enum dtype out = call->out[0].t.dtype;
	s->labels = x[1].t;
	s->weights = x[2].t;
	s->loss = out;
	s->sum = s->op->sum;
	s->slope = s->op->slope;
	if (s->op->parameter)
		s->parameter = (float)node_double(call->node, s->op->parameter);
	s->dloss = s->op->grad ? call->in[0].t.dtype : DT_NONE;
	if (s->op->labels) {
		int axis = 0;
		shape_axis(shape, node_int(call->node, "axis"), &axis);
		s->smoothing = node_double(call->node, "smoothing");
		s->gamma = node_double(call->node, "gamma");
		s->rows = rows_along(x, axis);
	} else {
		int64_t samples = shape->dim[0];
		s->rows = (struct rows){ .outer = samples, .inner = 1 };
		s->rows.n = samples ? shape_elements(shape) / samples : 0;
	}
	rows_operands(&s->rows, device, s->op->labels ? 1 : 2, x, s->op->grad ? out : DT_NONE, 8);
	*workspace = rows_workspace(&s->rows);
	if (!s->op->grad)
		*workspace += (size_t)(s->rows.outer * s->rows.inner) * sizeof(double);
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	int first = s->op->grad;
	struct job job = {
		.weights = s->weights,
		.labels = s->labels,
		.smoothing = s->smoothing,
		.gamma = s->gamma,
		.sum = s->sum,
		.slope = s->slope,
		.parameter = s->parameter,
	};
	struct tensor loss = { s->loss, SHAPE_SCALAR, io->out[0] };
	struct tensor dloss = { s->dloss, SHAPE_SCALAR, io->in[0] };
	job.weights.data = io->in[first + 2];
	job.labels.data = io->in[first + 1];
	job.losses = (double *)((char *)io->workspace + rows_workspace(&s->rows));
	if (s->op->grad) {
		job.dloss = tensor_get(&dloss, 0);
		rows_run(&s->rows, io->in + first, io->out[0], io->workspace, s->op->row, &job);
		return OK;
	}
	double sum = 0;
	rows_run(&s->rows, io->in + first, NULL, io->workspace, s->op->row, &job);
	for (int64_t i = 0; s->rows.n && i < s->rows.outer * s->rows.inner; i++)
		sum += job.losses[i];
	tensor_set(&loss, 0, sum);
	return OK;
}

#define LOSS(operator)                                                                             \
	{                                                                                          \
		.op = operator, .name = "vector loop by rows", .supports = supports,               \
		.create = create, .run = run, .destroy = free                                      \
	}

const struct kernel kernel_softmax_cross_entropy = LOSS("SoftmaxCrossEntropy");
const struct kernel kernel_softmax_cross_entropy_grad = LOSS("SoftmaxCrossEntropyGrad");
const struct kernel kernel_sigmoid_cross_entropy = LOSS("SigmoidCrossEntropy");
const struct kernel kernel_sigmoid_cross_entropy_grad = LOSS("SigmoidCrossEntropyGrad");
const struct kernel kernel_squared_error = LOSS("SquaredError");
const struct kernel kernel_squared_error_grad = LOSS("SquaredErrorGrad");
const struct kernel kernel_absolute_error = LOSS("AbsoluteError");
const struct kernel kernel_absolute_error_grad = LOSS("AbsoluteErrorGrad");
const struct kernel kernel_huber_error = LOSS("HuberError");
const struct kernel kernel_huber_error_grad = LOSS("HuberErrorGrad");
