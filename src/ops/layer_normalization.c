/*
 * layer_normalization.c - LayerNormalization (ONNX 17): over the axes from `axis` on,
 *
 *	y = (x - mean) * rstd * scale + B,	rstd = 1 / sqrt(var + epsilon)
 *
 * and its gradient LayerNormGrad. Statistics and the sums of the gradient are float64 for float64 inputs
 * (ONNX keeps float32), else what stash_type says and float32.
 */
#include "ops/build.h"

#include <math.h>

/* x [outer, n], a row of n elements having shape `row`. */
struct rows {
	int64_t outer, n;
	struct shape row;
	struct shape statistics; /* that of x with the axes of the row as 1 */
};

/* Splits input k at the attribute `axis`. */
static enum status rows(struct op_io *io, uint32_t k, struct rows *r)
{
	const struct shape *x = &io->in[k]->shape;
	int axis;
	TRY(infer_axis(io, x, node_int(io->node, "axis"), &axis));
	*r = (struct rows){ .outer = 1, .n = 1, .statistics = *x };
	for (int i = 0; i < x->rank; i++) {
		*(i < axis ? &r->outer : &r->n) *= x->dim[i];
		if (i < axis)
			continue;
		r->row.dim[r->row.rank++] = x->dim[i];
		r->statistics.dim[i] = 1;
	}
	return OK;
}

/* Scale and bias broadcast to a row; axes of size 1 may stand before. */
static enum status check_row(struct op_io *io, uint32_t k, const struct rows *r)
{
	struct shape s = io->in[k]->shape, both;
	char given[SHAPE_TEXT], row[SHAPE_TEXT];
	int extra = 0;
	while (s.rank - extra > r->row.rank && s.dim[extra] == 1)
		extra++;
	s.rank -= extra;
	for (int i = 0; i < s.rank; i++)
		s.dim[i] = s.dim[i + extra];
	if (!shape_broadcast(&s, &r->row, &both) || !shape_equal(&both, &r->row))
		return fail(io->err, ERR_INPUT, "'%s' of shape %s for rows of shape %s",
			    op_input(io->node->def, k)->name,
			    shape_format(&io->in[k]->shape, given), shape_format(&r->row, row));
	if (!dtype_is_trainable(io->in[k]->dtype))
		return fail(io->err, ERR_INPUT, "'%s' is %s", op_input(io->node->def, k)->name,
			    dtype_name(io->in[k]->dtype));
	return OK;
}

static enum status infer(struct op_io *io)
{
	struct rows r;
	enum dtype stash = (enum dtype)node_int(io->node, "stash_type");
	TRY(infer_float(io));
	TRY(rows(io, 0, &r));
	for (uint32_t k = 1; k < io->n_in; k++)
		if (io->in[k])
			TRY(check_row(io, k, &r));
	if (stash != DT_F32 && stash != DT_BF16)
		return fail(io->err, ERR_UNSUPPORTED, "stash_type is %s", dtype_name(stash));
	for (uint32_t k = 1; k < io->n_out; k++)
		infer_set(io, k, io->in[0]->dtype == DT_F64 ? DT_F64 : stash, &r.statistics);
	return OK;
}

static enum status infer_grad(struct op_io *io)
{
	struct rows r;
	const struct tensor *dy = io->in[0], *x = io->in[1];
	TRY(infer_float(io));
	TRY(rows(io, 1, &r));
	TRY(check_row(io, 2, &r));
	if (dy->dtype != x->dtype || !shape_equal(&dy->shape, &x->shape))
		return fail(io->err, ERR_INPUT, "gradient and input differ in type");
	for (uint32_t k = 3; k < 5; k++)
		if (!shape_equal(&io->in[k]->shape, &r.statistics) ||
		    !dtype_is_trainable(io->in[k]->dtype))
			return fail(io->err, ERR_INPUT, "'%s' is not one number per row",
				    op_input(io->node->def, k)->name);
	for (uint32_t k = 1; k < io->n_out; k++)
		infer_set(io, k, x->dtype == DT_F64 ? DT_F64 : DT_F32, &r.row);
	return OK;
}

/* The elements of t as it broadcasts to a row; zeros where t is NULL. */
static double *expand(struct op_io *io, const struct tensor *t, const struct rows *r)
{
	double *v = arena_alloc(io->arena, (size_t)r->n * sizeof *v);
	if (!t)
		return v;
	struct walk w = walk_start(&r->row, 2);
	walk_broadcast(&w, 1, &t->shape);
	for (; walk_more(&w); walk_next(&w))
		v[w.offset[0]] = tensor_get(t, w.offset[1]);
	return v;
}

