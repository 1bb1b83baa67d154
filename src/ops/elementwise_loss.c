/*
 * elementwise_loss.c - losses that compare an output with targets of its shape:
 *
 *	loss = sum over samples n of w[n] * mean over the sample's elements of f(y, t)
 *
 * SigmoidCrossEntropy: f = max(y, 0) - y t + log(1 + exp(-|y|)), binary cross-entropy from logits,
 * times (1 - pt)^gamma for the focal loss (Lin et al. 2017), pt = p t + (1 - p) (1 - t), p =
 * sigmoid(y); gamma 0 is the plain loss.
 * SquaredError: f = (y - t)^2. AbsoluteError: f = |y - t|, with the slope 0 where they meet.
 * HuberError: f = (y - t)^2 / 2 up to |y - t| = delta, then the line that goes on from there,
 * delta (|y - t| - delta / 2), as torch.nn.HuberLoss. Samples of weight 0 do not exist: their content may be anything.
 * The gradient operators compute dy = dloss * w * f'(y, t) / elements of a sample.
 */
#include "ops/build.h"

#include <math.h>

static double sigmoid(double y)
{
	double e = exp(-fabs(y));
	return (y >= 0 ? 1 : e) / (1 + e);
}

/* 1 - pt */
static double miss(double y, double t)
{
	return sigmoid(y) * (1 - t) + sigmoid(-y) * t;
}

static double sigmoid_cross_entropy(double y, double t, double gamma)
{
	double plain = fmax(y, 0) - y * t + log1p(exp(-fabs(y)));
	return gamma == 0 ? plain : pow(miss(y, t), gamma) * plain;
}

/* sigmoid(y) - t, and by the rule of products with gamma */
static double sigmoid_cross_entropy_grad(double y, double t, double gamma)
{
	double plain = sigmoid(y) - t, m = miss(y, t);
	if (gamma == 0)
		return plain;
	if (m == 0)
		return 0;
	return plain * pow(m, gamma) + sigmoid_cross_entropy(y, t, 0) * gamma * pow(m, gamma - 1) *
					       (1 - 2 * t) * sigmoid(y) * sigmoid(-y);
}

static double squared_error(double y, double t, double gamma)
{
	(void)gamma;
	return (y - t) * (y - t);
}

static double squared_error_grad(double y, double t, double gamma)
{
	(void)gamma;
	return 2 * (y - t);
}

static double absolute_error(double y, double t, double ignored)
{
	(void)ignored;
	return fabs(y - t);
}

static double absolute_error_grad(double y, double t, double ignored)
{
	(void)ignored;
	return (y > t) - (y < t);
}

static double huber_error(double y, double t, double delta)
{
	double d = fabs(y - t);
	return d < delta ? 0.5 * d * d : delta * (d - 0.5 * delta);
}

static double huber_error_grad(double y, double t, double delta)
{
	double d = y - t;
	return d > delta ? delta : d < -delta ? -delta : d; /* NaN stays */
}

