/*
 * reduce.c - ReduceSum (ONNX ReduceSum-1, 11, 13), ReduceMean, ReduceMax and ReduceMin (ONNX
 * ReduceMean-1, 11, 13, 18 and so on): y = the sum, mean or extreme over some axes. They differ in what is
 * done with the elements that fall on one output. Old forms have the axes as an attribute, the
 * newest as an input.
 */
#include "ops/build.h"

#include <math.h>
#include <string.h>

/* The axes to reduce as a bit mask. None given: all, or none if noop_with_empty_axes says so. */
static enum status reduced_axes(const struct node *node, const struct shape *x,
				const struct tensor *axes, unsigned *mask, struct error *err)
{
	unsigned all = (1u << x->rank) - 1;
	*mask = 0;
	if (axes && (!dtype_is_integer(axes->dtype) || axes->shape.rank > 1))
		return fail(err, ERR_INPUT, "the axes are no list of integers");
	int64_t n = axes ? shape_elements(&axes->shape) : 0;
	if (!n && !node_int(node, "noop_with_empty_axes"))
		*mask = all;
	if (n && !axes->data)
		return fail(err, ERR_UNSUPPORTED, "the axes are computed from the data");
	for (int64_t i = 0; i < n; i++) {
		int axis;
		if (!shape_axis(x, tensor_get_int(axes, i), &axis))
			return fail(err, ERR_INPUT, "axis %lld is outside rank %d",
				    (long long)tensor_get_int(axes, i), x->rank);
		*mask |= 1u << axis;
	}
	return OK;
}

/* The shape with the reduced axes kept as 1. */
static struct shape kept_shape(const struct shape *x, unsigned mask)
{
	struct shape kept = *x;
	for (int i = 0; i < x->rank; i++)
		if (mask & (1u << i))
			kept.dim[i] = 1;
	return kept;
}

static enum status infer_type(struct op_io *io, enum dtype dtype)
{
	const struct shape *x = &io->in[0]->shape;
	struct shape y = { 0 };
	unsigned mask;
	TRY(reduced_axes(io->node, x, io->n_in > 1 ? io->in[1] : NULL, &mask, io->err));
	if (!dtype_is_float(io->in[0]->dtype) && !dtype_is_integer(io->in[0]->dtype) &&
	    io->in[0]->dtype != DT_BOOL)
		return fail(io->err, ERR_INPUT, "%s can't be reduced",
			    dtype_name(io->in[0]->dtype));
	if (node_int(io->node, "keepdims")) {
		y = kept_shape(x, mask);
	} else {
		for (int i = 0; i < x->rank; i++)
			if (!(mask & (1u << i)))
				y.dim[y.rank++] = x->dim[i];
	}
	return infer_set(io, 0, dtype, &y);
}

static enum status infer(struct op_io *io)
{
	return infer_type(io, io->in[0]->dtype);
}

static enum status infer_sum(struct op_io *io)
{
	return infer_type(io, infer_wide(io));
}

/* A walk over x; offset 1 is the element of y that the element of x at offset 0 falls on. */
static struct walk walk_reduced(struct op_io *io)
{
	const struct shape *x = &io->in[0]->shape;
	unsigned mask = 0;
	struct walk w = walk_start(x, 2);
	if (reduced_axes(io->node, x, io->n_in > 1 ? io->in[1] : NULL, &mask, io->err) == OK) {
		struct shape kept = kept_shape(x, mask);
		walk_broadcast(&w, 1, &kept);
	}
	return w;
}

/* ---- sums and means: integers are summed exactly, means of integers truncate ---- */

