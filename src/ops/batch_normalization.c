/*
 * batch_normalization.c - BatchNormalization over axis 1, the channels (ONNX 7, 9, 14, 15):
 *
 *	y = (x - mean) / sqrt(var + epsilon) * scale + B
 *
 * with the statistics of the model or, in training, of the batch. BatchNormTrain is the training
 * form that passes put in: it updates the running statistics in place, and keeps what
 * BatchNormGrad needs. Variances are those of the population. Statistics are float64 for float64
 * inputs, else float32.
 */
#include "ops/build.h"

#include <math.h>

/* x seen as [n, c, inner]. */
struct channels {
	int64_t n, c, inner;
};

static struct channels channels(const struct tensor *x)
{
	struct channels s = { x->shape.dim[0], x->shape.dim[1], 1 };
	for (int i = 2; i < x->shape.rank; i++)
		s.inner *= x->shape.dim[i];
	if (!s.inner) /* no elements: nothing to walk over */
		s.n = 0;
	return s;
}

static enum dtype wide(enum dtype dtype)
{
	return dtype == DT_F64 ? DT_F64 : DT_F32;
}

/* Input x must be a batch of channels; inputs [first, last) one number per channel. */
static enum status check(const struct op_io *io, uint32_t x, uint32_t first, uint32_t last)
{
	const struct tensor *t = io->in[x];
	if (!dtype_is_trainable(t->dtype) || t->shape.rank < 2)
		return fail(io->err, ERR_INPUT, "the input is %s of rank %d", dtype_name(t->dtype),
			    t->shape.rank);
	for (uint32_t k = first; k < last; k++) {
		const struct tensor *v = io->in[k];
		if (!dtype_is_trainable(v->dtype) || v->shape.rank != 1 ||
		    v->shape.dim[0] != t->shape.dim[1])
			return fail(io->err, ERR_INPUT,
				    "'%s' is not one number for each of %lld channels",
				    op_input(io->node->def, k)->name, (long long)t->shape.dim[1]);
	}
	return OK;
}

/* ---- one channel ---- */

#define EACH_ELEMENT(s, c, i)                                                                      \
	for (int64_t n_ = 0; n_ < (s).n; n_++)                                                     \
		for (int64_t i = (n_ * (s).c + (c)) * (s).inner, end_ = i + (s).inner; i < end_;   \
		     i++)

static void statistics(const struct tensor *x, int64_t c, double *mean, double *var)
{
	struct channels s = channels(x);
	double count = (double)(s.n * s.inner), sum = 0, squares = 0;
	EACH_ELEMENT(s, c, i)
	sum += tensor_get(x, i);
	*mean = sum / count;
	EACH_ELEMENT(s, c, i)
	squares += (tensor_get(x, i) - *mean) * (tensor_get(x, i) - *mean);
	*var = squares / count;
}

/* y = (x - mean) * rstd * scale + B; x, scale and B are inputs 0, 1 and 2 */
static void normalize(struct op_io *io, int64_t c, double mean, double rstd)
{
	const struct tensor *x = io->in[0];
	struct channels s = channels(x);
	double scale = tensor_get(io->in[1], c), bias = tensor_get(io->in[2], c);
	EACH_ELEMENT(s, c, i)
	tensor_set(&io->out[0], i, (tensor_get(x, i) - mean) * rstd * scale + bias);
}

/* running = running * momentum + batch * (1 - momentum), if it was a batch of finite numbers */
static void update(struct op_io *io, int64_t c, double mean, double var)
{
	double momentum = node_float(io->node, "momentum"), batch[] = { mean, var };
	bool finite = isfinite(mean) && isfinite(var);
	for (uint32_t k = 0; k < 2; k++) {
		if (k + 1 >= io->n_out || !io->wanted[k + 1])
			continue;
		double running = tensor_get(io->in[3 + k], c);
		if (finite)
			running = running * momentum + batch[k] * (1 - momentum);
		tensor_set(&io->out[1 + k], c, running);
	}
}

/* ---- BatchNormalization ---- */

