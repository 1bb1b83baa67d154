/*
 * pad.c - Pad: elements added before and after each axis, taken away where a pad is negative
 * (ONNX Pad-2: attributes; 11, 13: inputs; 18: `axes`; 19: mode wrap), and PadGrad, the gradient of
 * the modes that copy elements of the input. That of mode constant is Pad itself, pads negated.
 */
#include "ops/pad.h"

#include "ops/build.h"

#include <string.h>

static const char *const mode_names[] = { "constant", "reflect", "edge", "wrap" };

enum pad_mode pad_mode(const struct node *node)
{
	const char *name = node_string(node, "mode");
	for (int i = 0; i < PAD_MODE_COUNT; i++)
		if (!strcmp(name, mode_names[i]))
			return (enum pad_mode)i;
	return PAD_MODE_COUNT;
}

enum status pad_sizes(struct op_io *io, const struct shape *x, uint32_t axes_input,
		      int64_t begin[SHAPE_MAX_RANK], int64_t end[SHAPE_MAX_RANK])
{
	int64_t pads[2 * SHAPE_MAX_RANK], axes[SHAPE_MAX_RANK];
	uint32_t n, n_axes = (uint32_t)x->rank;
	bool seen[SHAPE_MAX_RANK] = { 0 };
	memset(begin, 0, SHAPE_MAX_RANK * sizeof *begin);
	memset(end, 0, SHAPE_MAX_RANK * sizeof *end);
	for (int i = 0; i < x->rank; i++)
		axes[i] = i;
	TRY(infer_ints(io, 1, pads, 2 * SHAPE_MAX_RANK, &n));
	if (io->n_in > axes_input && io->in[axes_input])
		TRY(infer_ints(io, axes_input, axes, SHAPE_MAX_RANK, &n_axes));
	if (n != 2 * n_axes)
		return fail(io->err, ERR_INPUT, "%u pads for %u axes", n, n_axes);
	for (uint32_t i = 0; i < n_axes; i++) {
		int axis;
		TRY(infer_axis(io, x, axes[i], &axis));
		if (seen[axis])
			return fail(io->err, ERR_INPUT, "axis %d is named twice", axis);
		seen[axis] = true;
		begin[axis] = pads[i];
		end[axis] = pads[n_axes + i];
	}
	return OK;
}

static enum status padded(struct op_io *io, const struct shape *x, uint32_t axes_input,
			  struct shape *y)
{
	int64_t begin[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK];
	enum pad_mode mode = pad_mode(io->node);
	TRY(pad_sizes(io, x, axes_input, begin, end));
	if (mode == PAD_MODE_COUNT)
		return fail(io->err, ERR_INPUT, "mode '%s' is not known",
			    node_string(io->node, "mode"));
	*y = *x;
	for (int i = 0; i < y->rank; i++) {
		int64_t *d = &y->dim[i];
		if (begin[i] < -*d || end[i] < -*d || __builtin_add_overflow(*d, begin[i], d) ||
		    __builtin_add_overflow(*d, end[i], d) || *d < 0)
			return fail(io->err, ERR_INPUT,
				    "axis %d of size %lld can't be padded by %lld and %lld", i,
				    (long long)x->dim[i], (long long)begin[i], (long long)end[i]);
		if (mode != PAD_CONSTANT && !x->dim[i] && *d)
			return fail(io->err, ERR_INPUT, "axis %d has no elements to pad with", i);
	}
	return OK;
}

static enum status infer(struct op_io *io)
{
	struct shape y;
	TRY(padded(io, &io->in[0]->shape, 3, &y));
	if (io->n_in > 2 && io->in[2] &&
	    (io->in[2]->dtype != io->in[0]->dtype || shape_elements(&io->in[2]->shape) != 1))
		return fail(io->err, ERR_INPUT, "the constant value is no single %s",
			    dtype_name(io->in[0]->dtype));
	return infer_set(io, 0, io->in[0]->dtype, &y);
}

/* The element of x that the element of y at that index copies; -1: the constant. */
static int64_t source_offset(enum pad_mode mode, const int64_t *index, const int64_t *begin,
			     const struct shape *x)
{
	int64_t offset = 0;
	for (int i = 0; i < x->rank; i++) {
		int64_t k = pad_source(mode, index[i] - begin[i], x->dim[i]);
		if (k < 0)
			return -1;
		offset = offset * x->dim[i] + k;
	}
	return offset;
}

/* y[i] = x[pad_source(i - begin)] */
static enum status ref(struct op_io *io)
{
	const struct tensor *x = io->in[0];
	struct tensor *y = &io->out[0];
	enum pad_mode mode = pad_mode(io->node);
	int64_t begin[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK];
	struct tensor value = tensor_new(io->arena, x->dtype, &SHAPE_SCALAR);
	TRY(pad_sizes(io, &x->shape, 3, begin, end));
	if (io->n_in > 2 && io->in[2])
		value = *io->in[2];
	struct walk w = walk_start(&y->shape, 1);
	for (; walk_more(&w); walk_next(&w)) {
		int64_t from = source_offset(mode, w.index, begin, &x->shape);
		ref_copy(y, w.offset[0], from < 0 ? &value : x, from < 0 ? 0 : from);
	}
	return OK;
}