static enum status ref_sums(struct op_io *io, bool mean)
{
	const struct tensor *x = io->in[0];
	struct tensor *y = &io->out[0];
	int64_t n = shape_elements(&y->shape), size = shape_elements(&x->shape);
	int64_t count = mean && n ? size / n : 1;
	if (dtype_is_float(x->dtype)) {
		double *sum = arena_alloc(io->arena, (size_t)n * sizeof *sum);
		for (struct walk w = walk_reduced(io); walk_more(&w); walk_next(&w))
			sum[w.offset[1]] += tensor_get(x, w.offset[0]);
		for (int64_t i = 0; i < n; i++)
			tensor_set(y, i, sum[i] / (double)count);
		return OK;
	}
	uint64_t *sum = arena_alloc(io->arena, (size_t)n * sizeof *sum);
	for (struct walk w = walk_reduced(io); walk_more(&w); walk_next(&w))
		sum[w.offset[1]] += (uint64_t)tensor_get_int(x, w.offset[0]);
	for (int64_t i = 0; i < n; i++) {
		int64_t s = (int64_t)sum[i];
		if (count > 1)
			s = x->dtype == DT_U64 ? (int64_t)(sum[i] / (uint64_t)count) : s / count;
		tensor_set_int(y, i, s);
	}
	return OK;
}

static enum status ref_sum(struct op_io *io)
{
	return ref_sums(io, false);
}

static enum status ref_mean(struct op_io *io)
{
	return ref_sums(io, true);
}

/* dy with the axes that the node dropped put back as 1. */
static uint32_t with_axes(struct grad *g, uint32_t dy)
{
	struct builder *b = g->b;
	const struct shape *x = build_shape(b, g->x[0]);
	unsigned mask;
	if (b->status == OK)
		b->status = reduced_axes(
			g->node, x, g->node->n_in > 1 && g->x[1] ? build_type(b, g->x[1]) : NULL,
			&mask, b->err);
	if (b->status != OK)
		return 0;
	struct shape kept = kept_shape(x, mask);
	return build_reshape(b, dy, &kept);
}

static uint32_t expand(struct builder *b, uint32_t x, const struct shape *shape)
{
	if (b->status != OK || shape_equal(build_shape(b, x), shape))
		return x;
	return build(b, "Expand", IN(x, build_ints(b, shape->dim, (uint32_t)shape->rank)));
}

static void grad_sum(struct grad *g)
{
	struct shape x = *build_shape(g->b, g->x[0]);
	g->dx[0] = expand(g->b, with_axes(g, g->dy[0]), &x);
}

static void grad_mean(struct grad *g)
{
	struct builder *b = g->b;
	struct shape x = *build_shape(b, g->x[0]);
	double n = (double)shape_elements(&x) / (double)shape_elements(build_shape(b, g->y[0]));
	uint32_t dy = build(b, "Mul", IN(g->dy[0], build_scalar(b, 1 / n, g->dy[0])));
	g->dx[0] = expand(b, with_axes(g, dy), &x);
}

/* ---- extremes: the first one wins, NaN wins over all; an empty set gives the lowest (highest)
 *      value of the type ---- */

static bool beats(const struct tensor *x, int64_t i, int64_t j, bool max)
{
	if (dtype_is_float(x->dtype)) {
		double a = tensor_get(x, i), b = tensor_get(x, j);
		return (max ? a > b : a < b) || (isnan(a) && !isnan(b));
	}
	int64_t a = tensor_get_int(x, i), b = tensor_get_int(x, j);
	if (x->dtype == DT_U64) /* order of uint64 is that of int64 with the top bit flipped */
		a ^= INT64_MIN, b ^= INT64_MIN;
	return max ? a > b : a < b;
}

static enum status ref_extreme(struct op_io *io, bool max)
{
	const struct tensor *x = io->in[0];
	struct tensor *y = &io->out[0];
	int64_t n = shape_elements(&y->shape);
	int64_t *best = arena_alloc(io->arena, (size_t)n * sizeof *best);
	memset(best, -1, (size_t)n * sizeof *best);
	for (struct walk w = walk_reduced(io); walk_more(&w); walk_next(&w)) {
		int64_t *p = &best[w.offset[1]];
		if (*p < 0 || beats(x, w.offset[0], *p, max))
			*p = w.offset[0];
	}
	for (int64_t i = 0; i < n; i++) {
		if (best[i] < 0)
			tensor_set(y, i, !max ? INFINITY : y->dtype == DT_BOOL ? 0 : -INFINITY);
		else
			ref_copy(y, i, x, best[i]);
	}
	return OK;
}

static enum status ref_max(struct op_io *io)
{
	return ref_extreme(io, true);
}

