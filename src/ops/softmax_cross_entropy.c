/*
 * softmax_cross_entropy.c - the loss of classifiers, from logits x with the classes along `axis`:
 *
 *	l = log softmax(x[i]), p = exp(l[label[i]])
 *	loss = sum over i of w[i] * ((s - 1) (1 - p)^g l[label[i]] - s mean(l))
 *
 * with a weight for every row i, label smoothing s (as torch.nn.CrossEntropyLoss) and the focal
 * loss's g (Lin et al. 2017), both 0 in the plain loss log sum exp(x[i]) - x[i, label[i]]. Rows of weight 0 do not exist: their logits and labels may be
 * anything. A label that is no class makes the loss NaN. The gradient operator computes
 * dx = dloss * w * ((1 - s) F (softmax(x) - onehot(label)) + s (softmax(x) - 1 / classes)), where
 * F = (1 - p)^g - g p (1 - p)^(g-1) log p is 1 for g = 0.
 */
#include "ops/softmax_cross_entropy.h"

#include "ops/build.h"

#include <math.h>

/* Checks logits (input k), labels and weights. */
static enum status check(const struct op_io *io, uint32_t k)
{
	const struct tensor *x = io->in[k], *labels = io->in[k + 1], *weights = io->in[k + 2];
	char tx[SHAPE_TEXT], tl[SHAPE_TEXT];
	struct shape rows = { 0 };
	int axis;
	if (!dtype_is_trainable(x->dtype) || !dtype_is_integer(labels->dtype) ||
	    (weights->dtype != DT_F32 && weights->dtype != DT_F64))
		return fail(io->err, ERR_INPUT, "logits are %s, labels %s, weights %s",
			    dtype_name(x->dtype), dtype_name(labels->dtype),
			    dtype_name(weights->dtype));
	if (!shape_axis(&x->shape, node_int(io->node, "axis"), &axis))
		return fail(io->err, ERR_INPUT, "logits %s have no axis %lld",
			    shape_format(&x->shape, tx), (long long)node_int(io->node, "axis"));
	for (int i = 0; i < x->shape.rank; i++)
		if (i != axis)
			rows.dim[rows.rank++] = x->shape.dim[i];
	if (!shape_equal(&rows, &labels->shape) || !shape_equal(&rows, &weights->shape))
		return fail(io->err, ERR_INPUT, "labels or weights %s for logits %s",
			    shape_format(&labels->shape, tl), shape_format(&x->shape, tx));
	return OK;
}

static enum status infer(struct op_io *io)
{
	TRY(check(io, 0));
	return infer_set(io, 0, io->in[0]->dtype == DT_F64 ? DT_F64 : DT_F32, &SHAPE_SCALAR);
}

static enum status infer_grad(struct op_io *io)
{
	TRY(check(io, 1));
	if (!dtype_is_trainable(io->in[0]->dtype) || io->in[0]->shape.rank)
		return fail(io->err, ERR_INPUT, "the gradient of the loss is no scalar");
	return infer_set(io, 0, io->in[1]->dtype, &io->in[1]->shape);
}

/* One row of logits: element c stands at first + c * step. */
struct row {
	int64_t first, step, classes, label;
	double weight;
	double max, sum; /* of the logits; of exp(x - max) */
};

/* Row i; false when its weight is 0. */
static bool read_row(const struct op_io *io, uint32_t k, int64_t i, struct row *r)
{
	const struct tensor *x = io->in[k];
	int axis = 0;
	shape_axis(&x->shape, node_int(io->node, "axis"), &axis);
	r->weight = tensor_get(io->in[k + 2], i);
	if (r->weight == 0)
		return false;
	r->classes = x->shape.dim[axis];
	r->step = 1;
	for (int a = axis + 1; a < x->shape.rank; a++)
		r->step *= x->shape.dim[a];
	r->first = i / r->step * r->classes * r->step + i % r->step;
	r->label = tensor_get_int(io->in[k + 1], i);
	r->max = -INFINITY;
	r->sum = 0;
	for (int64_t c = 0; c < r->classes; c++)
		r->max = fmax(r->max, tensor_get(x, r->first + c * r->step));
	for (int64_t c = 0; c < r->classes; c++)
		r->sum += exp(tensor_get(x, r->first + c * r->step) - r->max);
	return true;
}

