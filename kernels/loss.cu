/*
 * loss.cu - the losses and their gradients (src/ops/softmax_cross_entropy.c and
 * src/ops/elementwise_loss.c have the formulas). Each block adds up its part of a loss in double, a
 * last one the parts in their order. Rows and samples of weight 0 are not looked at.
 */
#include "kernels/axis.h"

extern "C" {
#include "ops/softmax_cross_entropy.h"
}

#include <stdlib.h>
#include <string.h>

enum form { SIGMOID_CROSS_ENTROPY, SQUARED_ERROR, ABSOLUTE_ERROR, HUBER_ERROR, CROSS_ENTROPY };

struct call {
	enum form form;
	bool grad;
	enum dtype x, targets, weights, dloss; /* targets: or labels */
	struct rows rows;                      /* of CROSS_ENTROPY */
	int64_t total, n;                      /* of the others: elements, in all and of a sample */
	int64_t blocks;                        /* that the loss has parts of */
	double smoothing, gamma;               /* gamma: delta of HUBER_ERROR */
};

static __global__ void end_loss(const double *parts, float *loss, struct call c)
{
	double sum = 0;
	for (int64_t i = threadIdx.x; i < c.blocks; i += THREADS)
		sum += parts[i];
	sum = block_sum(sum);
	if (threadIdx.x == 0)
		*loss = (float)(c.n > 1 ? sum / (double)c.n : sum);
}

/* ---- rows of logits ---- */

template <class T>
static __global__ void cross_entropy(const T *x, const void *labels, const void *weights,
				     double *parts, struct call c)
{
	struct row row = row_of(&c.rows);
	double weight = row.there ? load_any(c.weights, weights, row.id) : 0;
	float max = -INFINITY;
	double sum = 0, total = 0, loss = 0;
	if (weight == 0)
		row.end = row.first;
	EACH_IN(i, row)
	max = fmaxf(max, load(x, i));
	max = row_max(&c.rows, max);
	EACH_IN(i, row)
	{
		float v = load(x, i);
		sum += expf(v - max);
		total += v;
	}
	sum = row_sum(&c.rows, sum);
	if (c.smoothing != 0)
		total = row_sum(&c.rows, total);
	if (weight != 0 && row.member == 0) {
		int64_t label = load_int(c.targets, labels, row.id);
		double log_sum = (double)max + log(sum);
		loss = NAN;
		if (label >= 0 && label < c.rows.n) {
			double log_p = load(x, row.start + label * c.rows.inner) - log_sum;
			double mean = total / (double)c.rows.n - log_sum;
			loss = (1 - c.smoothing) * focal_loss(log_p, c.gamma);
			loss = weight * (c.smoothing == 0 ? loss : loss - c.smoothing * mean);
		}
	}
	loss = block_sum(loss);
	if (threadIdx.x == 0)
		parts[blockIdx.x] = loss;
}

/* With F the focal factor, dloss * weight * ((1 - s) F (p - onehot) + s (p - 1/n)) in the form
 * (F' + s') p - s' / n - F' onehot */
template <class T>
static __global__ void cross_entropy_grad(const void *dloss, const T *x, const void *labels,
					  const void *weights, T *dx, struct call c)
{
	struct row row = row_of(&c.rows);
	double weight = row.there ? load_any(c.weights, weights, row.id) : 0;
	float max = -INFINITY, sum = 0, of_label = 0, even = 0;
	int64_t end = row.end, at = -1;
	if (weight == 0)
		row.end = row.first;
	EACH_IN(i, row)
	max = fmaxf(max, load(x, i));
	max = row_max(&c.rows, max);
	EACH_IN(i, row)
	sum += expf(load(x, i) - max);
	sum = row_sum(&c.rows, sum);
	if (weight == 0) {
		for (int64_t i = row.first; i < end; i += row.step)
			store(dx, i, 0);
		return;
	}
	double factor = weight * load_any(c.dloss, dloss, 0);
	int64_t label = load_int(c.targets, labels, row.id);
	of_label = NAN;
	if (label >= 0 && label < c.rows.n) {
		at = row.start + label * c.rows.inner;
		double log_p = (double)load(x, at) - (double)max - log((double)sum);
		of_label = (float)(factor * (1 - c.smoothing) * focal_factor(log_p, c.gamma));
	}
	even = (float)(factor * c.smoothing);
	float of_all = of_label + even, less = even / (float)c.rows.n;
	EACH_IN(i, row)
	store(dx, i, of_all * (expf(load(x, i) - max) / sum) - less - (i == at ? of_label : 0));
}

