/*
 * sum.c - Sum and Mean of any number of tensors with broadcasting (ONNX Sum-6, 8, 13, Mean-6, 8,
 * 13): a chain of Add, and a division by the count.
 */
#include "ops/build.h"

static uint32_t sum(struct lower *l)
{
	if (!l->n_in) {
		build_fail(l->b, ERR_INPUT, "there are no inputs");
		return 0;
	}
	uint32_t y = l->n_in == 1 ? build(l->b, "Identity", IN(l->in[0])) : l->in[0];
	for (uint32_t k = 1; k < l->n_in; k++)
		y = build(l->b, "Add", IN(y, l->in[k]));
	return y;
}

static void lower_sum(struct lower *l)
{
	l->out[0] = sum(l);
}

static void lower_mean(struct lower *l)
{
	uint32_t y = sum(l);
	if (l->n_in > 1)
		y = build(l->b, "Div", IN(y, build_scalar(l->b, l->n_in, y)));
	l->out[0] = y;
}

static const struct op_arg in[] = { { "data_0", ARG_VARIADIC, 0 }, { 0 } };
static const struct op_arg out_sum[] = { { "sum", 0, 0 }, { 0 } };
static const struct op_arg out_mean[] = { { "mean", 0, 0 }, { 0 } };

const struct op_def op_sum_6 = {
	.domain = "",
	.name = "Sum",
	.since = 6,
	.in = in,
	.out = out_sum,
	.lower = lower_sum,
};

const struct op_def op_mean_6 = {
	.domain = "",
	.name = "Mean",
	.since = 6,
	.in = in,
	.out = out_mean,
	.lower = lower_mean,
};