static enum status infer(struct op_io *io)
{
	bool training = node_int(io->node, "training_mode") != 0;
	TRY(check(io, 0, 1, 5));
	for (uint32_t k = 1; k < io->n_out; k++) {
		if (io->wanted[k] && !training)
			return fail(io->err, ERR_INPUT, "running statistics without training_mode");
		infer_set(io, k, io->in[2 + k]->dtype, &io->in[2 + k]->shape);
	}
	return infer_same(io);
}

static enum status ref(struct op_io *io)
{
	double epsilon = node_float(io->node, "epsilon"), mean, var;
	bool training = node_int(io->node, "training_mode") != 0;
	for (int64_t c = 0; c < io->in[0]->shape.dim[1]; c++) {
		mean = tensor_get(io->in[3], c);
		var = tensor_get(io->in[4], c);
		if (training) {
			statistics(io->in[0], c, &mean, &var);
			update(io, c, mean, var);
		}
		if (io->wanted[0])
			normalize(io, c, mean, 1 / sqrt(var + epsilon));
	}
	return OK;
}

/* The sum over all but the channels. */
static uint32_t sum_channels(struct builder *b, uint32_t x)
{
	static const int64_t axes[] = { 0, 2, 3, 4, 5, 6, 7 };
	int rank = build_shape(b, x)->rank;
	return build(b, "ReduceSum", IN(x, build_ints(b, axes, rank > 1 ? (uint32_t)rank - 1 : 0)),
		     attr_int("keepdims", 0));
}

static void grad_batch(struct grad *g, uint32_t mean, uint32_t rstd)
{
	bool wanted[] = { g->need[0], g->need[1], g->need[2] };
	build_outputs(g->b, "BatchNormGrad", IN(g->dy[0], g->x[0], g->x[1], mean, rstd), NULL,
		      wanted, g->dx, 3);
}

/* With given statistics y is linear in x, scale and B: dx = dy scale rstd, dscale = sum of
 * dy (x - mean) rstd, dB = sum of dy. */
static void grad(struct grad *g)
{
	struct builder *b = g->b;
	struct shape x = *build_shape(b, g->x[0]), column = { .rank = x.rank - 1 };
	enum dtype dtype = wide(build_type(b, g->x[0])->dtype);
	float epsilon = node_float(g->node, "epsilon");
	if (!g->dy[0] || b->status != OK)
		return;
	if (node_int(g->node, "training_mode")) {
		static const bool statistics[5] = { [3] = true, [4] = true };
		uint32_t out[5];
		build_outputs(b, "BatchNormTrain", (struct inputs){ g->x, 5 },
			      (const struct attr[]){ attr_float("epsilon", epsilon), { 0 } },
			      statistics, out, 5);
		grad_batch(g, out[3], out[4]);
		return;
	}
	for (int i = 0; i < column.rank; i++)
		column.dim[i] = i ? 1 : x.dim[1];
	uint32_t scale = build_cast(b, build_reshape(b, g->x[1], &column), dtype);
	uint32_t mean = build_cast(b, build_reshape(b, g->x[3], &column), dtype);
	uint32_t var = build_cast(b, build_reshape(b, g->x[4], &column), dtype);
	var = build(b, "Add", IN(var, build_scalar(b, epsilon, var)));
	uint32_t rstd = build(b, "Reciprocal", IN(build(b, "Sqrt", IN(var))));
	if (g->need[0]) {
		uint32_t slope = build(b, "Mul", IN(scale, rstd));
		slope = build_cast(b, slope, build_type(b, g->dy[0])->dtype);
		g->dx[0] = build(b, "Mul", IN(g->dy[0], slope));
	}
	if (g->need[1]) {
		uint32_t centred = build(b, "Sub", IN(build_cast(b, g->x[0], dtype), mean));
		uint32_t normal = build(b, "Mul", IN(centred, rstd));
		uint32_t dy = build_cast(b, g->dy[0], dtype);
		g->dx[1] = sum_channels(b, build(b, "Mul", IN(dy, normal)));
	}
	if (g->need[2])
		g->dx[2] = sum_channels(b, g->dy[0]);
}

