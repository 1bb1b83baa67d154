/*
 * layers.h - the parameterised nodes of a bound graph, in order, and the layers that they make:
 * what --train last:N counts and --layer-decay's depth.
 *
 * A parameterised node reads a weight in a slot that its operator marks PARAM: a convolution, a
 * matrix product, a normalization, an embedding. What is put on its output afterwards (a bias, a
 * scale, a learned row) belongs to it. Nodes count in the order of the graph.
 *
 * Layers are as in timm's and BEiT's layer-wise decay: a block of a network is one layer. The nodes
 * that follow each other and whose names have a common block (the path up to the first part that
 * ends in a number: "/blocks.3/attn/qkv/MatMul" is in "/blocks.3") are one; BatchNormalization is of
 * the layer of what it reads; a normalization in no block is of the layer after it (the last
 * one before a classifier), or of the one before where a block follows; every other node is a layer
 * of its own.
 */
#ifndef ONNXTUNE_PASSES_LAYERS_H
#define ONNXTUNE_PASSES_LAYERS_H

#include "graph/graph.h"

struct layers_query {
	const struct graph *graph; /* bound, BatchNormalization still in it */
	uint32_t output; /* the value that is trained; nodes it does not need don't count */
	const uint32_t
		*source;    /* per value: 1 + number of the weight that it is a form of, 0: none */
	const bool *weight; /* per number: it makes a node parameterised */
	uint32_t n;         /* numbers */
};

/*
 * last[w]: how many parameterised nodes from the end weight w stands, 1 being the last, 0 for a
 * weight that does not lead to the output; depth[w]: layers behind its own. A weight of several
 * nodes belongs to the last of them, one that stands before all of them to the first.
 */
void layers_find(const struct layers_query *query, uint32_t *last, uint32_t *depth);

#endif
