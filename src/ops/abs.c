/*
 * abs.c - Abs: y = |x| (ONNX Abs-6, 13). The smallest integer stays what it is. The gradient at 0
 * is 0, as in PyTorch.
 */
#include "ops/build.h"

#include <math.h>

static enum status ref(struct op_io *io)
{
	const struct tensor *x = io->in[0];
	struct tensor *y = &io->out[0];
	if (dtype_is_float(x->dtype))
		return ref_unary(io, fabs);
	for (int64_t i = 0, n = shape_elements(&y->shape); i < n; i++) {
		int64_t v = tensor_get_int(x, i);
		bool negative = v < 0 && x->dtype != DT_U64;
		tensor_set_int(y, i, negative ? (int64_t)(0 - (uint64_t)v) : v);
	}
	return OK;
}

static void grad(struct grad *g)
{
	struct builder *b = g->b;
	g->dx[0] = build(b, "Mul", IN(g->dy[0], build(b, "Sign", IN(g->x[0]))));
}

static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_abs_6 = {
	.domain = "",
	.name = "Abs",
	.since = 6,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_number,
	.ref = ref,
	.grad = grad,
};
