/*
 * constant_of_shape.c - ConstantOfShape: one value, float 0 unless given, in every element (ONNX
 * ConstantOfShape-9, 20).
 */
#include "ops/build.h"

static enum status infer(struct op_io *io)
{
	const struct attr *value = node_attr(io->node, "value");
	struct shape y;
	uint32_t rank;
	if (value && (!value->tensor->data || shape_elements(&value->tensor->shape) != 1))
		return fail(io->err, ERR_INPUT, "the value is not a single element");
	TRY(infer_ints(io, 0, y.dim, SHAPE_MAX_RANK, &rank));
	y.rank = (int)rank;
	for (int i = 0; i < y.rank; i++)
		if (y.dim[i] < 0)
			return fail(io->err, ERR_INPUT, "dimension %d is %lld", i,
				    (long long)y.dim[i]);
	return infer_set(io, 0, value ? value->tensor->dtype : DT_F32, &y);
}

static enum status ref(struct op_io *io)
{
	const struct attr *value = node_attr(io->node, "value");
	struct tensor zero = tensor_new(io->arena, DT_F32, &SHAPE_SCALAR);
	const struct tensor *x = value ? value->tensor : &zero;
	for (int64_t i = 0, n = shape_elements(&io->out[0].shape); i < n; i++)
		ref_copy(&io->out[0], i, x, 0);
	return OK;
}

static const struct op_attr attrs[] = { { "value", ATTR_TENSOR, ATTR_OPTIONAL, 0, 0, NULL },
					{ 0 } };
static const struct op_arg in[] = { { "input", ARG_HOST | ARG_KEEP | ARG_NO_GRAD, 0 }, { 0 } };
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_constant_of_shape_9 = {
	.domain = "",
	.name = "ConstantOfShape",
	.since = 9,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_NO_GRAD,
	.infer = infer,
	.ref = ref,
};
