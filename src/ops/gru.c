/*
 * gru.c - GRU: gated recurrent units over a sequence (ONNX GRU-7; 14: `layout`; 22: more types),
 * unrolled (recurrent.h). With a' for the part of gate a in X W' + bias and . the product of elements:
 *
 *	z = f(z' + h Rz')    r = f(r' + h Rr')    H = (1 - z) . g + z . h
 *	g = g(g' + (r . h) Rg')               or, with linear_before_reset,
 *	g = g(g' + r . (h Rg' + Rbg))         where Rbg is not in the bias
 *
 * W, R and B hold the gates in the order z r g.
 */
#include "ops/recurrent.h"

enum { Z, R };

static void cell(struct recurrent *r)
{
	struct builder *b = r->b;
	uint32_t gate[2], g;
	recurrent_gates(r, recurrent_product(r, r->h, 0, r->x[0]), gate, 2);
	uint32_t z = recurrent_activate(r, 0, gate[Z]), reset = recurrent_activate(r, 0, gate[R]);
	if (node_int(r->node, "linear_before_reset")) {
		uint32_t state = recurrent_product(r, r->h, 1, r->state_bias);
		g = build(b, "Add", IN(r->x[1], build(b, "Mul", IN(reset, state))));
	} else {
		g = recurrent_product(r, build(b, "Mul", IN(reset, r->h)), 1, r->x[1]);
	}
	g = recurrent_activate(r, 1, g);
	r->h = build(b, "Add", IN(g, build(b, "Mul", IN(z, build(b, "Sub", IN(r->h, g))))));
}

static void lower(struct lower *l)
{
	struct recurrent_kind kind = { .groups = 2,
				       .gates = { 2, 1 },
				       .activations = 2,
				       .defaults = { "Sigmoid", "Tanh" },
				       .state_bias = node_int(l->node, "linear_before_reset"),
				       .cell = cell };
	recurrent_lower(l, &kind);
}

static const struct op_attr attrs_7[] = { RECURRENT_ATTRS,
					  { "linear_before_reset", ATTR_INT, 0, 0, 0, NULL },
					  { 0 } };
static const struct op_attr attrs[] = {
	RECURRENT_ATTRS, { "linear_before_reset", ATTR_INT, 0, 0, 0, NULL }, RECURRENT_LAYOUT, { 0 }
};
static const struct op_arg in[] = { RECURRENT_INPUTS, { 0 } };
static const struct op_arg out[] = { RECURRENT_OUTPUTS, { 0 } };

const struct op_def op_gru_7 = {
	.domain = "",
	.name = "GRU",
	.since = 7,
	.attrs = attrs_7,
	.in = in,
	.out = out,
	.lower = lower,
};

const struct op_def op_gru_14 = {
	.domain = "",
	.name = "GRU",
	.since = 14,
	.attrs = attrs,
	.in = in,
	.out = out,
	.lower = lower,
};
