/*
 * mish.c - Mish: y = x tanh(softplus(x)) (ONNX Mish-18, 22).
 */
#include "ops/build.h"

static void lower(struct lower *l)
{
	uint32_t x = l->in[0];
	uint32_t gate = build(l->b, "Tanh", IN(build(l->b, "Softplus", IN(x))));
	l->out[0] = build(l->b, "Mul", IN(x, gate));
}

static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_mish_18 = {
	.domain = "",
	.name = "Mish",
	.since = 18,
	.in = in,
	.out = out,
	.lower = lower,
};
