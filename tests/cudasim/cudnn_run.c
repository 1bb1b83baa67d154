/*
 * cudnn_run.c - computes a plan of the simulated cuDNN. Each operation
 *
 *  1. reads its inputs as float, dense, the axes in logical order (batch, channels, space),
 *  2. computes in float: convolutions as products with the unfolded image,
 *  3. rounds to the output's type and, unless it is virtual, writes it where the strides say.
 *
 * Later operations of the graph read the rounded values.
 */
#include "cudasim/cudnn_graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what engines say of themselves ---- */

int64_t sim_dnn_numerical_notes(int64_t engine, cudnnBackendNumericalNote_t *notes)
{
	int64_t n = 0;
	if (engine == ENGINE_NONDETERMINISTIC)
		notes[n++] = CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
	if (engine != ENGINE_PLAIN)
		notes[n++] = CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
	else
		notes[n++] = CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP;
	return n;
}

int64_t sim_dnn_workspace(int64_t engine)
{
	return engine == ENGINE_WORKSPACE ? 4096 : 0;
}

/* ---- tensors as dense float ---- */

static int64_t elements(const struct dnn_tensor *t)
{
	int64_t n = 1;
	for (int i = 0; i < t->rank; i++)
		n *= t->dims[i];
	return n;
}

/* Where element i of the logical order lies, in elements. */
static int64_t place(const struct dnn_tensor *t, int64_t i)
{
	int64_t offset = 0;
	for (int axis = t->rank - 1; axis >= 0; axis--) {
		offset += i % t->dims[axis] * t->strides[axis];
		i /= t->dims[axis];
	}
	return offset;
}

static void check_memory(const struct dnn_tensor *t)
{
	sim_memory_check(t->data,
			 (size_t)(place(t, elements(t) - 1) + 1) * sim_number_bytes(t->type),
			 "a tensor of cudnnBackendExecute");
}

static float *allocate(int64_t n)
{
	return sim_alloc((size_t)n * sizeof(float));
}

static float *read_tensor(const struct dnn_tensor *t)
{
	int64_t n = elements(t);
	float *out = allocate(n);
	check_memory(t);
	for (int64_t i = 0; i < n; i++)
		out[i] = sim_number_load(t->type, t->data, place(t, i));
	return out;
}

static void write_tensor(const struct dnn_tensor *t, const float *values)
{
	int64_t n = elements(t);
	check_memory(t);
	for (int64_t i = 0; i < n; i++)
		sim_number_store(t->type, t->data, place(t, i), values[i]);
}

static void round_to(enum number type, float *values, int64_t n)
{
	for (int64_t i = 0; type != NUMBER_FLOAT && i < n; i++) {
		uint16_t bits;
		sim_number_store(type, &bits, 0, values[i]);
		values[i] = sim_number_load(type, &bits, 0);
	}
}

/* What the graph has computed: dense values by id. */
struct values {
	int64_t uids[MAX_OPERATIONS];
	float *v[MAX_OPERATIONS];
	int n;
};

static float *input(const struct values *done, const struct dnn_tensor *t)
{
	for (int i = 0; i < done->n; i++)
		if (done->uids[i] == t->uid) {
			size_t bytes = (size_t)elements(t) * sizeof(float);
			return memcpy(sim_alloc(bytes), done->v[i], bytes);
		}
	return read_tensor(t);
}

/* ---- convolutions ---- */

/* Sizes with three axes of space; those that are not there have length 1. */
struct shape {
	int64_t batch, groups, c, k; /* channels in a group, of x and of y */
	int64_t x[3], w[3], y[3], pre[3], stride[3], dilation[3];
	int64_t x_space, w_space, y_space;
};

static struct shape shape_of(const struct dnn_operation *op)
{
	const struct dnn_tensor *x = &op->tensors[0], *w = &op->tensors[1], *y = &op->tensors[2];
	struct shape s = {
		.batch = x->dims[0],
		.groups = op->groups,
		.c = x->dims[1] / op->groups,
		.k = y->dims[1] / op->groups,
		.x_space = 1,
		.w_space = 1,
		.y_space = 1,
	};
	for (int i = 0; i < 3; i++) {
		int axis = i - (3 - op->space);
		bool there = axis >= 0;
		s.x[i] = there ? x->dims[2 + axis] : 1;
		s.w[i] = there ? w->dims[2 + axis] : 1;
		s.y[i] = there ? y->dims[2 + axis] : 1;
		s.pre[i] = there ? op->pre[axis] : 0;
		s.stride[i] = there ? op->strides[axis] : 1;
		s.dilation[i] = there ? op->dilations[axis] : 1;
		s.x_space *= s.x[i];
		s.w_space *= s.w[i];
		s.y_space *= s.y[i];
	}
	return s;
}

