/*
 * swish.c - Swish: y = x sigmoid(alpha x), SiLU for alpha = 1 (ONNX Swish-24).
 */
#include "ops/build.h"

static void lower(struct lower *l)
{
	float alpha = node_float(l->node, "alpha");
	uint32_t x = l->in[0], inner = x;
	if (alpha != 1)
		inner = build(l->b, "Mul", IN(x, build_scalar(l->b, alpha, x)));
	l->out[0] = build(l->b, "Mul", IN(x, build(l->b, "Sigmoid", IN(inner))));
}

static const struct op_attr attrs[] = { { "alpha", ATTR_FLOAT, 0, 0, 1, NULL }, { 0 } };
static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_swish_24 = {
	.domain = "",
	.name = "Swish",
	.since = 24,
	.attrs = attrs,
	.in = in,
	.out = out,
	.lower = lower,
};
