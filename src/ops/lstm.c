/*
 * lstm.c - LSTM: long short-term memory over a sequence (ONNX LSTM-7; 14: `layout`; 22: more types),
 * unrolled (recurrent.h). With a' for the part of gate a in X W' + h R' + bias, . the product of
 * elements, and peepholes p where there are:
 *
 *	i = f(i' + pi . c)      o = f(o' + po . C)      C = f . c + i . g      H = o . h(C)
 *	f = f(f' + pf . c)      g = g(c')
 *
 * f is 1 - i where `input_forget` couples the gates. W and R hold the gates in the order i o f c, P
 * in the order i o f.
 */
#include "ops/recurrent.h"

enum { I, O, F, C };

static uint32_t add_peephole(struct recurrent *r, uint32_t gate, uint32_t p, uint32_t c)
{
	return p ? build(r->b, "Add", IN(gate, build(r->b, "Mul", IN(p, c)))) : gate;
}

static void cell(struct recurrent *r)
{
	struct builder *b = r->b;
	uint32_t gate[4];
	recurrent_gates(r, recurrent_product(r, r->h, 0, r->x[0]), gate, 4);
	uint32_t i = recurrent_activate(r, 0, add_peephole(r, gate[I], r->peephole[I], r->c));
	uint32_t f = node_int(r->node, "input_forget")
			     ? build(b, "Sub", IN(build_scalar(b, 1, i), i))
			     : recurrent_activate(r, 0,
						  add_peephole(r, gate[F], r->peephole[F], r->c));
	uint32_t g = recurrent_activate(r, 1, gate[C]);
	r->c = build(b, "Add", IN(build(b, "Mul", IN(f, r->c)), build(b, "Mul", IN(i, g))));
	uint32_t o = recurrent_activate(r, 0, add_peephole(r, gate[O], r->peephole[O], r->c));
	r->h = build(b, "Mul", IN(o, recurrent_activate(r, 2, r->c)));
}

static void lower(struct lower *l)
{
	static const struct recurrent_kind kind = { .groups = 1,
						    .gates = { 4 },
						    .activations = 3,
						    .defaults = { "Sigmoid", "Tanh", "Tanh" },
						    .has_cell_state = true,
						    .cell = cell };
	recurrent_lower(l, &kind);
}

static const struct op_attr attrs_7[] = { RECURRENT_ATTRS,
					  { "input_forget", ATTR_INT, 0, 0, 0, NULL },
					  { 0 } };
static const struct op_attr attrs[] = {
	RECURRENT_ATTRS, { "input_forget", ATTR_INT, 0, 0, 0, NULL }, RECURRENT_LAYOUT, { 0 }
};
static const struct op_arg in[] = { RECURRENT_INPUTS,
				    { "initial_c", ARG_OPTIONAL, 0 },
				    { "P", ARG_PARAM | ARG_OPTIONAL, 0 },
				    { 0 } };
static const struct op_arg out[] = { RECURRENT_OUTPUTS, { "Y_c", ARG_OPTIONAL, 0 }, { 0 } };

const struct op_def op_lstm_7 = {
	.domain = "",
	.name = "LSTM",
	.since = 7,
	.attrs = attrs_7,
	.in = in,
	.out = out,
	.lower = lower,
};

const struct op_def op_lstm_14 = {
	.domain = "",
	.name = "LSTM",
	.since = 14,
	.attrs = attrs,
	.in = in,
	.out = out,
	.lower = lower,
};