/* What was added is taken away; the constant's gradient is the sum of that. */
static void grad(struct grad *g)
{
	struct builder *b = g->b;
	uint32_t n_in = g->node->n_in, rank = (uint32_t)build_shape(b, g->x[0])->rank;
	uint32_t axes = n_in > 3 ? g->x[3] : 0, dx;
	struct op_io io = build_io(b, g->node, g->x, n_in);
	int64_t begin[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK], pads[2 * SHAPE_MAX_RANK];
	const struct shape *x = build_shape(b, g->x[0]);
	if (pad_mode(g->node) != PAD_CONSTANT) {
		g->dx[0] = build(b, "PadGrad", IN(g->dy[0], g->x[1], axes),
				 attr_string("mode", node_string(g->node, "mode")),
				 attr_ints("shape", x->dim, rank));
		return;
	}
	if (b->status == OK)
		b->status = pad_sizes(&io, x, 3, begin, end);
	if (b->status != OK)
		return;
	for (uint32_t i = 0; i < rank; i++) {
		pads[i] = -begin[i];
		pads[rank + i] = -end[i];
	}
	g->dx[0] = dx = build(b, "Pad", IN(g->dy[0], build_ints(b, pads, 2 * rank)));
	if (n_in > 2 && g->x[2] && g->need[2])
		g->dx[2] = build_reduce_to(b,
					   build(b, "Sub",
						 IN(build_reduce_to(b, g->dy[0], &SHAPE_SCALAR),
						    build_reduce_to(b, dx, &SHAPE_SCALAR))),
					   build_shape(b, g->x[2]));
}

static struct shape grad_shape(const struct node *node)
{
	const struct attr *a = node_attr(node, "shape");
	struct shape x = { .rank = (int)a->n };
	for (int i = 0; i < x.rank; i++)
		x.dim[i] = a->ints[i];
	return x;
}

static enum status infer_grad(struct op_io *io)
{
	struct shape x = grad_shape(io->node), y;
	TRY(padded(io, &x, 2, &y));
	if (!shape_equal(&y, &io->in[0]->shape))
		return fail(io->err, ERR_INPUT, "dY has another shape than the padded input");
	return infer_set(io, 0, io->in[0]->dtype, &x);
}

/* dx[j] = sum over the i with pad_source(i - begin) = j of dy[i] */
static enum status ref_grad(struct op_io *io)
{
	const struct tensor *dy = io->in[0];
	struct tensor *dx = &io->out[0];
	enum pad_mode mode = pad_mode(io->node);
	int64_t begin[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK];
	struct tensor sum = tensor_new(io->arena, DT_F64, &dx->shape);
	double *sums = sum.data;
	TRY(pad_sizes(io, &dx->shape, 2, begin, end));
	struct walk w = walk_start(&dy->shape, 1);
	for (; walk_more(&w); walk_next(&w))
		sums[source_offset(mode, w.index, begin, &dx->shape)] += tensor_get(dy,
										    w.offset[0]);
	for (int64_t i = 0, n = shape_elements(&dx->shape); i < n; i++)
		tensor_set(dx, i, sums[i]);
	return OK;
}

static void lower_2(struct lower *l)
{
	const struct attr *pads = node_attr(l->node, "pads");
	if (!dtype_is_float(build_type(l->b, l->in[0])->dtype)) {
		build_fail(l->b, ERR_INPUT, "the input is no floating-point tensor");
		return;
	}
	l->out[0] = build(l->b, "Pad",
			  IN(l->in[0], build_ints(l->b, pads->ints, pads->n),
			     build_scalar(l->b, node_float(l->node, "value"), l->in[0])),
			  attr_string("mode", node_string(l->node, "mode")));
}

static const struct op_attr attrs[] = {
	{ "mode", ATTR_STRING, 0, 0, 0, "constant" },
	{ 0 },
};
static const struct op_attr attrs_2[] = {
	{ "mode", ATTR_STRING, 0, 0, 0, "constant" },
	{ "pads", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },
	{ "value", ATTR_FLOAT, 0, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg in[] = {
	{ "data", 0, 0 },
	{ "pads", ARG_HOST | ARG_KEEP | ARG_NO_GRAD, 0 },
	{ "constant_value", ARG_OPTIONAL, 0 },
	{ "axes", ARG_HOST | ARG_KEEP | ARG_NO_GRAD | ARG_OPTIONAL, 0 },
	{ 0 },
};
static const struct op_arg in_2[] = { { "data", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_pad_2 = {
	.domain = "",
	.name = "Pad",
	.since = 2,
	.attrs = attrs_2,
	.in = in_2,
	.out = out,
	.lower = lower_2,
};

const struct op_def op_pad_11 = {
	.domain = "",
	.name = "Pad",
	.since = 11,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};

static const struct op_attr grad_attrs[] = {
	{ "mode", ATTR_STRING, ATTR_REQUIRED, 0, 0, NULL },
	{ "shape", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL }, /* of the input of Pad */
	{ 0 },
};
static const struct op_arg grad_in[] = {
	{ "dY", 0, 0 },
	{ "pads", ARG_HOST | ARG_KEEP | ARG_NO_GRAD, 0 },
	{ "axes", ARG_HOST | ARG_KEEP | ARG_NO_GRAD | ARG_OPTIONAL, 0 },
	{ 0 },
};
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_pad_grad = {
	.domain = "onnxtune",
	.name = "PadGrad",
	.since = 1,
	.attrs = grad_attrs,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FOLLOW,
	.infer = infer_grad,
	.ref = ref_grad,
};
