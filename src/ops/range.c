/*
 * range.c - Range: start, start + delta, ... up to, not including, limit (ONNX Range-11; 27: half
 * types, whose `stash_type` changes nothing here, where numbers are double).
 */
#include "ops/build.h"

#include <math.h>

/* max(ceil((limit - start) / delta), 0), exact for integers. */
static enum status count(struct op_io *io, int64_t *out)
{
	if (dtype_is_float(io->in[0]->dtype)) {
		double start = tensor_get(io->in[0], 0), limit = tensor_get(io->in[1], 0);
		double n = ceil((limit - start) / tensor_get(io->in[2], 0));
		if (!(fabs(n) < 0x1p53)) /* delta is 0, or something is not finite */
			return fail(io->err, ERR_INPUT, "the range has no end");
		*out = n > 0 ? (int64_t)n : 0;
		return OK;
	}
	__int128 start = tensor_get_int(io->in[0], 0), limit = tensor_get_int(io->in[1], 0);
	__int128 delta = tensor_get_int(io->in[2], 0);
	if (!delta)
		return fail(io->err, ERR_INPUT, "the range has no end");
	__int128 n = (limit - start + delta - (delta > 0 ? 1 : -1)) / delta;
	if (n > INT64_MAX)
		return fail(io->err, ERR_INPUT, "the range is too long");
	*out = n > 0 ? (int64_t)n : 0;
	return OK;
}

static enum status infer(struct op_io *io)
{
	int64_t n;
	for (uint32_t k = 0; k < 3; k++) {
		if (io->in[k]->dtype != io->in[0]->dtype ||
		    shape_elements(&io->in[k]->shape) != 1 ||
		    !(dtype_is_float(io->in[k]->dtype) || dtype_is_integer(io->in[k]->dtype)))
			return fail(io->err, ERR_INPUT,
				    "input %u is no number of the type of input 0", k);
		if (!io->in[k]->data)
			return fail(io->err, ERR_UNSUPPORTED, "input %u is computed from the data",
				    k);
	}
	TRY(count(io, &n));
	return infer_set(io, 0, io->in[0]->dtype, &SHAPE(n));
}

static enum status ref(struct op_io *io)
{
	struct tensor *y = &io->out[0];
	for (int64_t i = 0; i < y->shape.dim[0]; i++)
		if (dtype_is_float(y->dtype))
			tensor_set(y, i,
				   tensor_get(io->in[0], 0) + (double)i * tensor_get(io->in[2], 0));
		else
			tensor_set_int(
				y, i,
				(int64_t)((uint64_t)tensor_get_int(io->in[0], 0) +
					  (uint64_t)i * (uint64_t)tensor_get_int(io->in[2], 0)));
	return OK;
}

static const struct op_attr attrs[] = { { "stash_type", ATTR_INT, 0, 1, 0, NULL }, { 0 } };
static const struct op_arg in[] = {
	{ "start", ARG_HOST | ARG_KEEP | ARG_NO_GRAD, 0 },
	{ "limit", ARG_HOST | ARG_KEEP | ARG_NO_GRAD, 0 },
	{ "delta", ARG_HOST | ARG_KEEP | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_range_11 = {
	.domain = "",
	.name = "Range",
	.since = 11,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_NO_GRAD,
	.infer = infer,
	.ref = ref,
};
