/*
 * reshape.c - Reshape: the same elements under another shape (ONNX Reshape-5, 13, 14).
 * A dim of 0 copies the input's unless `allowzero` (opset 14); one dim of -1 takes what is left.
 */
#include "ops/build.h"

static enum status infer(struct op_io *io)
{
	const struct tensor *x = io->in[0];
	int64_t dims[SHAPE_MAX_RANK], known = 1;
	uint32_t rank;
	int open = -1; /* the axis given as -1 */
	char from[SHAPE_TEXT], to[SHAPE_TEXT];
	bool allow_zero = node_int(io->node, "allowzero"), zero = false;
	TRY(infer_ints(io, 1, dims, SHAPE_MAX_RANK, &rank));
	struct shape y = { .rank = (int)rank };
	for (int i = 0; i < y.rank; i++) {
		int64_t d = dims[i];
		if (d == 0 && !allow_zero) {
			if (i >= x->shape.rank)
				return fail(io->err, ERR_INPUT,
					    "dimension %d is 0, but the input has rank %d", i,
					    x->shape.rank);
			d = x->shape.dim[i];
		}
		zero |= d == 0;
		if (d == -1 && open >= 0)
			return fail(io->err, ERR_INPUT, "two dimensions are -1");
		if (d < -1)
			return fail(io->err, ERR_INPUT, "dimension %d is %lld", i, (long long)d);
		y.dim[i] = d;
		if (d == -1)
			open = i;
		else if (__builtin_mul_overflow(known, d, &known))
			known = -1; /* equals no number of elements, unless a zero follows */
	}
	known = zero ? 0 : known;
	int64_t n = shape_elements(&x->shape);
	if (open >= 0) {
		if (known <= 0 || n % known)
			return fail(io->err, ERR_INPUT, "%s has no shape %s",
				    shape_format(&x->shape, from), shape_format(&y, to));
		y.dim[open] = n / known;
	} else if (n != known) {
		return fail(io->err, ERR_INPUT, "%s can't be reshaped to %s",
			    shape_format(&x->shape, from), shape_format(&y, to));
	}
	return infer_set(io, 0, x->dtype, &y);
}

static void grad(struct grad *g)
{
	g->dx[0] = build_reshape(g->b, g->dy[0], build_shape(g->b, g->x[0]));
}

static const struct op_attr attrs[] = { { "allowzero", ATTR_INT, 0, 0, 0, NULL }, { 0 } };
static const struct op_arg in[] = {
	{ "data", 0, 0 },
	{ "shape", ARG_HOST | ARG_KEEP | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg out[] = { { "reshaped", 0, 0 }, { 0 } };

const struct op_def op_reshape_5 = {
	.domain = "",
	.name = "Reshape",
	.since = 5,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_VIEW | OP_KEEPS_FORM,
	.infer = infer,
	.ref = ref_view,
	.grad = grad,
};
