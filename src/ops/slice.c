/*
 * slice.c - Slice: every step-th element from start up to, not including, end, along the named
 * axes (ONNX Slice-1: attributes; 10, 11, 13: inputs, with steps that may be negative), and its
 * gradient for steps other than 1, SliceGrad: dY put back where it was taken, zeros elsewhere.
 */
#include "ops/slice.h"

#include "ops/build.h"

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
	return x < low ? low : x > high ? high : x;
}

/* Starts and ends count from the end where they are negative, and are cut to what exists. */
static void set_range(struct slice_ranges *r, int axis, int64_t start, int64_t end, int64_t step)
{
	int64_t dim = r->shape.dim[axis], n;
	if (step == INT64_MIN)
		step++; /* as far, and it can be negated */
	start += start < 0 ? dim : 0;
	end += end < 0 ? dim : 0;
	if (step > 0) {
		start = clamp(start, 0, dim);
		end = clamp(end, 0, dim);
		n = end > start ? (end - start - 1) / step + 1 : 0;
	} else {
		start = clamp(start, 0, dim - 1);
		end = clamp(end, -1, dim - 1);
		n = dim && start > end ? (start - end - 1) / -step + 1 : 0;
	}
	r->start[axis] = start;
	r->step[axis] = n > 1 ? step : 1;
	r->shape.dim[axis] = n;
}

enum status slice_ranges(struct op_io *io, struct slice_ranges *r)
{
	int64_t starts[SHAPE_MAX_RANK], ends[SHAPE_MAX_RANK], axes[SHAPE_MAX_RANK];
	int64_t steps[SHAPE_MAX_RANK];
	uint32_t n, n_ends, n_axes, n_steps;
	bool seen[SHAPE_MAX_RANK] = { 0 };
	*r = (struct slice_ranges){ .shape = io->in[0]->shape };
	for (int i = 0; i < r->shape.rank; i++)
		r->step[i] = 1;
	TRY(infer_ints(io, 1, starts, SHAPE_MAX_RANK, &n));
	TRY(infer_ints(io, 2, ends, SHAPE_MAX_RANK, &n_ends));
	n_axes = n_steps = n;
	for (uint32_t i = 0; i < n; i++) {
		axes[i] = i;
		steps[i] = 1;
	}
	if (io->n_in > 3 && io->in[3])
		TRY(infer_ints(io, 3, axes, SHAPE_MAX_RANK, &n_axes));
	if (io->n_in > 4 && io->in[4])
		TRY(infer_ints(io, 4, steps, SHAPE_MAX_RANK, &n_steps));
	if (n_ends != n || n_axes != n || n_steps != n)
		return fail(io->err, ERR_INPUT, "%u starts, %u ends, %u axes, %u steps", n, n_ends,
			    n_axes, n_steps);
	for (uint32_t i = 0; i < n; i++) {
		int axis;
		TRY(infer_axis(io, &io->in[0]->shape, axes[i], &axis));
		if (seen[axis])
			return fail(io->err, ERR_INPUT, "axis %d is named twice", axis);
		if (!steps[i])
			return fail(io->err, ERR_INPUT, "step 0");
		seen[axis] = true;
		set_range(r, axis, starts[i], ends[i], steps[i]);
	}
	return OK;
}

static enum status infer(struct op_io *io)
{
	struct slice_ranges r;
	TRY(slice_ranges(io, &r));
	return infer_set(io, 0, io->in[0]->dtype, &r.shape);
}

/* A walk over the slice: offset[0] in it, *base + offset[1] in the whole. */
static struct walk walk_slice(const struct shape *slice, const struct shape *whole,
			      const int64_t *start, const int64_t *step, int64_t *base)
{
	struct walk w = walk_start(slice, 2);
	int64_t strides[SHAPE_MAX_RANK];
	shape_strides(whole, strides);
	*base = 0;
	for (int i = 0; i < whole->rank && w.left; i++) {
		w.stride[1][i] = strides[i] * step[i];
		*base += strides[i] * start[i];
	}
	return w;
}

static enum status ref(struct op_io *io)
{
	const struct tensor *x = io->in[0];
	struct slice_ranges r;
	int64_t base;
	TRY(slice_ranges(io, &r));
	struct walk w = walk_slice(&r.shape, &x->shape, r.start, r.step, &base);
	for (; walk_more(&w); walk_next(&w))
		ref_copy(&io->out[0], w.offset[0], x, base + w.offset[1]);
	return OK;
}