static enum status ref_min(struct op_io *io)
{
	return ref_extreme(io, false);
}

/* Elements that tie share the gradient evenly (PyTorch amax and amin). */
static void grad_extreme(struct grad *g)
{
	struct builder *b = g->b;
	uint32_t y = with_axes(g, g->y[0]), dy = with_axes(g, g->dy[0]);
	struct shape kept = *build_shape(b, y);
	uint32_t tie = build_cast(b, build(b, "Equal", IN(g->x[0], y)),
				  build_type(b, g->x[0])->dtype);
	uint32_t ties = build_reduce_to(b, tie, &kept);
	g->dx[0] = build(b, "Mul", IN(tie, build(b, "Div", IN(dy, ties))));
}

/* ---- the forms ---- */

static void lower(struct lower *l)
{
	const struct attr *axes = node_attr(l->node, "axes");
	uint32_t list = axes && axes->n ? build_ints(l->b, axes->ints, axes->n) : 0;
	l->out[0] = build(l->b, l->node->def->name, IN(l->in[0], list),
			  attr_int("keepdims", node_int(l->node, "keepdims")));
}

#define REDUCE_ATTRS                                                                               \
	{ "keepdims", ATTR_INT, 0, 1, 0, NULL },                                                   \
	{                                                                                          \
		"noop_with_empty_axes", ATTR_INT, 0, 0, 0, NULL                                    \
	}

static const struct op_attr attrs_old[] = { { "axes", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL },
					    { "keepdims", ATTR_INT, 0, 1, 0, NULL },
					    { 0 } };
static const struct op_attr attrs[] = { REDUCE_ATTRS, { 0 } };
static const struct op_attr attrs_sum[] = { REDUCE_ATTRS,
					    { "_out", ATTR_INT, 0, 0, 0, NULL },
					    { 0 } };
static const struct op_arg in_old[] = { { "data", 0, 0 }, { 0 } };
static const struct op_arg in[] = { { "data", 0, 0 },
				    { "axes", ARG_OPTIONAL | ARG_KEEP | ARG_HOST | ARG_NO_GRAD, 0 },
				    { 0 } };
static const struct op_arg out[] = { { "reduced", 0, 0 }, { 0 } };

const struct op_def op_reduce_sum_1 = {
	.domain = "",
	.name = "ReduceSum",
	.since = 1,
	.attrs = attrs_old,
	.in = in_old,
	.out = out,
	.lower = lower,
};

const struct op_def op_reduce_sum_13 = {
	.domain = "",
	.name = "ReduceSum",
	.since = 13,
	.attrs = attrs_sum,
	.in = in,
	.out = out,
	.precision = PRECISION_FULL,
	.flags = OP_WIDE,
	.infer = infer_sum,
	.ref = ref_sum,
	.grad = grad_sum,
};

const struct op_def op_reduce_mean_1 = {
	.domain = "",
	.name = "ReduceMean",
	.since = 1,
	.attrs = attrs_old,
	.in = in_old,
	.out = out,
	.lower = lower,
};

const struct op_def op_reduce_mean_18 = {
	.domain = "",
	.name = "ReduceMean",
	.since = 18,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_INNER,
	.infer = infer,
	.ref = ref_mean,
	.grad = grad_mean,
};

const struct op_def op_reduce_max_1 = {
	.domain = "",
	.name = "ReduceMax",
	.since = 1,
	.attrs = attrs_old,
	.in = in_old,
	.out = out,
	.lower = lower,
};

const struct op_def op_reduce_max_18 = {
	.domain = "",
	.name = "ReduceMax",
	.since = 18,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.infer = infer,
	.ref = ref_max,
	.grad = grad_extreme,
};

const struct op_def op_reduce_min_1 = {
	.domain = "",
	.name = "ReduceMin",
	.since = 1,
	.attrs = attrs_old,
	.in = in_old,
	.out = out,
	.lower = lower,
};

const struct op_def op_reduce_min_18 = {
	.domain = "",
	.name = "ReduceMin",
	.since = 18,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.infer = infer,
	.ref = ref_min,
	.grad = grad_extreme,
};
