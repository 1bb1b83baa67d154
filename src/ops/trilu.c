/*
 * trilu.c - Trilu: the upper or lower triangle of each matrix, zeros elsewhere; the diagonal is
 * moved up by k (ONNX Trilu-14).
 */
#include "ops/build.h"

static enum status infer(struct op_io *io)
{
	if (io->in[0]->shape.rank < 2)
		return fail(io->err, ERR_INPUT, "the input is no matrix");
	if (io->in[0]->dtype == DT_STRING)
		return fail(io->err, ERR_INPUT, "the input is a string");
	if (io->n_in > 1 &&
	    (!dtype_is_integer(io->in[1]->dtype) || shape_elements(&io->in[1]->shape) != 1))
		return fail(io->err, ERR_INPUT, "k is no integer");
	return infer_same(io);
}

/* y[..., i, j] = x[..., i, j] where j - i >= k (upper) or j - i <= k (lower), else 0 */
static enum status ref(struct op_io *io)
{
	const struct tensor *x = io->in[0];
	bool upper = node_int(io->node, "upper");
	int64_t k = io->n_in > 1 ? tensor_get_int(io->in[1], 0) : 0;
	struct tensor zero = tensor_new(io->arena, x->dtype, &SHAPE_SCALAR);
	int rank = x->shape.rank;
	struct walk w = walk_start(&x->shape, 1);
	for (; walk_more(&w); walk_next(&w)) {
		int64_t d = w.index[rank - 1] - w.index[rank - 2];
		bool keep = upper ? d >= k : d <= k;
		ref_copy(&io->out[0], w.offset[0], keep ? x : &zero, keep ? w.offset[0] : 0);
	}
	return OK;
}

static void grad(struct grad *g)
{
	g->dx[0] = build(g->b, "Trilu", IN(g->dy[0], g->node->n_in > 1 ? g->x[1] : 0),
			 attr_int("upper", node_int(g->node, "upper")));
}

static const struct op_attr attrs[] = { { "upper", ATTR_INT, 0, 1, 0, NULL }, { 0 } };
static const struct op_arg in[] = {
	{ "input", 0, 0 },
	{ "k", ARG_KEEP | ARG_NO_GRAD | ARG_OPTIONAL, 0 },
	{ 0 },
};
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_trilu_14 = {
	.domain = "",
	.name = "Trilu",
	.since = 14,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};