/* log softmax of class c. */
static double log_probability(const struct op_io *io, uint32_t k, const struct row *r, int64_t c)
{
	return -(r->max + log(r->sum) - tensor_get(io->in[k], r->first + c * r->step));
}

static enum status ref(struct op_io *io)
{
	double loss = 0, smoothing = node_double(io->node, "smoothing");
	double gamma = node_double(io->node, "gamma");
	struct row r;
	for (int64_t i = 0, n = shape_elements(&io->in[1]->shape); i < n; i++) {
		if (!read_row(io, 0, i, &r))
			continue;
		if (r.label < 0 || r.label >= r.classes) {
			loss = NAN;
			continue;
		}
		double mean = 0;
		for (int64_t c = 0; c < r.classes && smoothing != 0; c++)
			mean += log_probability(io, 0, &r, c) / (double)r.classes;
		loss += r.weight *
			((1 - smoothing) * focal_loss(log_probability(io, 0, &r, r.label), gamma) -
			 smoothing * mean);
	}
	tensor_set(&io->out[0], 0, loss);
	return OK;
}

static enum status ref_grad(struct op_io *io)
{
	const struct tensor *x = io->in[1];
	struct tensor *dx = &io->out[0];
	double dloss = tensor_get(io->in[0], 0), smoothing = node_double(io->node, "smoothing");
	double gamma = node_double(io->node, "gamma");
	struct row r;
	for (int64_t i = 0, n = shape_elements(&x->shape); i < n; i++)
		tensor_set(dx, i, 0);
	for (int64_t i = 0, n = shape_elements(&io->in[2]->shape); i < n; i++) {
		if (!read_row(io, 1, i, &r))
			continue;
		bool known = r.label >= 0 && r.label < r.classes;
		double factor = (1 - smoothing) *
				(known ? focal_factor(log_probability(io, 1, &r, r.label), gamma)
				       : NAN);
		for (int64_t c = 0; c < r.classes; c++) {
			int64_t e = r.first + c * r.step;
			double p = exp(tensor_get(x, e) - r.max) / r.sum;
			tensor_set(dx, e,
				   dloss * r.weight *
					   (factor * (p - (c == r.label)) +
					    smoothing * (p - 1 / (double)r.classes)));
		}
	}
	return OK;
}

static void grad(struct grad *g)
{
	g->dx[0] = build(g->b, "SoftmaxCrossEntropyGrad", IN(g->dy[0], g->x[0], g->x[1], g->x[2]),
			 attr_int("axis", node_int(g->node, "axis")),
			 attr_double("smoothing", node_double(g->node, "smoothing")),
			 attr_double("gamma", node_double(g->node, "gamma")));
}

static const struct op_attr attrs[] = { { "axis", ATTR_INT, 0, 1, 0, NULL },
					{ "smoothing", ATTR_DOUBLE, 0, 0, 0, NULL },
					{ "gamma", ATTR_DOUBLE, 0, 0, 0, NULL },
					{ 0 } };
static const struct op_arg in[] = {
	{ "logits", 0, 0 },
	{ "labels", ARG_KEEP | ARG_NO_GRAD, 0 },
	{ "weights", ARG_KEEP | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg out[] = { { "loss", 0, 0 }, { 0 } };
static const struct op_arg grad_in[] = {
	{ "dloss", ARG_KEEP, 0 },
	{ "logits", 0, 0 },
	{ "labels", ARG_KEEP | ARG_NO_GRAD, 0 },
	{ "weights", ARG_KEEP | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg grad_out[] = { { "dlogits", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_softmax_cross_entropy = {
	.domain = "onnxtune",
	.name = "SoftmaxCrossEntropy",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FULL,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};

const struct op_def op_onnxtune_softmax_cross_entropy_grad = {
	.domain = "onnxtune",
	.name = "SoftmaxCrossEntropyGrad",
	.since = 1,
	.attrs = attrs,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FULL,
	.infer = infer_grad,
	.ref = ref_grad,
};
