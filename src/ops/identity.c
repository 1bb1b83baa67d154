/*
 * identity.c - Identity of tensors of any type (ONNX Identity-1, 13, 14, 16, 19, 21, 23 to 25, 28).
 */
#include "ops/op.h"

static void grad(struct grad *g)
{
	g->dx[0] = g->dy[0];
}

static const struct op_arg in[] = { { "input", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_identity_1 = {
	.domain = "",
	.name = "Identity",
	.since = 1,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_VIEW | OP_KEEPS_FORM,
	.infer = infer_same,
	.ref = ref_view,
	.grad = grad,
};
