/*
 * transpose.c - Transpose: axis i of the output is axis perm[i] of the input; without perm the
 * axes are reversed (ONNX Transpose-1, 13).
 */
#include "ops/build.h"

/* The permutation of the node for an input of that rank; false when it is none. */
static bool permutation(const struct node *node, int rank, int64_t perm[SHAPE_MAX_RANK])
{
	const struct attr *a = node_attr(node, "perm");
	unsigned seen = 0;
	if (a && a->n != (uint32_t)rank)
		return false;
	for (int i = 0; i < rank; i++) {
		perm[i] = a ? a->ints[i] : rank - 1 - i;
		if (perm[i] < 0 || perm[i] >= rank || (seen & 1u << perm[i]))
			return false;
		seen |= 1u << perm[i];
	}
	return true;
}

static enum status infer(struct op_io *io)
{
	const struct shape *x = &io->in[0]->shape;
	int64_t perm[SHAPE_MAX_RANK];
	struct shape y = { .rank = x->rank };
	if (!permutation(io->node, x->rank, perm))
		return fail(io->err, ERR_INPUT, "perm is no permutation of %d axes", x->rank);
	for (int i = 0; i < y.rank; i++)
		y.dim[i] = x->dim[perm[i]];
	return infer_set(io, 0, io->in[0]->dtype, &y);
}

/* y[i0, i1, ...] = x at the index whose axis perm[k] is ik */
static enum status ref(struct op_io *io)
{
	const struct tensor *x = io->in[0];
	struct tensor *y = &io->out[0];
	int64_t perm[SHAPE_MAX_RANK], strides[SHAPE_MAX_RANK];
	permutation(io->node, x->shape.rank, perm);
	shape_strides(&x->shape, strides);
	struct walk w = walk_start(&y->shape, 2);
	for (int i = 0; i < y->shape.rank; i++)
		w.stride[1][i] = strides[perm[i]];
	for (; walk_more(&w); walk_next(&w))
		ref_copy(y, w.offset[0], x, w.offset[1]);
	return OK;
}

static void grad(struct grad *g)
{
	int64_t perm[SHAPE_MAX_RANK], inverse[SHAPE_MAX_RANK];
	int rank = build_shape(g->b, g->x[0])->rank;
	permutation(g->node, rank, perm);
	for (int i = 0; i < rank; i++)
		inverse[perm[i]] = i;
	g->dx[0] = build_transpose(g->b, g->dy[0], inverse);
}

static const struct op_attr attrs[] = { { "perm", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL }, { 0 } };
static const struct op_arg in[] = { { "data", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "transposed", 0, 0 }, { 0 } };

const struct op_def op_transpose_1 = {
	.domain = "",
	.name = "Transpose",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_KEEPS_FORM,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};
