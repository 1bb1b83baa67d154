/*
 * softmax.c - Softmax: y = exp(x) / sum exp(x) over one axis, and LogSoftmax, its logarithm (ONNX
 * 1, 11, 13), with their gradients. Form 1 works on the rows of x flattened to a matrix at `axis`.
 */
#include "ops/build.h"

#include <math.h>

/* x seen as [outer, n, inner] around the axis. */
struct rows {
	int64_t outer, n, inner;
};

static struct rows rows(const struct op_io *io)
{
	const struct shape *s = &io->in[0]->shape;
	struct rows r = { 1, 1, 1 };
	int axis = 0;
	shape_axis(s, node_int(io->node, "axis"), &axis);
	for (int i = 0; i < s->rank; i++)
		*(i < axis ? &r.outer : i > axis ? &r.inner : &r.n) *= s->dim[i];
	return r;
}

static enum status infer(struct op_io *io)
{
	int axis;
	if (!dtype_is_float(io->in[0]->dtype))
		return fail(io->err, ERR_INPUT, "the input is %s", dtype_name(io->in[0]->dtype));
	TRY(infer_axis(io, &io->in[0]->shape, node_int(io->node, "axis"), &axis));
	return infer_same(io);
}

static enum status infer_grad(struct op_io *io)
{
	const struct tensor *dy = io->in[0], *y = io->in[1];
	char tdy[SHAPE_TEXT], ty[SHAPE_TEXT];
	if (dy->dtype != y->dtype || !shape_equal(&dy->shape, &y->shape))
		return fail(io->err, ERR_INPUT, "gradient %s of %s for %s of %s",
			    shape_format(&dy->shape, tdy), dtype_name(dy->dtype),
			    shape_format(&y->shape, ty), dtype_name(y->dtype));
	return infer(io);
}

/* One function per operator: n elements from `first`, `step` apart. */
typedef void row_fn(struct op_io *io, int64_t first, int64_t step, int64_t n);

static enum status each_row(struct op_io *io, row_fn *f)
{
	struct rows r = rows(io);
	for (int64_t o = 0; r.n && r.inner && o < r.outer; o++)
		for (int64_t i = 0; i < r.inner; i++)
			f(io, o * r.n * r.inner + i, r.inner, r.n);
	return OK;
}

/* The maximum, and the sum of exp(x - maximum). */
static double row_max(const struct tensor *x, int64_t first, int64_t step, int64_t n, double *sum)
{
	double max = -INFINITY;
	for (int64_t k = 0; k < n; k++)
		max = fmax(max, tensor_get(x, first + k * step));
	*sum = 0;
	for (int64_t k = 0; k < n; k++)
		*sum += exp(tensor_get(x, first + k * step) - max);
	return max;
}

/* y = exp(x - max) / sum */
static void softmax(struct op_io *io, int64_t first, int64_t step, int64_t n)
{
	double sum, max = row_max(io->in[0], first, step, n, &sum);
	for (int64_t k = 0, i = first; k < n; k++, i += step)
		tensor_set(&io->out[0], i, exp(tensor_get(io->in[0], i) - max) / sum);
}

/* y = x - max - log(sum) */
static void log_softmax(struct op_io *io, int64_t first, int64_t step, int64_t n)
{
	double sum, max = row_max(io->in[0], first, step, n, &sum);
	for (int64_t k = 0, i = first; k < n; k++, i += step)
		tensor_set(&io->out[0], i, tensor_get(io->in[0], i) - max - log(sum));
}

/* dx = y (dy - sum dy y) */
static void softmax_grad(struct op_io *io, int64_t first, int64_t step, int64_t n)
{
	const struct tensor *dy = io->in[0], *y = io->in[1];
	double sum = 0;
	for (int64_t k = 0, i = first; k < n; k++, i += step)
		sum += tensor_get(dy, i) * tensor_get(y, i);
	for (int64_t k = 0, i = first; k < n; k++, i += step)
		tensor_set(&io->out[0], i, tensor_get(y, i) * (tensor_get(dy, i) - sum));
}