/* ---- outputs with targets of their shape ---- */

static __device__ inline float sigmoid(float y)
{
	float e = expf(-fabsf(y));
	return (y >= 0 ? 1 : e) / (1 + e);
}

static __device__ inline float sigmoid_cross_entropy(float y, float t)
{
	return fmaxf(y, 0) - y * t + log1pf(expf(-fabsf(y)));
}

/* 1 - pt of the focal loss */
static __device__ inline float miss(float y, float t)
{
	return sigmoid(y) * (1 - t) + sigmoid(-y) * t;
}

static __device__ inline float focal_grad(float y, float t, float gamma)
{
	float m = miss(y, t);
	if (m == 0)
		return 0;
	return (sigmoid(y) - t) * powf(m, gamma) + sigmoid_cross_entropy(y, t) * gamma *
							   powf(m, gamma - 1) * (1 - 2 * t) *
							   sigmoid(y) * sigmoid(-y);
}

static __device__ inline float loss_of(const struct call *c, float y, float t)
{
	float parameter = (float)c->gamma, d = fabsf(y - t);
	if (c->form == SQUARED_ERROR)
		return d * d;
	if (c->form == ABSOLUTE_ERROR)
		return d;
	if (c->form == HUBER_ERROR)
		return d < parameter ? 0.5f * d * d : parameter * (d - 0.5f * parameter);
	float plain = sigmoid_cross_entropy(y, t);
	return parameter == 0 ? plain : powf(miss(y, t), parameter) * plain;
}

static __device__ inline float slope_of(const struct call *c, float y, float t)
{
	float parameter = (float)c->gamma;
	if (c->form == SQUARED_ERROR)
		return 2 * (y - t);
	if (c->form == ABSOLUTE_ERROR)
		return (float)((y > t) - (y < t));
	if (c->form == HUBER_ERROR)
		return fmaxf(-parameter, fminf(y - t, parameter));
	return parameter == 0 ? sigmoid(y) - t : focal_grad(y, t, parameter);
}

template <class T>
static __global__ void elementwise(const T *y, const void *targets, const void *weights,
				   double *parts, struct call c)
{
	double sum = 0;
	EACH(i, c.total)
	{
		double weight = load_any(c.weights, weights, i / c.n);
		if (weight != 0)
			sum += weight *
			       loss_of(&c, load(y, i), (float)load_any(c.targets, targets, i));
	}
	sum = block_sum(sum);
	if (threadIdx.x == 0)
		parts[blockIdx.x] = sum;
}

template <class T>
static __global__ void elementwise_grad(const void *dloss, const T *y, const void *targets,
					const void *weights, T *dy, struct call c)
{
	double scale = load_any(c.dloss, dloss, 0) / (double)c.n;
	EACH(i, c.total)
	{
		double weight = load_any(c.weights, weights, i / c.n);
		float slope = 0;
		if (weight != 0)
			slope = (float)(scale * weight) *
				slope_of(&c, load(y, i), (float)load_any(c.targets, targets, i));
		store(dy, i, slope);
	}
}

/* ---- the call ---- */

static void read_call(const struct op_call *call, struct call *c)
{
	static const struct {
		const char *name, *parameter;
	} forms[] = {
		/* in the order of enum form */
		{ "SigmoidCrossEntropy", "gamma" }, { "SquaredError", NULL },
		{ "AbsoluteError", NULL },          { "HuberError", "delta" },
		{ "SoftmaxCrossEntropy", "gamma" },
	};
	int form = 0;
	memset(c, 0, sizeof *c);
	while (strncmp(call->def->name, forms[form].name, strlen(forms[form].name)))
		form++;
	c->form = (enum form)form;
	c->grad = call->def->name[strlen(forms[form].name)] != '\0';
	const struct op_operand *x = &call->in[c->grad];
	c->x = x[0].t.dtype;
	c->targets = x[1].t.dtype;
	c->weights = x[2].t.dtype;
	c->dloss = c->grad ? call->in[0].t.dtype : DT_NONE;
	c->gamma = forms[form].parameter ? node_double(call->node, forms[form].parameter) : 0;
	if (form == CROSS_ENTROPY) {
		c->smoothing = node_double(call->node, "smoothing");
		c->rows = rows_along(x, node_int(call->node, "axis"), false);
		c->blocks = rows_blocks(&c->rows);
		c->n = 1;
	} else {
		c->total = shape_elements(&x->t.shape);
		c->n = c->total ? c->total / x->t.shape.dim[0] : 1;
		c->blocks = blocks_for((c->total + 7) / 8);
	}
}

