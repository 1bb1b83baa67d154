/*
 * cast.c - Cast between all numeric types and bool (ONNX Cast-6, 9, 13, 19, 21, 23, 24, 25, 28) and
 * CastLike (15 and later). Numbers to strings and back are refused.
 *
 * Floats round to nearest even; to integers they are cut toward zero. Out of range, where ONNX
 * leaves the result open, types of 32 and 64 bits are clamped, smaller ones keep the low bits as in
 * its test data; NaN gives 0. Integers to integers keep the low bits. 8-bit floats saturate or
 * overflow as `saturate` says; the power-of-two type float8e8m0 rounds as `round_mode` says.
 */
#include "ops/build.h"

#include <math.h>
#include <string.h>

static bool castable(enum dtype dtype)
{
	return dtype_is_float(dtype) || dtype_is_integer(dtype) || dtype == DT_BOOL;
}

static enum status infer(struct op_io *io)
{
	enum dtype from = io->in[0]->dtype;
	int64_t to = node_int(io->node, "to");
	const char *mode = node_string(io->node, "round_mode");
	if (to <= DT_NONE || to >= DT_COUNT)
		return fail(io->err, ERR_INPUT, "attribute 'to' is %lld", (long long)to);
	if (from != (enum dtype)to && (!castable(from) || !castable((enum dtype)to)))
		return fail(io->err, ERR_UNSUPPORTED, "a cast from %s to %s is not supported",
			    dtype_name(from), dtype_name((enum dtype)to));
	if (strcmp(mode, "up") && strcmp(mode, "down") && strcmp(mode, "nearest"))
		return fail(io->err, ERR_INPUT, "attribute 'round_mode' is not known");
	return infer_set(io, 0, (enum dtype)to, &io->in[0]->shape);
}

/* x > 0 to a power of two; halfway counts as up. What is not in range is left to the caller. */
static double round_to_power(double x, const char *mode)
{
	int exponent;
	double fraction = frexp(x, &exponent); /* in [1/2, 1) */
	bool up = !strcmp(mode, "up") ? fraction > 0.5
				      : !strcmp(mode, "nearest") && fraction >= 0.75;
	return ldexp(1, exponent - !up);
}

static double to_e8m0(double x, const char *mode, bool saturate)
{
	if (x > 0 && isfinite(x))
		x = round_to_power(x, mode);
	return saturate || (x >= 0x1p-127 && x <= 0x1p127) ? x : NAN;
}

/* From which magnitude on (E4M3FN: above which) rounding leaves the range of an 8-bit float. */
static bool overflows(enum dtype dtype, double x)
{
	switch (dtype) {
	case DT_F8E4M3FN:
		return fabs(x) > 464;
	case DT_F8E4M3FNUZ:
		return fabs(x) >= 248;
	case DT_F8E5M2:
	case DT_F8E5M2FNUZ:
		return fabs(x) >= 61440;
	default:
		return false;
	}
}

static void set_float8(struct tensor *y, int64_t i, double x, bool saturate)
{
	if (saturate || !overflows(y->dtype, x))
		tensor_set(y, i, x);
	else if (y->dtype == DT_F8E5M2) /* the infinities, which tensor_set does not give */
		((uint8_t *)y->data)[i] = x < 0 ? 0xfc : 0x7c;
	else
		tensor_set(y, i, NAN);
}

static void set_int(struct tensor *y, int64_t i, double x)
{
	struct tensor wide = { DT_I64, SHAPE_SCALAR, &(int64_t){ 0 } };
	x = trunc(x);
	if (dtype_bits(y->dtype) >= 32) {
		tensor_set(y, i, x);
		return;
	}
	tensor_set(&wide, 0, x);
	tensor_set_int(y, i, tensor_get_int(&wide, 0));
}

static enum status ref(struct op_io *io)
{
	const struct tensor *x = io->in[0];
	struct tensor *y = &io->out[0];
	const char *mode = node_string(io->node, "round_mode");
	bool saturate = node_int(io->node, "saturate");
	bool exact = !dtype_is_float(x->dtype);
	if (x->dtype == y->dtype)
		return ref_view(io);
	for (int64_t i = 0, n = shape_elements(&y->shape); i < n; i++) {
		if (exact && !dtype_is_float(y->dtype))
			tensor_set_int(y, i, tensor_get_int(x, i));
		else if (x->dtype == DT_I64 && y->dtype == DT_F32) /* rounded once, not twice */
			tensor_set(y, i, (float)tensor_get_int(x, i));
		else if (x->dtype == DT_U64 && y->dtype == DT_F32)
			tensor_set(y, i, (float)(uint64_t)tensor_get_int(x, i));
		else if (dtype_is_integer(y->dtype))
			set_int(y, i, tensor_get(x, i));
		else if (y->dtype == DT_F8E8M0)
			tensor_set(y, i, to_e8m0(tensor_get(x, i), mode, saturate));
		else
			set_float8(y, i, tensor_get(x, i), saturate);
	}
	return OK;
}

static void grad(struct grad *g)
{
	g->dx[0] = build_cast(g->b, g->dy[0], build_type(g->b, g->x[0])->dtype);
}

static void lower_like(struct lower *l)
{
	l->out[0] = build(l->b, "Cast", IN(l->in[0]),
			  attr_int("to", build_type(l->b, l->in[1])->dtype),
			  attr_int("saturate", node_int(l->node, "saturate")),
			  attr_string("round_mode", node_string(l->node, "round_mode")));
}

static const struct op_attr attrs[] = {
	{ "to", ATTR_INT, ATTR_REQUIRED, 0, 0, NULL },
	{ "saturate", ATTR_INT, 0, 1, 0, NULL },
	{ "round_mode", ATTR_STRING, 0, 0, 0, "up" },
	{ 0 },
};
static const struct op_arg in[] = { { "input", ARG_KEEP, 0 }, { 0 } };
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_cast_6 = {
	.domain = "",
	.name = "Cast",
	.since = 6,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_KEEPS_FORM,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};

static const struct op_arg in_like[] = { { "input", 0, 0 },
					 { "target_type", ARG_NO_GRAD, 0 },
					 { 0 } };

const struct op_def op_cast_like_15 = {
	.domain = "",
	.name = "CastLike",
	.since = 15,
	.attrs = attrs + 1,
	.in = in_like,
	.out = out,
	.lower = lower_like,
};
