/*
 * rnn.c - RNN: H = f(X W' + h R' + bias) over a sequence (ONNX RNN-7; 14: `layout`; 22: more types),
 * unrolled (recurrent.h).
 */
#include "ops/recurrent.h"

static void cell(struct recurrent *r)
{
	r->h = recurrent_activate(r, 0, recurrent_product(r, r->h, 0, r->x[0]));
}

static void lower(struct lower *l)
{
	static const struct recurrent_kind kind = {
		.groups = 1, .gates = { 1 }, .activations = 1, .defaults = { "Tanh" }, .cell = cell
	};
	recurrent_lower(l, &kind);
}

static const struct op_attr attrs_7[] = { RECURRENT_ATTRS, { 0 } };
static const struct op_attr attrs[] = { RECURRENT_ATTRS, RECURRENT_LAYOUT, { 0 } };
static const struct op_arg in[] = { RECURRENT_INPUTS, { 0 } };
static const struct op_arg out[] = { RECURRENT_OUTPUTS, { 0 } };

const struct op_def op_rnn_7 = {
	.domain = "",
	.name = "RNN",
	.since = 7,
	.attrs = attrs_7,
	.in = in,
	.out = out,
	.lower = lower,
};

const struct op_def op_rnn_14 = {
	.domain = "",
	.name = "RNN",
	.since = 14,
	.attrs = attrs,
	.in = in,
	.out = out,
	.lower = lower,
};