/* The gradient of a slice of step 1 is dy with zeros around it. */
static void grad(struct grad *g)
{
	struct builder *b = g->b;
	struct op_io io = build_io(b, g->node, g->x, g->node->n_in);
	const struct shape *x = build_shape(b, g->x[0]);
	uint32_t rank = (uint32_t)x->rank;
	int64_t pads[2 * SHAPE_MAX_RANK];
	bool dense = true;
	struct slice_ranges r;
	if (b->status == OK)
		b->status = slice_ranges(&io, &r);
	if (b->status != OK)
		return;
	for (uint32_t i = 0; i < rank; i++) {
		dense &= r.step[i] == 1;
		pads[i] = r.start[i];
		pads[rank + i] = x->dim[i] - r.start[i] - r.shape.dim[i];
	}
	if (dense)
		g->dx[0] = build(b, "Pad", IN(g->dy[0], build_ints(b, pads, 2 * rank)));
	else
		g->dx[0] = build(b, "SliceGrad", IN(g->dy[0]), attr_ints("starts", r.start, rank),
				 attr_ints("steps", r.step, rank),
				 attr_ints("shape", x->dim, rank));
}

static enum status infer_grad(struct op_io *io)
{
	const struct attr *shape = node_attr(io->node, "shape");
	struct shape x = { .rank = (int)shape->n };
	for (int i = 0; i < x.rank; i++)
		x.dim[i] = shape->ints[i];
	return infer_set(io, 0, io->in[0]->dtype, &x);
}

static enum status ref_grad(struct op_io *io)
{
	struct tensor *dx = &io->out[0];
	int64_t base;
	for (int64_t i = 0, n = shape_elements(&dx->shape); i < n; i++)
		tensor_set(dx, i, 0);
	struct walk w = walk_slice(&io->in[0]->shape, &dx->shape,
				   node_attr(io->node, "starts")->ints,
				   node_attr(io->node, "steps")->ints, &base);
	for (; walk_more(&w); walk_next(&w))
		ref_copy(dx, base + w.offset[1], io->in[0], w.offset[0]);
	return OK;
}

static void lower_1(struct lower *l)
{
	struct builder *b = l->b;
	const struct attr *starts = node_attr(l->node, "starts"),
			  *ends = node_attr(l->node, "ends");
	const struct attr *axes = node_attr(l->node, "axes");
	l->out[0] = build(b, "Slice",
			  IN(l->in[0], build_ints(b, starts->ints, starts->n),
			     build_ints(b, ends->ints, ends->n),
			     axes ? build_ints(b, axes->ints, axes->n) : 0));
}

static const struct op_attr attrs_1[] = {
	{ "starts", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },
	{ "ends", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },
	{ "axes", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg in_1[] = { { "data", 0, 0 }, { 0 } };
static const struct op_arg in[] = {
	{ "data", 0, 0 },
	{ "starts", ARG_HOST | ARG_KEEP | ARG_NO_GRAD, 0 },
	{ "ends", ARG_HOST | ARG_KEEP | ARG_NO_GRAD, 0 },
	{ "axes", ARG_HOST | ARG_KEEP | ARG_NO_GRAD | ARG_OPTIONAL, 0 },
	{ "steps", ARG_HOST | ARG_KEEP | ARG_NO_GRAD | ARG_OPTIONAL, 0 },
	{ 0 },
};
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_slice_1 = {
	.domain = "",
	.name = "Slice",
	.since = 1,
	.attrs = attrs_1,
	.in = in_1,
	.out = out,
	.lower = lower_1,
};

const struct op_def op_slice_10 = {
	.domain = "",
	.name = "Slice",
	.since = 10,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};

/* starts and steps have one element for each axis of the shape. */
static const struct op_attr grad_attrs[] = {
	{ "starts", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },
	{ "steps", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },
	{ "shape", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg grad_in[] = { { "dY", 0, 0 }, { 0 } };
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_slice_grad = {
	.domain = "onnxtune",
	.name = "SliceGrad",
	.since = 1,
	.attrs = grad_attrs,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FOLLOW,
	.infer = infer_grad,
	.ref = ref_grad,
};
