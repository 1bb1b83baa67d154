/*
 * recurrent.h - what LSTM, GRU and RNN share: they are lowered to one graph of primitives with the
 * time steps unrolled.
 *
 * In each direction the input's part of all steps is one product X W' + bias; then, step by step, a
 * cell makes the next hidden state of its part of that and of h R'. A cell is a function that builds
 * nodes: gradients, kernels and mixed precision are those of the primitives, a step's pointwise nodes
 * become a chain (passes/fuse.h) and the steps' gradients of R one product (passes/products.h).
 *
 * Products with the state write the type of the node's inputs, in mixed precision too, so that gates
 * and states stay float32 there and are rounded only where they enter a product.
 *
 * Shapes: T steps, N sequences, I inputs, H hidden units, G gates, D directions.
 */
#ifndef ONNXTUNE_OPS_RECURRENT_H
#define ONNXTUNE_OPS_RECURRENT_H

#include "ops/build.h"

#define RECURRENT_GATES 4
#define RECURRENT_ACTIVATIONS 3

/* The rows that all three operators have; the forms since opset 14 have `layout` too. */
/* clang-format off */
#define RECURRENT_ATTRS                                                                            \
	{ "activation_alpha", ATTR_FLOATS, ATTR_OPTIONAL, 0, 0, NULL },                            \
	{ "activation_beta", ATTR_FLOATS, ATTR_OPTIONAL, 0, 0, NULL },                             \
	{ "activations", ATTR_STRINGS, ATTR_OPTIONAL, 0, 0, NULL },                                \
	{ "clip", ATTR_FLOAT, ATTR_OPTIONAL, 0, 0, NULL },                                         \
	{ "direction", ATTR_STRING, 0, 0, 0, "forward" },                                          \
	{ "hidden_size", ATTR_INT, ATTR_OPTIONAL, 0, 0, NULL }
#define RECURRENT_LAYOUT { "layout", ATTR_INT, 0, 0, 0, NULL }
#define RECURRENT_INPUTS                                                                           \
	{ "X", 0, 0 },                                                                             \
	{ "W", ARG_PARAM, 0 },                                                                     \
	{ "R", ARG_PARAM, 0 },                                                                     \
	{ "B", ARG_PARAM | ARG_OPTIONAL, 0 },                                                      \
	{ "sequence_lens", ARG_NO_GRAD | ARG_OPTIONAL, 0 },                             \
	{ "initial_h", ARG_OPTIONAL, 0 }
#define RECURRENT_OUTPUTS { "Y", ARG_OPTIONAL, 0 }, { "Y_h", ARG_OPTIONAL, 0 }
/* clang-format on */

/* An activation function with its constants. */
struct activation {
	const char *name;
	float alpha, beta;
};

/* One direction of a node while it is lowered. */
struct recurrent {
	struct builder *b;
	const struct node *node;
	int64_t hidden;
	bool clipped; /* what enters an activation is kept in [-clip, clip] */
	float clip;
	struct activation f[RECURRENT_ACTIVATIONS]; /* f, g, h of the direction */
	uint32_t r[RECURRENT_GATES];                /* R of each group of gates [gates * H, H] */
	uint32_t state_bias;                /* of the last group when it is kept apart [H] */
	uint32_t peephole[RECURRENT_GATES]; /* [H], 0: none */
	uint32_t x[RECURRENT_GATES]; /* the input's part of this step, per group [N, gates * H] */
	uint32_t h, c;               /* states [N, H]; the cell replaces them */
};

/* How a kind of node differs from the others. */
struct recurrent_kind {
	uint32_t groups;                 /* of gates that share a product with the state */
	uint32_t gates[RECURRENT_GATES]; /* in each group */
	uint32_t activations;            /* functions of a direction */
	const char *defaults[RECURRENT_ACTIVATIONS];
	bool has_cell_state; /* inputs initial_c and P, output Y_c */
	bool state_bias;     /* the last group's Rb is not part of the input's product */
	void (*cell)(struct recurrent *r);
};

/* Lowers the node; what is wrong with its attributes and shapes fails the builder. */
void recurrent_lower(struct lower *l, const struct recurrent_kind *kind);

/* For cells: c + h R' of a group, where h is any [N, H]. */
uint32_t recurrent_product(struct recurrent *r, uint32_t h, uint32_t group, uint32_t c);
/* The n gates of [N, n * H]. */
void recurrent_gates(struct recurrent *r, uint32_t x, uint32_t *gate, uint32_t n);
/* Function k of the direction, after clipping. */
uint32_t recurrent_activate(struct recurrent *r, uint32_t k, uint32_t x);

#endif
