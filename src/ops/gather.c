/*
 * gather.c - Gather: y[..., i, ...] = x[..., indices[i], ...] along an axis, with negative indices
 * counting from the end (ONNX Gather-1, 11, 13), and GatherGrad, which adds the rows of dY to the
 * rows that they were read from, in the order of the indices: the same sums every time.
 */
#include "ops/gather.h"

#include "ops/build.h"

struct gather_sizes gather_sizes(const struct node *node, const struct shape *data,
				 const struct shape *indices)
{
	struct gather_sizes s = { .before = 1, .after = 1, .n = shape_elements(indices) };
	int axis = 0;
	shape_axis(data, node_int(node, "axis"), &axis);
	for (int i = 0; i < data->rank; i++)
		if (i != axis)
			*(i < axis ? &s.before : &s.after) *= data->dim[i];
	s.size = data->dim[axis];
	return s;
}

static enum status infer(struct op_io *io)
{
	const struct shape *x = &io->in[0]->shape, *indices = &io->in[1]->shape;
	struct shape y = { 0 };
	int axis;
	if (io->in[1]->dtype != DT_I32 && io->in[1]->dtype != DT_I64)
		return fail(io->err, ERR_INPUT, "indices are %s", dtype_name(io->in[1]->dtype));
	TRY(infer_axis(io, x, node_int(io->node, "axis"), &axis));
	if (x->rank - 1 + indices->rank > SHAPE_MAX_RANK)
		return fail(io->err, ERR_UNSUPPORTED, "the output has more than %d axes",
			    SHAPE_MAX_RANK);
	for (int i = 0; i < x->rank; i++) {
		for (int k = 0; i == axis && k < indices->rank; k++)
			y.dim[y.rank++] = indices->dim[k];
		if (i != axis)
			y.dim[y.rank++] = x->dim[i];
	}
	return infer_set(io, 0, io->in[0]->dtype, &y);
}

/* For each pair of rows of x and y: where they begin, and how long they are. */
typedef void move_fn(struct op_io *io, double *sums, int64_t x, int64_t y, int64_t after);

static enum status each_row(struct op_io *io, const struct shape *x, move_fn *move, double *sums)
{
	const struct tensor *indices = io->in[1];
	struct gather_sizes s = gather_sizes(io->node, x, &indices->shape);
	for (int64_t i = 0; i < s.n; i++) {
		int64_t at = tensor_get_int(indices, i);
		if (at < -s.size || at >= s.size)
			return fail(io->err, ERR_INPUT, "index %lld is outside an axis of %lld",
				    (long long)at, (long long)s.size);
		at += at < 0 ? s.size : 0;
		for (int64_t k = 0; k < s.before; k++)
			move(io, sums, (k * s.size + at) * s.after, (k * s.n + i) * s.after,
			     s.after);
	}
	return OK;
}

static void copy(struct op_io *io, double *sums, int64_t x, int64_t y, int64_t after)
{
	(void)sums;
	for (int64_t i = 0; i < after; i++)
		ref_copy(&io->out[0], y + i, io->in[0], x + i);
}

static enum status ref(struct op_io *io)
{
	return each_row(io, &io->in[0]->shape, copy, NULL);
}

static void grad(struct grad *g)
{
	const struct shape *x = build_shape(g->b, g->x[0]);
	g->dx[0] = build(g->b, "GatherGrad", IN(g->dy[0], g->x[1]),
			 attr_int("axis", node_int(g->node, "axis")),
			 attr_ints("shape", x->dim, (uint32_t)x->rank));
}

static enum status infer_grad(struct op_io *io)
{
	const struct attr *shape = node_attr(io->node, "shape");
	struct shape x = { .rank = (int)shape->n };
	for (int i = 0; i < x.rank; i++)
		x.dim[i] = shape->ints[i];
	return infer_set(io, 0, infer_wide(io), &x);
}

static void add(struct op_io *io, double *sums, int64_t x, int64_t y, int64_t after)
{
	for (int64_t i = 0; i < after; i++)
		sums[x + i] += tensor_get(io->in[0], y + i);
}

static enum status ref_grad(struct op_io *io)
{
	struct tensor *dx = &io->out[0];
	double *sums = tensor_new(io->arena, DT_F64, &dx->shape).data;
	TRY(each_row(io, &dx->shape, add, sums));
	for (int64_t i = 0, n = shape_elements(&dx->shape); i < n; i++)
		tensor_set(dx, i, sums[i]);
	return OK;
}

static const struct op_attr attrs[] = { { "axis", ATTR_INT, 0, 0, 0, NULL }, { 0 } };
static const struct op_arg in[] = {
	{ "data", ARG_PARAM, 0 },
	{ "indices", ARG_KEEP | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_gather_1 = {
	.domain = "",
	.name = "Gather",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};

static const struct op_attr grad_attrs[] = {
	{ "axis", ATTR_INT, ATTR_REQUIRED, 0, 0, NULL },
	{ "shape", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL }, /* of the data */
	{ "_out", ATTR_INT, 0, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg grad_in[] = {
	{ "dY", 0, 0 },
	{ "indices", ARG_KEEP | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_gather_grad = {
	.domain = "onnxtune",
	.name = "GatherGrad",
	.since = 1,
	.attrs = grad_attrs,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_WIDE,
	.infer = infer_grad,
	.ref = ref_grad,
};
