/* infer.c - what the infer functions of operators share (see op.h). */
#include "ops/op.h"

enum status infer_set(struct op_io *io, uint32_t k, enum dtype dtype, const struct shape *shape)
{
	io->out[k].dtype = dtype;
	io->out[k].shape = *shape;
	return OK;
}

enum status infer_same(struct op_io *io)
{
	return infer_set(io, 0, io->in[0]->dtype, &io->in[0]->shape);
}

enum status infer_number(struct op_io *io)
{
	enum dtype dtype = io->in[0]->dtype;
	if (!dtype_is_integer(dtype) && !dtype_is_trainable(dtype))
		return fail(io->err, ERR_INPUT, "input 0 is %s, not a number", dtype_name(dtype));
	return infer_same(io);
}

enum status infer_float(struct op_io *io)
{
	enum dtype dtype = io->in[0]->dtype;
	if (!dtype_is_trainable(dtype))
		return fail(io->err, ERR_INPUT, "input 0 is %s, not floating-point",
			    dtype_name(dtype));
	return infer_same(io);
}

enum status infer_gradient(struct op_io *io)
{
	char a[SHAPE_TEXT], b[SHAPE_TEXT];
	TRY(infer_float(io));
	if (io->in[1]->dtype != io->in[0]->dtype ||
	    !shape_equal(&io->in[1]->shape, &io->in[0]->shape))
		return fail(io->err, ERR_INPUT, "a gradient of %s %s for %s %s",
			    dtype_name(io->in[0]->dtype), shape_format(&io->in[0]->shape, a),
			    dtype_name(io->in[1]->dtype), shape_format(&io->in[1]->shape, b));
	return OK;
}

enum status infer_shapes(struct op_io *io, enum dtype dtype)
{
	struct shape shape = io->in[0]->shape;
	for (uint32_t k = 1; k < io->n_in; k++) {
		char a[SHAPE_TEXT], b[SHAPE_TEXT];
		struct shape both = shape;
		if (!shape_broadcast(&both, &io->in[k]->shape, &shape))
			return fail(io->err, ERR_INPUT, "shapes %s and %s do not broadcast",
				    shape_format(&both, a), shape_format(&io->in[k]->shape, b));
	}
	return infer_set(io, 0, dtype, &shape);
}

enum status infer_broadcast(struct op_io *io)
{
	TRY(infer_number(io));
	for (uint32_t k = 1; k < io->n_in; k++)
		if (io->in[k]->dtype != io->in[0]->dtype)
			return fail(io->err, ERR_INPUT, "inputs are %s and %s",
				    dtype_name(io->in[0]->dtype), dtype_name(io->in[k]->dtype));
	return infer_shapes(io, io->in[0]->dtype);
}

enum status infer_compare(struct op_io *io)
{
	TRY(infer_broadcast(io));
	io->out[0].dtype = DT_BOOL;
	return OK;
}

enum status infer_ints(struct op_io *io, uint32_t k, int64_t *out, uint32_t max, uint32_t *n)
{
	const struct tensor *t = io->in[k];
	if (!dtype_is_integer(t->dtype) || t->shape.rank > 1)
		return fail(io->err, ERR_INPUT, "input %u is no list of integers", k);
	if (!t->data)
		return fail(io->err, ERR_UNSUPPORTED, "input %u is computed from the data", k);
	int64_t count = shape_elements(&t->shape);
	if (count > max)
		return fail(io->err, ERR_UNSUPPORTED, "input %u has %lld elements, more than %u", k,
			    (long long)count, max);
	for (int64_t i = 0; i < count; i++)
		out[i] = tensor_get_int(t, i);
	*n = (uint32_t)count;
	return OK;
}

enum status infer_axis(struct op_io *io, const struct shape *shape, int64_t axis, int *out)
{
	if (!shape_axis(shape, axis, out))
		return fail(io->err, ERR_INPUT, "axis %lld is outside rank %d", (long long)axis,
			    shape->rank);
	return OK;
}

enum dtype infer_wide(const struct op_io *io)
{
	int64_t wide = node_int(io->node, "_out");
	return wide ? (enum dtype)wide : io->in[0]->dtype;
}
