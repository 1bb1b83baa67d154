/*
 * sign.c - Sign: -1, 0 or 1; NaN stays NaN (ONNX Sign-9, 13).
 */
#include "ops/build.h"

static double sign(double x)
{
	return x > 0 ? 1 : x < 0 ? -1 : x;
}

static enum status ref(struct op_io *io)
{
	return ref_unary(io, sign);
}

static const struct op_arg in[] = { { "input", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_sign_9 = {
	.domain = "",
	.name = "Sign",
	.since = 9,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE | OP_NO_GRAD,
	.infer = infer_number,
	.ref = ref,
};