static bool supports(const struct op_call *call, const char **why)
{
	struct call c;
	read_call(call, &c);
	const struct op_operand *x = &call->in[c.grad];
	*why = "for f32, f16 and bf16";
	if (!float_type(c.x) || (c.grad && !float_type(c.dloss)) ||
	    (c.form != CROSS_ENTROPY && !float_type(c.targets)))
		return false;
	*why = "operands in different layouts";
	if (c.grad && call->out[0].layout != x->layout)
		return false;
	if (c.form != CROSS_ENTROPY)
		return x[1].layout == x->layout;
	if (x[1].layout != LAYOUT_PLAIN || x[2].layout != LAYOUT_PLAIN)
		return false;
	*why = "labels are in the order of rows only in the plain layout";
	if (!rows_in_order(x, node_int(call->node, "axis")))
		return false;
	*why = "too many rows";
	return c.blocks <= INT32_MAX;
}

/* Operands of the output's shape in its layout, unless rows and labels are in different orders then. */
static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	struct call c;
	read_call(call, &c);
	const struct op_operand *x = &call->in[c.grad];
	if (c.form == CROSS_ENTROPY && !rows_in_order(x, node_int(call->node, "axis")))
		return;
	in[c.grad] = x->layout;
	if (c.form != CROSS_ENTROPY)
		in[c.grad + 1] = x->layout;
	if (c.grad)
		out[0] = x->layout;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	struct call *c = (struct call *)mem_alloc(sizeof *c);
	read_call(call, c);
	*workspace = c->grad ? 0 : (size_t)c->blocks * sizeof(double);
	*state = c;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct call *c = (const struct call *)state;
	unsigned blocks = (unsigned)c->blocks;
	double *parts = (double *)io->workspace;
	FOR_FLOAT(c->x, T,
		  if (c->form == CROSS_ENTROPY)
			  LAUNCH((cross_entropy<T>), blocks, THREADS, 0, work_handle(stream),
				 (const T *)io->in[0], io->in[1], io->in[2], parts, *c);
		  else LAUNCH((elementwise<T>), blocks, THREADS, 0, work_handle(stream),
			      (const T *)io->in[0], io->in[1], io->in[2], parts, *c));
	LAUNCH(end_loss, 1, THREADS, 0, work_handle(stream), (const double *)parts,
	       (float *)io->out[0], *c);
	return launched();
}

static enum status run_grad(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct call *c = (const struct call *)state;
	unsigned blocks = (unsigned)c->blocks;
	FOR_FLOAT(c->x, T,
		  if (c->form == CROSS_ENTROPY)
			  LAUNCH((cross_entropy_grad<T>), blocks, THREADS, 0, work_handle(stream),
				 io->in[0], (const T *)io->in[1], io->in[2], io->in[3],
				 (T *)io->out[0], *c);
		  else LAUNCH((elementwise_grad<T>), blocks, THREADS, 0, work_handle(stream),
			      io->in[0], (const T *)io->in[1], io->in[2], io->in[3],
			      (T *)io->out[0], *c));
	return launched();
}

#define LOSS(operator, function)                                                                   \
	{                                                                                          \
		.op = operator, .name = "CUDA", .rank = 0, .supports = supports,                   \
		.propose = propose, .create = create, .run = function, .destroy = free             \
	}

extern "C" const struct kernel cuda_kernel_softmax_cross_entropy = LOSS("SoftmaxCrossEntropy", run);
extern "C" const struct kernel cuda_kernel_softmax_cross_entropy_grad = LOSS(
	"SoftmaxCrossEntropyGrad", run_grad);
extern "C" const struct kernel cuda_kernel_sigmoid_cross_entropy = LOSS("SigmoidCrossEntropy", run);
extern "C" const struct kernel cuda_kernel_sigmoid_cross_entropy_grad = LOSS(
	"SigmoidCrossEntropyGrad", run_grad);
extern "C" const struct kernel cuda_kernel_squared_error = LOSS("SquaredError", run);
extern "C" const struct kernel cuda_kernel_squared_error_grad = LOSS("SquaredErrorGrad", run_grad);
extern "C" const struct kernel cuda_kernel_absolute_error = LOSS("AbsoluteError", run);
extern "C" const struct kernel cuda_kernel_absolute_error_grad = LOSS("AbsoluteErrorGrad",
								      run_grad);
extern "C" const struct kernel cuda_kernel_huber_error = LOSS("HuberError", run);
extern "C" const struct kernel cuda_kernel_huber_error_grad = LOSS("HuberErrorGrad", run_grad);
