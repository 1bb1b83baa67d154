/*
 * split.c - Split: parts of the input along an axis (ONNX Split-2, 11: sizes are an attribute; 13:
 * an input; 18: or `num_outputs` equal parts with a smaller last one).
 */
#include "ops/build.h"

/*
 * The sizes of the n_out parts of an axis of size dim; given[] has n_given of them, 0 when the
 * parts are to be equal.
 */
static enum status part_sizes(const struct node *node, int64_t dim, const int64_t *given,
			      uint32_t n_given, int64_t *size, uint32_t n_out, struct error *err)
{
	const struct attr *parts = node_attr(node, "num_outputs");
	if (n_given) {
		int64_t sum = 0;
		if (n_given != n_out)
			return fail(err, ERR_INPUT, "%u sizes for %u outputs", n_given, n_out);
		for (uint32_t k = 0; k < n_out; k++)
			if (given[k] < 0 || __builtin_add_overflow(sum, given[k], &sum))
				return fail(err, ERR_INPUT, "size %u is %lld", k,
					    (long long)given[k]);
			else
				size[k] = given[k];
		if (sum != dim)
			return fail(err, ERR_INPUT, "the sizes add up to %lld, not %lld",
				    (long long)sum, (long long)dim);
		return OK;
	}
	if (parts && parts->i != n_out)
		return fail(err, ERR_INPUT, "num_outputs is %lld, but there are %u",
			    (long long)parts->i, n_out);
	int64_t each = dim / n_out + (dim % n_out != 0), last = dim - each * (n_out - 1);
	if (last < 0 || (!parts && last != each))
		return fail(err, ERR_INPUT, "%lld can't be split into %u parts", (long long)dim,
			    n_out);
	for (uint32_t k = 0; k < n_out; k++)
		size[k] = k + 1 < n_out ? each : last;
	return OK;
}

static enum status infer(struct op_io *io)
{
	struct shape y = io->in[0]->shape;
	uint32_t n = 0;
	int64_t *given = arena_alloc(io->arena, io->n_out * sizeof *given);
	int64_t *size = arena_alloc(io->arena, io->n_out * sizeof *size);
	int axis;
	TRY(infer_axis(io, &y, node_int(io->node, "axis"), &axis));
	if (io->n_in > 1)
		TRY(infer_ints(io, 1, given, io->n_out, &n));
	TRY(part_sizes(io->node, y.dim[axis], given, n, size, io->n_out, io->err));
	for (uint32_t k = 0; k < io->n_out; k++) {
		y.dim[axis] = size[k];
		TRY(infer_set(io, k, io->in[0]->dtype, &y));
	}
	return OK;
}

static enum status ref(struct op_io *io)
{
	const struct tensor *x = io->in[0];
	int64_t strides[SHAPE_MAX_RANK], start = 0;
	int axis;
	TRY(infer_axis(io, &x->shape, node_int(io->node, "axis"), &axis));
	shape_strides(&x->shape, strides);
	for (uint32_t k = 0; k < io->n_out; k++) {
		struct tensor *y = &io->out[k];
		struct walk w = walk_start(&y->shape, 2);
		for (int i = 0; i < x->shape.rank; i++)
			w.stride[1][i] = strides[i];
		for (; io->wanted[k] && walk_more(&w); walk_next(&w))
			ref_copy(y, w.offset[0], x, start * strides[axis] + w.offset[1]);
		start += y->shape.dim[axis];
	}
	return OK;
}

/* dx is the gradients of the parts in a row, zeros where none flows. */
static void grad(struct grad *g)
{
	struct builder *b = g->b;
	struct arena *arena = b->graph->arena;
	const struct node *node = g->node;
	struct shape part = *build_shape(b, g->x[0]);
	uint32_t n = 0, *dy = arena_dup(arena, g->dy, node->n_out * sizeof *dy);
	int64_t *given = arena_alloc(arena, node->n_out * sizeof *given);
	int64_t *size = arena_alloc(arena, node->n_out * sizeof *size);
	enum dtype dtype = build_type(b, g->x[0])->dtype;
	int axis;
	if (node->n_in > 1 && !build_get_ints(b, g->x, 1, given, node->n_out, &n))
		return;
	if (!shape_axis(&part, node_int(node, "axis"), &axis))
		return; /* the builder has failed */
	b->status = part_sizes(node, part.dim[axis], given, n, size, node->n_out, b->err);
	for (uint32_t k = 0; k < node->n_out; k++) {
		if (dy[k])
			continue;
		part.dim[axis] = size[k];
		dy[k] = build(b, "Expand",
			      IN(build_scalar_dtype(b, 0, dtype),
				 build_ints(b, part.dim, (uint32_t)part.rank)));
	}
	g->dx[0] = build(b, "Concat", ((struct inputs){ dy, node->n_out }), attr_int("axis", axis));
}

static void lower_2(struct lower *l)
{
	const struct attr *split = node_attr(l->node, "split");
	const struct attr attrs[] = { attr_int("axis", node_int(l->node, "axis")), { 0 } };
	uint32_t sizes = split ? build_ints(l->b, split->ints, split->n) : 0;
	build_outputs(l->b, "Split", (struct inputs){ (uint32_t[]){ l->in[0], sizes }, 2 }, attrs,
		      l->wanted, l->out, l->n_out);
}

static const struct op_attr attrs[] = {
	{ "axis", ATTR_INT, 0, 0, 0, NULL },
	{ "num_outputs", ATTR_INT, ATTR_OPTIONAL, 0, 0, NULL },
	{ 0 },
};
static const struct op_attr attrs_2[] = {
	{ "axis", ATTR_INT, 0, 0, 0, NULL },
	{ "split", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg in[] = {
	{ "input", 0, 0 },
	{ "split", ARG_HOST | ARG_KEEP | ARG_NO_GRAD | ARG_OPTIONAL, 0 },
	{ 0 },
};
static const struct op_arg in_2[] = { { "input", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "outputs", ARG_VARIADIC, 0 }, { 0 } };

const struct op_def op_split_2 = {
	.domain = "",
	.name = "Split",
	.since = 2,
	.attrs = attrs_2,
	.in = in_2,
	.out = out,
	.lower = lower_2,
};

const struct op_def op_split_13 = {
	.domain = "",
	.name = "Split",
	.since = 13,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};
