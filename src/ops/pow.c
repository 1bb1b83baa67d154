/*
 * pow.c - Pow: z = x^y with broadcasting, in the type of x, whatever the type of y (ONNX Pow-7, 12,
 * 13, 15). Integers to integer powers are exact and wrap around; 1/x of an integer is cut to one.
 */
#include "ops/build.h"

#include <math.h>

static enum status infer(struct op_io *io)
{
	enum dtype x = io->in[0]->dtype, y = io->in[1]->dtype;
	if (!(dtype_is_integer(x) || dtype_is_trainable(x)) ||
	    !(dtype_is_integer(y) || dtype_is_trainable(y)))
		return fail(io->err, ERR_INPUT, "inputs are %s and %s, not numbers", dtype_name(x),
			    dtype_name(y));
	return infer_shapes(io, x);
}

static int64_t power(int64_t x, int64_t y, bool y_signed)
{
	if (y < 0 && y_signed)
		return x == 1 || (x == -1 && !(y & 1)) ? 1 : x == -1 ? -1 : 0;
	uint64_t z = 1, square = (uint64_t)x;
	for (uint64_t bits = (uint64_t)y; bits; bits >>= 1, square *= square)
		if (bits & 1)
			z *= square;
	return (int64_t)z;
}

static enum status ref(struct op_io *io)
{
	const struct tensor *x = io->in[0], *y = io->in[1];
	struct tensor *z = &io->out[0];
	bool exact = dtype_is_integer(x->dtype) && dtype_is_integer(y->dtype);
	struct walk w = walk_start(&z->shape, 3);
	walk_broadcast(&w, 1, &x->shape);
	walk_broadcast(&w, 2, &y->shape);
	for (; walk_more(&w); walk_next(&w)) {
		if (exact) {
			tensor_set_int(z, w.offset[0],
				       power(tensor_get_int(x, w.offset[1]),
					     tensor_get_int(y, w.offset[2]), y->dtype != DT_U64));
			continue;
		}
		double p = pow(tensor_get(x, w.offset[1]), tensor_get(y, w.offset[2]));
		tensor_set(z, w.offset[0], dtype_is_integer(z->dtype) ? trunc(p) : p);
	}
	return OK;
}

/* The exponent if it is one known number, else NaN. */
static double known_exponent(const struct grad *g)
{
	const struct value *v = graph_value(g->b->graph, g->x[1]);
	if (v->kind != VALUE_CONSTANT || !v->t.data || shape_elements(&v->t.shape) != 1)
		return NAN;
	return tensor_get(&v->t, 0);
}

/* dy e x^(e-1), which is 0 where e is 0; the exponents that models have without Pow. */
static uint32_t grad_base(struct grad *g)
{
	struct builder *b = g->b;
	uint32_t x = g->x[0], z = g->y[0], dy = g->dy[0];
	double known = known_exponent(g);
	if (known == 0)
		return 0;
	if (known == 1)
		return dy;
	if (known == 2)
		return build(b, "Mul", IN(dy, build(b, "Add", IN(x, x))));
	if (known == 0.5)
		return build(b, "Div", IN(dy, build(b, "Add", IN(z, z))));
	uint32_t e = build_cast(b, g->x[1], build_type(b, x)->dtype);
	uint32_t less = build(b, "Sub", IN(e, build_scalar(b, 1, e)));
	uint32_t slope = build(b, "Mul", IN(e, build(b, "Pow", IN(x, less))));
	if (isnan(known)) {
		uint32_t zero = build_scalar(b, 0, e);
		slope = build(b, "Where", IN(build(b, "Equal", IN(e, zero)), zero, slope));
	}
	return build(b, "Mul", IN(dy, slope));
}

/* dy z log(x), but 0 where z is constantly 0: x = 0 and e >= 0. */
static uint32_t grad_exponent(struct grad *g)
{
	struct builder *b = g->b;
	uint32_t x = g->x[0], e = g->x[1], zero = build_scalar(b, 0, x);
	uint32_t flat = build(b, "And",
			      IN(build(b, "Equal", IN(x, zero)),
				 build(b, "GreaterOrEqual", IN(e, build_scalar(b, 0, e)))));
	uint32_t slope = build(b, "Mul", IN(g->y[0], build(b, "Log", IN(x))));
	return build(b, "Mul", IN(g->dy[0], build(b, "Where", IN(flat, zero, slope))));
}

static void grad(struct grad *g)
{
	if (g->need[0])
		g->dx[0] = grad_base(g);
	if (g->need[1])
		g->dx[1] = grad_exponent(g);
}

static const struct op_arg in[] = { { "X", 0, 0 }, { "Y", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Z", 0, 0 }, { 0 } };

const struct op_def op_pow_7 = {
	.domain = "",
	.name = "Pow",
	.since = 7,
	.in = in,
	.out = out,
	.precision = PRECISION_FULL,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};
