/*
 * rewrite.h - building a new graph out of an old one, node by node: how passes change graphs.
 *
 *	struct rewrite r;
 *	rewrite_begin(&r, old, err);
 *	for each node of old->order: rewrite_copy(&r, node), or build other nodes with r.b and
 *		set r.map[output] for each output
 *	return rewrite_end(&r, &new);
 */
#ifndef ONNXTUNE_PASSES_REWRITE_H
#define ONNXTUNE_PASSES_REWRITE_H

#include "ops/build.h"
#include "ops/target.h"

struct rewrite {
	struct builder b;
	const struct graph *from;
	uint32_t *map; /* per value of `from`: its value in b.graph, 0 while there is none */
};

/* Starts a new graph with copies of all values from the outside. */
void rewrite_begin(struct rewrite *r, const struct graph *from, struct error *err);

/* The node again, with inputs mapped and outputs typed anew, in their phases and layouts. */
void rewrite_copy(struct rewrite *r, const struct node *node);

/* The node with other inputs (already in the new graph). */
void rewrite_copy_with(struct rewrite *r, const struct node *node, const uint32_t *in);

/* New nodes are said to come from this node. */
void rewrite_origin(struct rewrite *r, const struct node *node);

/* Whether the target has a kernel for the new node that makes the value; not where there is none. */
bool rewrite_has_kernel(const struct rewrite *r, const struct target *target, uint32_t value);

/* Leaves nodes that no output and no state needs out of the graph's order. */
void rewrite_drop_dead(struct graph *graph);

/*
 * Inputs and outputs are mapped, nodes that no output and no state needs are dropped. *graph is
 * replaced by the new graph and the old one freed; on failure the old one stays.
 */
enum status MUST_CHECK rewrite_end(struct rewrite *r, struct graph **graph);

#endif
