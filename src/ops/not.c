/*
 * not.c - Not: y = x is false, for bools (ONNX Not-1).
 */
#include "ops/op.h"

static enum status infer(struct op_io *io)
{
	if (io->in[0]->dtype != DT_BOOL)
		return fail(io->err, ERR_INPUT, "input 0 is %s, not bool",
			    dtype_name(io->in[0]->dtype));
	return infer_same(io);
}

static double not(double x)
{
	return x == 0;
}

static enum status ref(struct op_io *io)
{
	return ref_unary(io, not );
}

static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_not_1 = {
	.domain = "",
	.name = "Not",
	.since = 1,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE | OP_NO_GRAD,
	.infer = infer,
	.ref = ref,
};
