/*
 * floor.c - Floor, Ceil and Round (halves to even): ONNX Floor-6, 13, Ceil-6, 13, Round-11, 22.
 */
#include "ops/build.h"

#include <math.h>

static enum status ref_floor(struct op_io *io)
{
	return ref_unary(io, floor);
}

static enum status ref_ceil(struct op_io *io)
{
	return ref_unary(io, ceil);
}

static enum status ref_round(struct op_io *io)
{
	return ref_unary(io, rint);
}

static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_floor_6 = {
	.domain = "",
	.name = "Floor",
	.since = 6,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE | OP_NO_GRAD,
	.infer = infer_float,
	.ref = ref_floor,
};

const struct op_def op_ceil_6 = {
	.domain = "",
	.name = "Ceil",
	.since = 6,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE | OP_NO_GRAD,
	.infer = infer_float,
	.ref = ref_ceil,
};

const struct op_def op_round_11 = {
	.domain = "",
	.name = "Round",
	.since = 11,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE | OP_NO_GRAD,
	.infer = infer_float,
	.ref = ref_round,
};
