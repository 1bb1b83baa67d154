/*
 * hard_swish.c - HardSwish: y = x HardSigmoid(x) with alpha = 1/6 and beta = 1/2
 * (ONNX HardSwish-14, 22).
 */
#include "ops/build.h"

static void lower(struct lower *l)
{
	uint32_t x = l->in[0];
	uint32_t gate = build(l->b, "HardSigmoid", IN(x), attr_float("alpha", 1 / 6.0f),
			      attr_float("beta", 0.5f));
	l->out[0] = build(l->b, "Mul", IN(x, gate));
}

static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_hard_swish_14 = {
	.domain = "",
	.name = "HardSwish",
	.since = 14,
	.in = in,
	.out = out,
	.lower = lower,
};
