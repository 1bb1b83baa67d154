/*
 * copies.c - gives optimizers the copy of their parameter as a further input and output (see
 * copies.h): one for each, the first Cast of UPDATE whose result a later phase reads.
 */
#include "passes/copies.h"

#include "ops/optimizer.h"
#include "passes/phase.h"
#include "passes/rewrite.h"

#include <stdlib.h>
#include <string.h>

static bool is_optimizer(const struct node *node)
{
	const struct op_def *def = node->def;
	return def->out[0].name && !strcmp(def->out[optimizer_copy(def)].name, "Copy");
}

/* Per parameter the copy that its optimizer shall write, 0: none. */
static uint32_t *find_copies(const struct graph *graph)
{
	uint32_t *copy = mem_alloc(graph->values.n * sizeof *copy);
	bool *read = mem_alloc(graph->values.n);
	for (uint32_t i = graph->order.n; i-- > 0;) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		for (uint32_t k = 0; k < node->n_in; k++)
			read[node->in[k]] |= node->phase > PHASE_UPDATE;
		if (node->phase != PHASE_UPDATE || !node_is(node, "Cast") || !read[node->out[0]])
			continue;
		const struct value *from = graph_value(graph, node->in[0]);
		const struct value *to = graph_value(graph, node->out[0]);
		if (from->kind == VALUE_PARAM && from->t.dtype == DT_F32 &&
		    (to->t.dtype == DT_F16 || to->t.dtype == DT_BF16) &&
		    from->layout == LAYOUT_PLAIN && to->layout == LAYOUT_PLAIN)
			copy[node->in[0]] = node->out[0];
	}
	free(read);
	return copy;
}

/* The optimizer once more, with the copy. */
static void add_copy(struct rewrite *r, const struct node *node, uint32_t copy)
{
	struct arena *arena = r->from->arena;
	uint32_t last = optimizer_copy(node->def);
	uint32_t *in = arena_alloc(arena, (last + 4) * sizeof *in);
	uint32_t *out = arena_alloc(arena, (last + 1) * sizeof *out);
	bool *wanted = arena_alloc(arena, last + 1);
	const char **names = arena_alloc(arena, (last + 1) * sizeof *names);
	for (uint32_t k = 0; k < node->n_in; k++)
		in[k] = r->map[node->in[k]];
	in[last + 3] = r->map[copy];
	for (uint32_t k = 0; k < node->n_out; k++)
		if (node->out[k]) {
			wanted[k] = true;
			names[k] = graph_value(r->from, node->out[k])->name;
		}
	wanted[last] = true;
	rewrite_origin(r, node);
	build_def(&r->b, node->def, (struct inputs){ in, last + 4 }, node->attrs, wanted, names,
		  out, last + 1);
	for (uint32_t k = 0; k < node->n_out; k++)
		if (node->out[k])
			r->map[node->out[k]] = out[k];
}

enum status copies_apply(struct graph **graph, struct error *err)
{
	struct graph *from = *graph;
	uint32_t *copy = find_copies(from);
	struct rewrite r;
	rewrite_begin(&r, from, err);
	for (uint32_t i = 0; i < from->order.n; i++) {
		const struct node *node = graph_node(from, from->order.v[i]);
		if (is_optimizer(node) && copy[node->in[2]])
			add_copy(&r, node, copy[node->in[2]]);
		else
			rewrite_copy(&r, node);
	}
	free(copy);
	TRY(rewrite_end(&r, graph));
	phase_mark(*graph);
	return OK;
}
