/*
 * fuse_parts.h - what the parts of fuse.c share: chains of nodes, what they compute again, and the
 * order that they make necessary.
 */
#ifndef ONNXTUNE_PASSES_FUSE_PARTS_H
#define ONNXTUNE_PASSES_FUSE_PARTS_H

#include "ops/target.h"
#include "passes/rewrite.h"

#define NOBODY 0
#define MANY UINT32_MAX

struct chain {
	ARRAY(uint32_t) members; /* nodes in order; also those that are computed again */
};

struct fuse {
	struct rewrite r;
	const struct graph *from;
	const struct target *target;
	uint32_t *position;    /* per node: its place in the order */
	uint32_t first_update; /* position of the first node of APPLY that writes over an input */
	enum fusible *fusible; /* per node */
	uint32_t *chain_of;    /* per node: its chain, 0: none */
	ARRAY(struct chain) chains; /* [0] is none */
	uint32_t *reader;      /* per value: the one chain beside its own that reads it, or MANY */
	bool *again;           /* per value: computed again by its reader */
	uint32_t *seen, stamp; /* per node: the search that has been there */
	uint32_t *local;       /* per value: its value in the body being built */
	ARRAY(uint32_t) stack;
};

static inline bool contains(const uint32_t *list, uint32_t n, uint32_t x)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i] == x)
			return true;
	return false;
}

static inline bool is_scalar_constant(const struct value *v)
{
	return v->kind == VALUE_CONSTANT && v->t.data && shape_elements(&v->t.shape) == 1;
}

static inline bool is_sum(const struct node *node)
{
	return node_is(node, "ReduceSum");
}

/* The shape that a node computes in. */
static inline const struct shape *fuse_space(const struct fuse *f, uint32_t id)
{
	const struct node *node = graph_node(f->from, id);
	return &graph_value(f->from, is_sum(node) ? node->in[0] : node->out[0])->t.shape;
}

/* That of all members of a chain. */
static inline enum phase fuse_phase(const struct fuse *f, uint32_t chain)
{
	return graph_node(f->from, f->chains.v[chain].members.v[0])->phase;
}

/* What the members read from outside, each once; the count, or MANY when it is over the limit. */
uint32_t fuse_inputs(const struct fuse *f, const uint32_t *members, uint32_t n, uint32_t *inputs);

/* Nodes of two lists, in order; each list is, and they have none in common. */
void fuse_merge(const struct fuse *f, const uint32_t *a, uint32_t n_a, const uint32_t *b,
		uint32_t n_b, uint32_t *out);

/* Adds to a chain the nodes that compute again what only it reads, where keeping it costs more. */
void fuse_again(struct fuse *f, uint32_t chain);

/*
 * A valid order of nodes, in which any member stands for its chain; as near to the old one as it
 * goes, chains late. *n: how many. A chain that would wait for itself, through other chains, or 0.
 */
uint32_t fuse_order(struct fuse *f, uint32_t *order, uint32_t *n);

#endif