/* Forms 7 and 9 are for inference unless the training outputs are asked for. */
static void lower(struct lower *l)
{
	bool training = false;
	for (uint32_t k = 1; k < l->n_out; k++)
		training |= l->wanted[k];
	if (training || !node_int(l->node, "spatial"))
		build_fail(l->b, ERR_UNSUPPORTED,
			   training ? "training outputs of opset %d" : "spatial = 0 (opset %d)",
			   l->node->def->since);
	l->out[0] = build_op(
		l->b, "BatchNormalization", (struct inputs){ l->in, l->n_in },
		(const struct attr[]){ attr_float("epsilon", node_float(l->node, "epsilon")),
				       attr_float("momentum", node_float(l->node, "momentum")),
				       { 0 } });
}

/* ---- BatchNormTrain and BatchNormGrad ---- */

static enum status infer_train(struct op_io *io)
{
	struct shape vector = SHAPE(io->in[1]->shape.dim[0]);
	TRY(check(io, 0, 1, 5));
	for (uint32_t k = 1; k < io->n_out; k++)
		infer_set(io, k, k < 3 ? io->in[2 + k]->dtype : wide(io->in[0]->dtype), &vector);
	return infer_same(io);
}

static enum status ref_train(struct op_io *io)
{
	double epsilon = node_float(io->node, "epsilon"), mean, var;
	for (int64_t c = 0; c < io->in[0]->shape.dim[1]; c++) {
		statistics(io->in[0], c, &mean, &var);
		double rstd = 1 / sqrt(var + epsilon);
		update(io, c, mean, var);
		if (io->n_out > 3 && io->wanted[3])
			tensor_set(&io->out[3], c, mean);
		if (io->n_out > 4 && io->wanted[4])
			tensor_set(&io->out[4], c, rstd);
		if (io->wanted[0])
			normalize(io, c, mean, rstd);
	}
	return OK;
}

static void grad_train(struct grad *g)
{
	if (g->dy[0])
		grad_batch(g, grad_output(g, 3), grad_output(g, 4));
}

static enum status infer_grad(struct op_io *io)
{
	const struct tensor *dy = io->in[0], *x = io->in[1];
	struct shape vector = SHAPE(io->in[2]->shape.dim[0]);
	TRY(check(io, 1, 2, 5));
	if (dy->dtype != x->dtype || !shape_equal(&dy->shape, &x->shape))
		return fail(io->err, ERR_INPUT, "gradient and input differ in type");
	for (uint32_t k = 1; k < io->n_out; k++)
		infer_set(io, k, wide(x->dtype), &vector);
	return infer_same(io);
}

/*
 * dB = sum of dy, dscale = sum of dy * xhat,
 * dx = scale * rstd * (dy - (dB + xhat * dscale) / count), xhat = (x - mean) * rstd
 */
static enum status ref_grad(struct op_io *io)
{
	const struct tensor *dy = io->in[0], *x = io->in[1];
	struct channels s = channels(x);
	for (int64_t c = 0; c < s.c; c++) {
		double scale = tensor_get(io->in[2], c), mean = tensor_get(io->in[3], c);
		double rstd = tensor_get(io->in[4], c), count = (double)(s.n * s.inner);
		double dscale = 0, dbias = 0;
		EACH_ELEMENT(s, c, i)
		{
			dbias += tensor_get(dy, i);
			dscale += tensor_get(dy, i) * (tensor_get(x, i) - mean) * rstd;
		}
		if (io->n_out > 1 && io->wanted[1])
			tensor_set(&io->out[1], c, dscale);
		if (io->n_out > 2 && io->wanted[2])
			tensor_set(&io->out[2], c, dbias);
		if (!io->wanted[0])
			continue;
		EACH_ELEMENT(s, c, i)
		{
			double xhat = (tensor_get(x, i) - mean) * rstd;
			double mean_part = (dbias + xhat * dscale) / count;
			tensor_set(&io->out[0], i, scale * rstd * (tensor_get(dy, i) - mean_part));
		}
	}
	return OK;
}

