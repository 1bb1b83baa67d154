/*
 * layers.c - counts parameterised nodes and layers (see layers.h).
 *
 *  1. Backward: the values that the output needs.
 *  2. Forward: each value knows the last parameterised node before it; what else reads a weight
 *     joins that node.
 *  3. Neighbours that are one layer are joined, and all is counted from the end.
 */
#include "passes/layers.h"

#include "ops/op.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct weighted_node {
	const struct node *node;
	uint32_t before;   /* number of the parameterised node that it follows, 0: none */
	const char *block; /* of its name */
	size_t block_size; /* 0: in no block */
	bool vectors;      /* it has no weight of more than one axis: a normalization */
	uint32_t layer;
};

struct counting {
	const struct layers_query *q;
	bool *needed;     /* per value */
	uint32_t *before; /* per value: number of the last parameterised node before it */
	uint32_t *owner;  /* per weight: number of its node; 0: the first, or none */
	bool *reached;    /* per weight */
	ARRAY(struct weighted_node) nodes; /* number n is nodes.v[n - 1] */
};

static void mark_needed(struct counting *c)
{
	const struct graph *graph = c->q->graph;
	c->needed[c->q->output] = true;
	for (uint32_t i = graph->order.n; i-- > 0;) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		bool needed = false;
		for (uint32_t k = 0; k < node->n_out; k++)
			needed |= c->needed[node->out[k]];
		for (uint32_t k = 0; k < node->n_in && needed; k++)
			c->needed[node->in[k]] = true;
	}
	c->needed[0] = false;
}

/* The part of a path up to the first step, but for the last one, that ends in a number of its own:
 * "blocks.3", "layer_3", "3". */
static size_t block_of(const char *name)
{
	const char *end;
	for (const char *begin = name; (end = strchr(begin, '/')); begin = end + 1) {
		const char *digits = end;
		while (digits > begin && isdigit((unsigned char)digits[-1]))
			digits--;
		if (digits < end && (digits == begin || strchr("._", digits[-1])))
			return (size_t)(end - name);
	}
	return 0;
}

static uint32_t add_node(struct counting *c, const struct node *node, uint32_t before)
{
	const struct graph *graph = c->q->graph;
	bool vectors = true;
	for (uint32_t k = 0; k < node->n_in; k++)
		if (c->q->source[node->in[k]])
			vectors &= graph_value(graph, node->in[k])->t.shape.rank < 2;
	*array_push(&c->nodes) = (struct weighted_node){
		.node = node,
		.before = before,
		.block = node->name,
		.block_size = block_of(node->name),
		.vectors = vectors,
	};
	return c->nodes.n;
}

/* Whether the last one and this are of one node of the file, which was lowered: a recurrent one's steps. */
static bool is_same(const struct counting *c, const struct node *node)
{
	return c->nodes.n && c->nodes.v[c->nodes.n - 1].node->name == node->name;
}

static void count_node(struct counting *c, const struct node *node)
{
	const struct layers_query *q = c->q;
	uint32_t number = 0;
	bool weighted = false, needed = false;
	for (uint32_t k = 0; k < node->n_out; k++)
		needed |= c->needed[node->out[k]];
	if (!needed)
		return;
	for (uint32_t k = 0; k < node->n_in; k++) {
		uint32_t source = q->source[node->in[k]];
		number = c->before[node->in[k]] > number ? c->before[node->in[k]] : number;
		weighted |= source && q->weight[source - 1] &&
			    (op_input(node->def, k)->flags & ARG_PARAM);
	}
	if (weighted)
		number = is_same(c, node) ? c->nodes.n : add_node(c, node, number);
	for (uint32_t k = 0; k < node->n_in; k++) {
		uint32_t source = q->source[node->in[k]];
		if (!source || q->source[node->out[0]]) /* still only a form of the weight */
			continue;
		c->reached[source - 1] = true;
		if (number > c->owner[source - 1])
			c->owner[source - 1] = number;
	}
	for (uint32_t k = 0; k < node->n_out; k++)
		c->before[node->out[k]] = number;
}

static bool same_block(const struct weighted_node *a, const struct weighted_node *b)
{
	return a->block_size && a->block_size == b->block_size &&
	       !memcmp(a->block, b->block, a->block_size);
}

/* Numbers the layers from 1; returns how many there are. */
static uint32_t join_layers(struct counting *c)
{
	struct weighted_node *v = c->nodes.v;
	uint32_t n = 0;
	bool wait = false; /* a normalization stands before, which is of the next layer */
	for (uint32_t i = 0; i < c->nodes.n; i++) {
		bool last = i + 1 == c->nodes.n, joined = i && same_block(&v[i - 1], &v[i]);
		if (!strcmp(v[i].node->def->name, "BatchNormalization") && v[i].before) {
			v[i].layer = v[v[i].before - 1].layer;
			continue;
		}
		if (v[i].vectors && !v[i].block_size && i && !wait) {
			joined = last || v[i + 1].block_size;
			n += !joined;
			wait = !joined;
		} else {
			n += !joined && !wait;
			wait = false;
		}
		v[i].layer = n ? n : ++n;
	}
	return n;
}

void layers_find(const struct layers_query *query, uint32_t *last, uint32_t *depth)
{
	const struct graph *graph = query->graph;
	struct counting c = {
		.q = query,
		.needed = mem_alloc(graph->values.n),
		.before = mem_alloc(graph->values.n * sizeof *c.before),
		.owner = mem_alloc(query->n * sizeof *c.owner),
		.reached = mem_alloc(query->n),
	};
	mark_needed(&c);
	for (uint32_t i = 0; i < graph->order.n; i++)
		count_node(&c, graph_node(graph, graph->order.v[i]));
	uint32_t layers = join_layers(&c);
	for (uint32_t w = 0; w < query->n; w++) {
		uint32_t owner = c.owner[w] ? c.owner[w] : 1;
		bool any = c.reached[w] && c.nodes.n;
		last[w] = any ? c.nodes.n + 1 - owner : 0;
		depth[w] = any ? layers - c.nodes.v[owner - 1].layer : 0;
	}
	free(c.needed);
	free(c.before);
	free(c.owner);
	free(c.reached);
	array_release(&c.nodes);
}