static enum status ref(struct op_io *io)
{
	const struct tensor *x = io->in[0];
	struct rows r;
	TRY(rows(io, 0, &r));
	double *scale = expand(io, io->in[1], &r);
	double *bias = expand(io, io->n_in > 2 ? io->in[2] : NULL, &r);
	double epsilon = node_float(io->node, "epsilon");
	bool any = r.n || io->n_out > 1; /* else the number of rows is no measure of the work */
	for (int64_t o = 0; any && o < r.outer; o++) {
		double sum = 0, squares = 0;
		for (int64_t i = 0; i < r.n; i++)
			sum += tensor_get(x, o * r.n + i);
		double mean = sum / (double)r.n;
		for (int64_t i = 0; i < r.n; i++) {
			double d = tensor_get(x, o * r.n + i) - mean;
			squares += d * d;
		}
		double rstd = 1 / sqrt(squares / (double)r.n + epsilon);
		for (int64_t i = 0; io->wanted[0] && i < r.n; i++) {
			double xhat = (tensor_get(x, o * r.n + i) - mean) * rstd;
			tensor_set(&io->out[0], o * r.n + i, xhat * scale[i] + bias[i]);
		}
		if (io->n_out > 1 && io->wanted[1])
			tensor_set(&io->out[1], o, mean);
		if (io->n_out > 2 && io->wanted[2])
			tensor_set(&io->out[2], o, rstd);
	}
	return OK;
}

/*
 * dB = sum of dy and dscale = sum of dy * xhat over the rows; with d = dy * scale,
 * dx = rstd * (d - mean of d - xhat * mean of (d * xhat)), means over the row.
 */
static enum status ref_grad(struct op_io *io)
{
	const struct tensor *dy = io->in[0], *x = io->in[1];
	struct rows r;
	TRY(rows(io, 1, &r));
	double *scale = expand(io, io->in[2], &r);
	double *dscale = expand(io, NULL, &r), *dbias = expand(io, NULL, &r);
	for (int64_t o = 0; r.n && o < r.outer; o++) {
		double mean = tensor_get(io->in[3], o), rstd = tensor_get(io->in[4], o);
		double sum = 0, sum_xhat = 0;
		for (int64_t i = 0; i < r.n; i++) {
			double xhat = (tensor_get(x, o * r.n + i) - mean) * rstd;
			double g = tensor_get(dy, o * r.n + i);
			dscale[i] += g * xhat;
			dbias[i] += g;
			sum += g * scale[i];
			sum_xhat += g * scale[i] * xhat;
		}
		for (int64_t i = 0; io->wanted[0] && i < r.n; i++) {
			double xhat = (tensor_get(x, o * r.n + i) - mean) * rstd;
			double d = tensor_get(dy, o * r.n + i) * scale[i];
			d -= (sum + xhat * sum_xhat) / (double)r.n;
			tensor_set(&io->out[0], o * r.n + i, rstd * d);
		}
	}
	for (int64_t i = 0; i < r.n; i++) {
		if (io->n_out > 1 && io->wanted[1])
			tensor_set(&io->out[1], i, dscale[i]);
		if (io->n_out > 2 && io->wanted[2])
			tensor_set(&io->out[2], i, dbias[i]);
	}
	return OK;
}

static void grad(struct grad *g)
{
	uint32_t dx[3];
	bool bias = g->node->n_in > 2, wanted[] = { g->need[0], g->need[1], bias && g->need[2] };
	if (!g->dy[0])
		return;
	uint32_t mean = grad_output(g, 1), rstd = grad_output(g, 2);
	build_outputs(g->b, "LayerNormGrad", IN(g->dy[0], g->x[0], g->x[1], mean, rstd),
		      (const struct attr[]){ attr_int("axis", node_int(g->node, "axis")), { 0 } },
		      wanted, dx, 3);
	for (uint32_t k = 0; k < g->node->n_in; k++)
		g->dx[k] = dx[k];
}

static const struct op_attr attrs[] = {
	{ "axis", ATTR_INT, 0, -1, 0, NULL },
	{ "epsilon", ATTR_FLOAT, 0, 0, 1e-5f, NULL },
	{ "stash_type", ATTR_INT, 0, DT_F32, 0, NULL },
	{ 0 },
};
static const struct op_attr attrs_grad[] = { { "axis", ATTR_INT, 0, -1, 0, NULL }, { 0 } };
static const struct op_arg in[] = {
	{ "X", 0, 0 },
	{ "Scale", ARG_PARAM | ARG_KEEP, 0 },
	{ "B", ARG_PARAM | ARG_KEEP | ARG_OPTIONAL, 0 },
	{ 0 },
};
static const struct op_arg out[] = {
	{ "Y", 0, 0 },
	{ "Mean", ARG_OPTIONAL | ARG_KEEP, 0 },
	{ "InvStdDev", ARG_OPTIONAL | ARG_KEEP, 0 },
	{ 0 },
};
static const struct op_arg grad_in[] = {
	{ "dY", 0, 0 },
	{ "X", 0, 0 },
	{ "Scale", ARG_KEEP, 0 },
	{ "Mean", ARG_KEEP, 0 },
	{ "InvStdDev", ARG_KEEP, 0 },
	{ 0 },
};
static const struct op_arg grad_out[] = {
	{ "dX", ARG_OPTIONAL, 0 },
	{ "dScale", ARG_OPTIONAL, 0 },
	{ "dB", ARG_OPTIONAL, 0 },
	{ 0 },
};

const struct op_def op_layer_normalization_17 = {
	.domain = "",
	.name = "LayerNormalization",
	.since = 17,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_INNER,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};

const struct op_def op_onnxtune_layer_norm_grad = {
	.domain = "onnxtune",
	.name = "LayerNormGrad",
	.since = 1,
	.attrs = attrs_grad,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_INNER,
	.infer = infer_grad,
	.ref = ref_grad,
};