/* Checks output (input k), targets and weights. */
static enum status check(const struct op_io *io, uint32_t k)
{
	const struct tensor *y = io->in[k], *t = io->in[k + 1], *w = io->in[k + 2];
	char ty[SHAPE_TEXT], tt[SHAPE_TEXT], tw[SHAPE_TEXT];
	if (!dtype_is_trainable(y->dtype) || !dtype_is_trainable(t->dtype) ||
	    (w->dtype != DT_F32 && w->dtype != DT_F64))
		return fail(io->err, ERR_INPUT, "outputs are %s, targets %s, weights %s",
			    dtype_name(y->dtype), dtype_name(t->dtype), dtype_name(w->dtype));
	if (!y->shape.rank || !shape_equal(&y->shape, &t->shape) || w->shape.rank != 1 ||
	    w->shape.dim[0] != y->shape.dim[0])
		return fail(io->err, ERR_INPUT, "targets %s and weights %s for outputs %s",
			    shape_format(&t->shape, tt), shape_format(&w->shape, tw),
			    shape_format(&y->shape, ty));
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

static enum status sum(struct op_io *io, double (*f)(double, double, double), double gamma)
{
	const struct tensor *y = io->in[0], *t = io->in[1], *w = io->in[2];
	int64_t samples = y->shape.dim[0], n = samples ? shape_elements(&y->shape) / samples : 0;
	double loss = 0;
	for (int64_t s = 0; s < samples; s++) {
		double weight = tensor_get(w, s), sum = 0;
		for (int64_t i = s * n; weight != 0 && i < (s + 1) * n; i++)
			sum += f(tensor_get(y, i), tensor_get(t, i), gamma);
		if (weight != 0 && n)
			loss += weight * sum / (double)n;
	}
	tensor_set(&io->out[0], 0, loss);
	return OK;
}

static enum status each(struct op_io *io, double (*f)(double, double, double), double gamma)
{
	const struct tensor *y = io->in[1], *t = io->in[2], *w = io->in[3];
	int64_t samples = y->shape.dim[0], n = samples ? shape_elements(&y->shape) / samples : 0;
	double dloss = tensor_get(io->in[0], 0);
	for (int64_t i = 0; i < samples * n; i++) {
		double weight = tensor_get(w, i / n), dy = 0;
		if (weight != 0)
			dy = dloss * weight / (double)n *
			     f(tensor_get(y, i), tensor_get(t, i), gamma);
		tensor_set(&io->out[0], i, dy);
	}
	return OK;
}

static enum status ref_sigmoid(struct op_io *io)
{
	return sum(io, sigmoid_cross_entropy, node_double(io->node, "gamma"));
}

static enum status ref_sigmoid_grad(struct op_io *io)
{
	return each(io, sigmoid_cross_entropy_grad, node_double(io->node, "gamma"));
}

static enum status ref_squared(struct op_io *io)
{
	return sum(io, squared_error, 0);
}

static enum status ref_squared_grad(struct op_io *io)
{
	return each(io, squared_error_grad, 0);
}

static enum status ref_absolute(struct op_io *io)
{
	return sum(io, absolute_error, 0);
}

static enum status ref_absolute_grad(struct op_io *io)
{
	return each(io, absolute_error_grad, 0);
}

static enum status ref_huber(struct op_io *io)
{
	return sum(io, huber_error, node_double(io->node, "delta"));
}

static enum status ref_huber_grad(struct op_io *io)
{
	return each(io, huber_error_grad, node_double(io->node, "delta"));
}

static void grad_absolute(struct grad *g)
{
	g->dx[0] = build(g->b, "AbsoluteErrorGrad", IN(g->dy[0], g->x[0], g->x[1], g->x[2]));
}

static void grad_huber(struct grad *g)
{
	g->dx[0] = build(g->b, "HuberErrorGrad", IN(g->dy[0], g->x[0], g->x[1], g->x[2]),
			 attr_double("delta", node_double(g->node, "delta")));
}

static void grad_sigmoid(struct grad *g)
{
	g->dx[0] = build(g->b, "SigmoidCrossEntropyGrad", IN(g->dy[0], g->x[0], g->x[1], g->x[2]),
			 attr_double("gamma", node_double(g->node, "gamma")));
}

static void grad_squared(struct grad *g)
{
	g->dx[0] = build(g->b, "SquaredErrorGrad", IN(g->dy[0], g->x[0], g->x[1], g->x[2]));
}

static const struct op_attr huber_attrs[] = { { "delta", ATTR_DOUBLE, 0, 1, 0, NULL }, { 0 } };
static const struct op_attr sigmoid_attrs[] = { { "gamma", ATTR_DOUBLE, 0, 0, 0, NULL }, { 0 } };
static const struct op_arg in[] = {
	{ "Y", 0, 0 },
	{ "targets", ARG_KEEP | ARG_NO_GRAD, 0 },
	{ "weights", ARG_KEEP | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg out[] = { { "loss", 0, 0 }, { 0 } };
static const struct op_arg grad_in[] = {
	{ "dloss", ARG_KEEP, 0 },
	{ "Y", 0, 0 },
	{ "targets", ARG_KEEP | ARG_NO_GRAD, 0 },
	{ "weights", ARG_KEEP | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg grad_out[] = { { "dY", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_sigmoid_cross_entropy = {
	.domain = "onnxtune",
	.name = "SigmoidCrossEntropy",
	.since = 1,
	.attrs = sigmoid_attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FULL,
	.infer = infer,
	.ref = ref_sigmoid,
	.grad = grad_sigmoid,
};

const struct op_def op_onnxtune_sigmoid_cross_entropy_grad = {
	.domain = "onnxtune",
	.name = "SigmoidCrossEntropyGrad",
	.since = 1,
	.attrs = sigmoid_attrs,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FULL,
	.infer = infer_grad,
	.ref = ref_sigmoid_grad,
};

const struct op_def op_onnxtune_squared_error = {
	.domain = "onnxtune",
	.name = "SquaredError",
	.since = 1,
	.in = in,
	.out = out,
	.precision = PRECISION_FULL,
	.infer = infer,
	.ref = ref_squared,
	.grad = grad_squared,
};

const struct op_def op_onnxtune_squared_error_grad = {
	.domain = "onnxtune",
	.name = "SquaredErrorGrad",
	.since = 1,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FULL,
	.infer = infer_grad,
	.ref = ref_squared_grad,
};

const struct op_def op_onnxtune_absolute_error = {
	.domain = "onnxtune",
	.name = "AbsoluteError",
	.since = 1,
	.in = in,
	.out = out,
	.precision = PRECISION_FULL,
	.infer = infer,
	.ref = ref_absolute,
	.grad = grad_absolute,
};

const struct op_def op_onnxtune_absolute_error_grad = {
	.domain = "onnxtune",
	.name = "AbsoluteErrorGrad",
	.since = 1,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FULL,
	.infer = infer_grad,
	.ref = ref_absolute_grad,
};

const struct op_def op_onnxtune_huber_error = {
	.domain = "onnxtune",
	.name = "HuberError",
	.since = 1,
	.attrs = huber_attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FULL,
	.infer = infer,
	.ref = ref_huber,
	.grad = grad_huber,
};

const struct op_def op_onnxtune_huber_error_grad = {
	.domain = "onnxtune",
	.name = "HuberErrorGrad",
	.since = 1,
	.attrs = huber_attrs,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FULL,
	.infer = infer_grad,
	.ref = ref_huber_grad,
};