/* dx = dy - exp(y) sum dy */
static void log_softmax_grad(struct op_io *io, int64_t first, int64_t step, int64_t n)
{
	const struct tensor *dy = io->in[0], *y = io->in[1];
	double sum = 0;
	for (int64_t k = 0, i = first; k < n; k++, i += step)
		sum += tensor_get(dy, i);
	for (int64_t k = 0, i = first; k < n; k++, i += step)
		tensor_set(&io->out[0], i, tensor_get(dy, i) - exp(tensor_get(y, i)) * sum);
}

static enum status ref_softmax(struct op_io *io)
{
	return each_row(io, softmax);
}

static enum status ref_log_softmax(struct op_io *io)
{
	return each_row(io, log_softmax);
}

static enum status ref_softmax_grad(struct op_io *io)
{
	return each_row(io, softmax_grad);
}

static enum status ref_log_softmax_grad(struct op_io *io)
{
	return each_row(io, log_softmax_grad);
}

static void grad_softmax(struct grad *g)
{
	g->dx[0] = build(g->b, "SoftmaxGrad", IN(g->dy[0], g->y[0]),
			 attr_int("axis", node_int(g->node, "axis")));
}

static void grad_log_softmax(struct grad *g)
{
	g->dx[0] = build(g->b, "LogSoftmaxGrad", IN(g->dy[0], g->y[0]),
			 attr_int("axis", node_int(g->node, "axis")));
}

/* Where at most one axis from `axis` on has more than one element, that is the newest form. */
static void lower(struct lower *l)
{
	struct builder *b = l->b;
	const char *op = l->node->def->name;
	struct shape x = *build_shape(b, l->in[0]);
	int axis, wide = -1, n_wide = 0;
	if (!shape_axis(&x, node_int(l->node, "axis"), &axis)) {
		build_fail(b, ERR_INPUT, "axis %lld is outside rank %d",
			   (long long)node_int(l->node, "axis"), x.rank);
		return;
	}
	struct shape matrix = SHAPE(1, 1);
	for (int i = 0; i < x.rank; i++) {
		matrix.dim[i >= axis] *= x.dim[i];
		if (i >= axis && x.dim[i] != 1) {
			wide = i;
			n_wide++;
		}
	}
	if (n_wide <= 1) {
		l->out[0] = build(b, op, IN(l->in[0]), attr_int("axis", n_wide ? wide : axis));
		return;
	}
	uint32_t y = build(b, op, IN(build_reshape(b, l->in[0], &matrix)), attr_int("axis", 1));
	l->out[0] = build_reshape(b, y, &x);
}

static const struct op_attr attrs_1[] = { { "axis", ATTR_INT, 0, 1, 0, NULL }, { 0 } };
static const struct op_attr attrs[] = { { "axis", ATTR_INT, 0, -1, 0, NULL }, { 0 } };
static const struct op_arg in[] = { { "input", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };
static const struct op_arg grad_in[] = { { "dY", 0, 0 }, { "Y", 0, 0 }, { 0 } };
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_softmax_1 = {
	.domain = "",
	.name = "Softmax",
	.since = 1,
	.attrs = attrs_1,
	.in = in,
	.out = out,
	.lower = lower,
};

const struct op_def op_softmax_13 = {
	.domain = "",
	.name = "Softmax",
	.since = 13,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_INNER,
	.flags = OP_INPLACE,
	.infer = infer,
	.ref = ref_softmax,
	.grad = grad_softmax,
};

const struct op_def op_log_softmax_1 = {
	.domain = "",
	.name = "LogSoftmax",
	.since = 1,
	.attrs = attrs_1,
	.in = in,
	.out = out,
	.lower = lower,
};

const struct op_def op_log_softmax_13 = {
	.domain = "",
	.name = "LogSoftmax",
	.since = 13,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_INNER,
	.flags = OP_INPLACE,
	.infer = infer,
	.ref = ref_log_softmax,
	.grad = grad_log_softmax,
};

const struct op_def op_onnxtune_softmax_grad = {
	.domain = "onnxtune",
	.name = "SoftmaxGrad",
	.since = 1,
	.attrs = attrs,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_INNER,
	.flags = OP_INPLACE,
	.infer = infer_grad,
	.ref = ref_softmax_grad,
};

const struct op_def op_onnxtune_log_softmax_grad = {
	.domain = "onnxtune",
	.name = "LogSoftmaxGrad",
	.since = 1,
	.attrs = attrs,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_INNER,
	.flags = OP_INPLACE,
	.infer = infer_grad,
	.ref = ref_log_softmax_grad,
};