/* Where in x[x_space] tap q of output position p reads, or -1: in the padding. */
static int64_t source(const struct shape *s, int64_t p, int64_t q)
{
	int64_t at[3];
	for (int i = 2; i >= 0; i--) {
		at[i] = p % s->y[i] * s->stride[i] + q % s->w[i] * s->dilation[i] - s->pre[i];
		if (at[i] < 0 || at[i] >= s->x[i])
			return -1;
		p /= s->y[i];
		q /= s->w[i];
	}
	return (at[0] * s->x[1] + at[1]) * s->x[2] + at[2];
}

/* columns[y_space][c][w_space] from an image x[c][x_space], or added into it. */
static void unfold(const struct shape *s, const int64_t *sources, float *x, float *columns,
		   bool add)
{
	for (int64_t p = 0; p < s->y_space; p++)
		for (int64_t c = 0; c < s->c; c++)
			for (int64_t q = 0; q < s->w_space; q++) {
				int64_t from = sources[p * s->w_space + q];
				float *column = &columns[(p * s->c + c) * s->w_space + q];
				if (!add)
					*column = from < 0 ? 0 : x[c * s->x_space + from];
				else if (from >= 0)
					x[c * s->x_space + from] += *column;
			}
}

static void transpose(const float *x, float *y, int64_t rows, int64_t columns)
{
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < columns; j++)
			y[j * rows + i] = x[i * columns + j];
}

/*
 * For each image and group, with columns as above, y[k][y_space], w[k][c * w_space]:
 *   forward          y^T = columns w^T
 *   backward data    columns = y^T w, folded into x
 *   backward filter  w += y columns
 */
static void convolve(const struct dnn_operation *op, float *x, float *w, float *y)
{
	struct shape s = shape_of(op);
	int64_t taps = s.c * s.w_space, image = s.c * s.x_space, result = s.k * s.y_space;
	float *columns = allocate(s.y_space * taps), *turned = allocate(result),
	      *product = allocate(s.k * taps), *w_turned = allocate(s.k * taps);
	int64_t *sources = sim_alloc((size_t)(s.y_space * s.w_space) * sizeof *sources);
	for (int64_t p = 0; p < s.y_space; p++)
		for (int64_t q = 0; q < s.w_space; q++)
			sources[p * s.w_space + q] = source(&s, p, q);
	for (int64_t i = 0; i < s.batch * s.groups; i++) {
		float *xi = x + i * image, *yi = y + i * result,
		      *wi = w + i % s.groups * s.k * taps;
		switch (op->kind) {
		case DNN_FORWARD:
			unfold(&s, sources, xi, columns, false);
			transpose(wi, w_turned, s.k, taps);
			sim_number_product(columns, w_turned, turned, s.y_space, s.k, taps);
			transpose(turned, yi, s.y_space, s.k);
			break;
		case DNN_BACKWARD_DATA:
			transpose(yi, turned, s.k, s.y_space);
			sim_number_product(turned, wi, columns, s.y_space, taps, s.k);
			unfold(&s, sources, xi, columns, true);
			break;
		case DNN_BACKWARD_FILTER:
			unfold(&s, sources, xi, columns, false);
			sim_number_product(yi, columns, product, s.k, taps, s.y_space);
			for (int64_t j = 0; j < s.k * taps; j++)
				wi[j] += product[j];
			break;
		case DNN_POINTWISE:
			break;
		}
	}
	free(columns);
	free(turned);
	free(product);
	free(w_turned);
	free(sources);
}

/* What tensor cores make of float32: TF32, 10 bits. */
static void narrow(float *values, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t bits;
		memcpy(&bits, &values[i], sizeof bits);
		bits = (bits + 0x1000) & ~0x1fffu;
		memcpy(&values[i], &bits, sizeof bits);
	}
}