/* ---- the definitions ---- */

#define STATISTIC (ARG_KEEP | ARG_NO_GRAD)

static const struct op_attr attrs_7[] = {
	{ "epsilon", ATTR_FLOAT, 0, 0, 1e-5f, NULL },
	{ "momentum", ATTR_FLOAT, 0, 0, 0.9f, NULL },
	{ "spatial", ATTR_INT, 0, 1, 0, NULL },
	{ 0 },
};
static const struct op_attr attrs[] = {
	{ "epsilon", ATTR_FLOAT, 0, 0, 1e-5f, NULL },
	{ "momentum", ATTR_FLOAT, 0, 0, 0.9f, NULL },
	{ "training_mode", ATTR_INT, 0, 0, 0, NULL },
	{ 0 },
};
static const struct op_attr attrs_train[] = {
	{ "epsilon", ATTR_FLOAT, 0, 0, 1e-5f, NULL },
	{ "momentum", ATTR_FLOAT, 0, 0, 0.9f, NULL },
	{ 0 },
};
static const struct op_arg in[] = {
	{ "X", 0, 0 },
	{ "scale", ARG_PARAM | ARG_KEEP, 0 },
	{ "B", ARG_PARAM | ARG_KEEP, 0 },
	{ "input_mean", STATISTIC, 0 },
	{ "input_var", STATISTIC, 0 },
	{ 0 },
};
static const struct op_arg out_7[] = {
	{ "Y", 0, 0 },
	{ "mean", ARG_OPTIONAL, 0 },
	{ "var", ARG_OPTIONAL, 0 },
	{ "saved_mean", ARG_OPTIONAL, 0 },
	{ "saved_var", ARG_OPTIONAL, 0 },
	{ 0 },
};
static const struct op_arg out[] = {
	{ "Y", 0, 0 },
	{ "running_mean", ARG_OPTIONAL, 0 },
	{ "running_var", ARG_OPTIONAL, 0 },
	{ 0 },
};
static const struct op_arg out_train[] = {
	{ "Y", 0, 0 },
	{ "running_mean", ARG_OPTIONAL | ARG_KEEP, 1 + 3 },
	{ "running_var", ARG_OPTIONAL | ARG_KEEP, 1 + 4 },
	{ "saved_mean", ARG_OPTIONAL | ARG_KEEP, 0 },
	{ "saved_rstd", ARG_OPTIONAL | ARG_KEEP, 0 },
	{ 0 },
};
static const struct op_arg grad_in[] = {
	{ "dY", 0, 0 },
	{ "X", 0, 0 },
	{ "scale", ARG_KEEP, 0 },
	{ "saved_mean", ARG_KEEP, 0 },
	{ "saved_rstd", ARG_KEEP, 0 },
	{ 0 },
};
static const struct op_arg grad_out[] = {
	{ "dX", ARG_OPTIONAL, 0 },
	{ "dscale", ARG_OPTIONAL, 0 },
	{ "dB", ARG_OPTIONAL, 0 },
	{ 0 },
};

const struct op_def op_batch_normalization_7 = {
	.domain = "",
	.name = "BatchNormalization",
	.since = 7,
	.attrs = attrs_7,
	.in = in,
	.out = out_7,
	.lower = lower,
};

const struct op_def op_batch_normalization_14 = {
	.domain = "",
	.name = "BatchNormalization",
	.since = 14,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_INNER,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};

const struct op_def op_onnxtune_batch_norm_train = {
	.domain = "onnxtune",
	.name = "BatchNormTrain",
	.since = 1,
	.attrs = attrs_train,
	.in = in,
	.out = out_train,
	.precision = PRECISION_INNER,
	.infer = infer_train,
	.ref = ref_train,
	.grad = grad_train,
};

const struct op_def op_onnxtune_batch_norm_grad = {
	.domain = "onnxtune",
	.name = "BatchNormGrad",
	.since = 1,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_INNER,
	.infer = infer_grad,
	.ref = ref_grad,
};
