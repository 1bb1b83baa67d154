/*
 * sin.c - Sin and Cos of radians (ONNX Sin-7, 22, Cos-7, 22).
 */
#include "ops/build.h"

#include <math.h>

static enum status ref_sin(struct op_io *io)
{
	return ref_unary(io, sin);
}

static enum status ref_cos(struct op_io *io)
{
	return ref_unary(io, cos);
}

static void grad_sin(struct grad *g)
{
	struct builder *b = g->b;
	g->dx[0] = build(b, "Mul", IN(g->dy[0], build(b, "Cos", IN(g->x[0]))));
}

static void grad_cos(struct grad *g)
{
	struct builder *b = g->b;
	uint32_t sine = build(b, "Sin", IN(g->x[0]));
	g->dx[0] = build(b, "Neg", IN(build(b, "Mul", IN(g->dy[0], sine))));
}

static const struct op_arg in[] = { { "input", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_sin_7 = {
	.domain = "",
	.name = "Sin",
	.since = 7,
	.in = in,
	.out = out,
	.precision = PRECISION_INNER,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_float,
	.ref = ref_sin,
	.grad = grad_sin,
};

const struct op_def op_cos_7 = {
	.domain = "",
	.name = "Cos",
	.since = 7,
	.in = in,
	.out = out,
	.precision = PRECISION_INNER,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_float,
	.ref = ref_cos,
	.grad = grad_cos,
};