static float *run_convolution(const struct dnn_operation *op, const struct values *done,
			      bool tensor_cores)
{
	float *tensors[3];
	const struct dnn_tensor *out = &op->tensors[op->output];
	int64_t n = elements(out);
	for (int k = 0; k < 3; k++)
		tensors[k] = k == op->output ? allocate(n) : input(done, &op->tensors[k]);
	for (int k = 0; k < 3 && tensor_cores; k++)
		if (k != op->output && op->tensors[k].type == NUMBER_FLOAT)
			narrow(tensors[k], elements(&op->tensors[k]));
	convolve(op, tensors[0], tensors[1], tensors[2]);
	float *result = tensors[op->output];
	float *before = op->beta != 0 ? read_tensor(out) : NULL;
	for (int64_t i = 0; i < n; i++) {
		result[i] *= op->alpha;
		if (before)
			result[i] += op->beta * before[i];
	}
	free(before);
	for (int k = 0; k < 3; k++)
		if (k != op->output)
			free(tensors[k]);
	return result;
}

/* ---- pointwise operations ---- */

/* Element of `in` that belongs to element i of `out`: axes of length 1 are repeated. */
static int64_t broadcast(const struct dnn_tensor *in, const struct dnn_tensor *out, int64_t i)
{
	int64_t index = 0, step = 1;
	for (int axis = out->rank - 1; axis >= 0; axis--) {
		if (in->dims[axis] > 1)
			index += i % out->dims[axis] * step;
		step *= in->dims[axis];
		i /= out->dims[axis];
	}
	return index;
}

static float compute(const struct dnn_operation *op, bool keeps_nan, float a, float b)
{
	switch (op->mode) {
	case CUDNN_POINTWISE_ADD:
		return op->alpha * a + op->beta * b;
	case CUDNN_POINTWISE_MUL:
		return op->alpha * a * (op->beta * b);
	case CUDNN_POINTWISE_RELU_FWD:
		a *= op->alpha;
		if (isnan(a) && !keeps_nan)
			return op->lower;
		return a < op->lower   ? op->lower + op->slope * (a - op->lower)
		       : a > op->upper ? op->upper
				       : a;
	case CUDNN_POINTWISE_RELU_BWD: /* a is dy, b is x or y */
		return b > op->lower ? (b > op->upper ? 0 : a) : op->slope * a;
	default:
		return op->alpha * a;
	}
}

static float *run_pointwise(const struct dnn_operation *op, const struct values *done,
			    bool keeps_nan)
{
	const struct dnn_tensor *out = &op->tensors[op->output], *a = &op->tensors[0],
				*b = op->operands == 3 ? &op->tensors[1] : NULL;
	int64_t n = elements(out);
	float *result = allocate(n), *va = input(done, a), *vb = b ? input(done, b) : NULL;
	for (int64_t i = 0; i < n; i++)
		result[i] = compute(op, keeps_nan, va[i], b ? vb[broadcast(b, out, i)] : 0);
	free(va);
	free(vb);
	return result;
}

/* ---- plans ---- */

void sim_dnn_run(void *argument)
{
	struct plan *plan = argument;
	struct values done = { .n = 0 };
	sim_counts.engines[plan->engine]++;
	sim_queue_spend(sim_costs.engines[plan->engine]);
	if (plan->workspace_bytes) {
		sim_memory_check(plan->workspace, (size_t)plan->workspace_bytes,
				 "the workspace of cudnnBackendExecute");
		memset(plan->workspace, POISON, (size_t)plan->workspace_bytes);
	}
	for (int i = 0; i < plan->n; i++) {
		const struct dnn_operation *op = &plan->operations[i];
		const struct dnn_tensor *out = &op->tensors[op->output];
		float *result = op->kind == DNN_POINTWISE
					? run_pointwise(op, &done, plan->engine == ENGINE_PLAIN)
					: run_convolution(op, &done, plan->engine != ENGINE_PLAIN);
		int64_t n = elements(out);
		if (plan->engine == ENGINE_NONDETERMINISTIC)
			for (int64_t k = 0; k < n; k++)
				result[k] *= 1 + (float)(sim_draw() % 16) * 0x1p-23f;
		round_to(out->type, result, n);
		if (!out->is_virtual)
			write_tensor(out, result);
		done.uids[done.n] = out->uid;
		done.v[done.n++] = result;
	}
	for (int i = 0; i < done.n; i++)
		free(done.v[i]);
	if (plan->workspace_bytes)
		memset(plan->workspace, POISON, (size_t)plan->workspace_bytes);
}
