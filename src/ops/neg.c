/*
 * neg.c - Neg: y = -x (ONNX Neg-6, 13). The smallest integer stays what it is.
 */
#include "ops/build.h"

static enum status ref(struct op_io *io)
{
	const struct tensor *x = io->in[0];
	struct tensor *y = &io->out[0];
	bool exact = dtype_is_integer(x->dtype);
	for (int64_t i = 0, n = shape_elements(&y->shape); i < n; i++)
		if (exact)
			tensor_set_int(y, i, (int64_t)(0 - (uint64_t)tensor_get_int(x, i)));
		else
			tensor_set(y, i, -tensor_get(x, i));
	return OK;
}

static void grad(struct grad *g)
{
	g->dx[0] = build(g->b, "Neg", IN(g->dy[0]));
}

static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_neg_6 = {
	.domain = "",
	.name = "Neg",
	.since = 6,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_number,
	.ref = ref,
	.grad = grad,
};
