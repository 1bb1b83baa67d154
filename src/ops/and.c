/*
 * and.c - And, Or and Xor of bools with broadcasting (ONNX And-7, Or-7, Xor-7).
 */
#include "ops/op.h"

static enum status infer(struct op_io *io)
{
	for (uint32_t k = 0; k < 2; k++)
		if (io->in[k]->dtype != DT_BOOL)
			return fail(io->err, ERR_INPUT, "input %u is %s, not bool", k,
				    dtype_name(io->in[k]->dtype));
	return infer_shapes(io, DT_BOOL);
}

static double and (double a, double b)
{
	return a != 0 && b != 0;
}

static double or (double a, double b)
{
	return a != 0 || b != 0;
}

static double xor (double a, double b) { return (a != 0) != (b != 0); }

	static enum status ref_and(struct op_io *io)
{
	return ref_binary(io, and, NULL);
}

static enum status ref_or(struct op_io *io)
{
	return ref_binary(io, or, NULL);
}

static enum status ref_xor(struct op_io *io)
{
	return ref_binary(io, xor, NULL);
}

static const struct op_arg in[] = { { "A", 0, 0 }, { "B", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "C", 0, 0 }, { 0 } };

const struct op_def op_and_7 = {
	.domain = "",
	.name = "And",
	.since = 7,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE | OP_NO_GRAD,
	.infer = infer,
	.ref = ref_and,
};

const struct op_def op_or_7 = {
	.domain = "",
	.name = "Or",
	.since = 7,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE | OP_NO_GRAD,
	.infer = infer,
	.ref = ref_or,
};

const struct op_def op_xor_7 = {
	.domain = "",
	.name = "Xor",
	.since = 7,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE | OP_NO_GRAD,
	.infer = infer,
	.ref = ref_xor,
};
