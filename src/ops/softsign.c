/*
 * softsign.c - Softsign: y = x / (1 + |x|) (ONNX Softsign-1, 22).
 */
#include "ops/build.h"

static void lower(struct lower *l)
{
	uint32_t x = l->in[0], size = build(l->b, "Abs", IN(x));
	uint32_t below = build(l->b, "Add", IN(size, build_scalar(l->b, 1, x)));
	l->out[0] = build(l->b, "Div", IN(x, below));
}

static const struct op_arg in[] = { { "input", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_softsign_1 = {
	.domain = "",
	.name = "Softsign",
	.since = 1,
	.in = in,
	.out = out,
	.lower = lower,
};
