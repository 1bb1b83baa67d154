/* fuse_order.c - puts the nodes of a graph in a new order, each chain as one (see fuse_parts.h). */
#include "passes/fuse_parts.h"

#include <stdlib.h>

enum { NEW, OPEN, DONE };

struct sort {
	struct fuse *f;
	uint8_t *state; /* of nodes, then of chains */
	uint32_t *order, n;
};

static uint8_t *state_of(const struct sort *s, uint32_t node)
{
	uint32_t chain = s->f->chain_of[node];
	return &s->state[chain ? s->f->from->nodes.n + chain : node];
}

/* Pushes what a node, or its chain, waits for; false when that waits for the node. */
static bool push_waited(struct sort *s, uint32_t id)
{
	struct fuse *f = s->f;
	uint32_t c = f->chain_of[id];
	const uint32_t *members = c ? f->chains.v[c].members.v : &id;
	uint32_t n = c ? f->chains.v[c].members.n : 1;
	for (uint32_t m = 0; m < n; m++) {
		const struct node *node = graph_node(f->from, members[m]);
		for (uint32_t k = 0; k < node->n_in; k++) {
			uint32_t p = node->in[k] ? graph_value(f->from, node->in[k])->node : 0;
			if (!p || contains(members, n, p) || *state_of(s, p) == DONE)
				continue;
			if (*state_of(s, p) == OPEN)
				return false;
			*array_push(&f->stack) = p;
		}
	}
	return true;
}

/* Orders a node, or its chain, after what it waits for; the chain that waits for itself, or 0. */
static uint32_t visit(struct sort *s, uint32_t root)
{
	struct fuse *f = s->f;
	f->stack.n = 0;
	*array_push(&f->stack) = root;
	while (f->stack.n) {
		uint32_t id = f->stack.v[f->stack.n - 1];
		uint8_t *state = state_of(s, id);
		if (*state == NEW) {
			*state = OPEN;
			if (push_waited(s, id))
				continue;
			while (!f->chain_of[id] || *state_of(s, id) != OPEN)
				id = f->stack.v[--f->stack.n - 1];
			return f->chain_of[id];
		}
		if (*state == OPEN)
			s->order[s->n++] = id;
		*state = DONE;
		f->stack.n--;
	}
	return 0;
}

uint32_t fuse_order(struct fuse *f, uint32_t *order, uint32_t *n)
{
	const struct graph *graph = f->from;
	struct sort s = { .f = f, .order = order };
	uint32_t loop = 0;
	s.state = mem_alloc(graph->nodes.n + f->chains.n);
	for (uint32_t i = 0; i < graph->order.n && !loop; i++) {
		uint32_t id = graph->order.v[i];
		const struct chain *chain = &f->chains.v[f->chain_of[id]];
		if (!f->chain_of[id] || chain->members.v[chain->members.n - 1] == id)
			loop = visit(&s, id);
	}
	free(s.state);
	*n = s.n;
	return loop;
}
