/* rewrite.c - building a new graph out of an old one (see rewrite.h). */
#include "passes/rewrite.h"

#include <stdlib.h>

void rewrite_begin(struct rewrite *r, const struct graph *from, struct error *err)
{
	*r = (struct rewrite){
		.b = { .graph = graph_new(from->arena), .err = err, .name = "", .op = "" },
		.from = from,
		.map = mem_alloc(from->values.n * sizeof *r->map),
	};
	for (uint32_t i = 1; i < from->values.n; i++) {
		const struct value *v = graph_value(from, i);
		if (v->node)
			continue;
		r->map[i] = graph_add_value(r->b.graph, v->name, v->kind, v->t);
		graph_value(r->b.graph, r->map[i])->phase = v->phase;
		graph_value(r->b.graph, r->map[i])->layout = v->layout;
	}
}

void rewrite_origin(struct rewrite *r, const struct node *node)
{
	r->b.name = node->name;
	r->b.op = node->op;
}

void rewrite_copy_with(struct rewrite *r, const struct node *node, const uint32_t *in)
{
	struct arena *arena = r->from->arena;
	uint32_t *out = arena_alloc(arena, node->n_out * sizeof *out);
	bool *wanted = arena_alloc(arena, node->n_out);
	const char **names = arena_alloc(arena, node->n_out * sizeof *names);
	rewrite_origin(r, node);
	for (uint32_t k = 0; k < node->n_out; k++) {
		wanted[k] = node->out[k] != 0;
		names[k] = wanted[k] ? graph_value(r->from, node->out[k])->name : NULL;
	}
	enum status before = r->b.status;
	build_def(&r->b, node->def, (struct inputs){ in, node->n_in }, node->attrs, wanted, names,
		  out, node->n_out);
	if (r->b.status != before)
		fail_context(r->b.err, "node '%s' (%s)", node->name, node->op);
	for (uint32_t k = 0; k < node->n_out; k++)
		if (node->out[k]) {
			r->map[node->out[k]] = out[k];
			if (!out[k])
				continue;
			const struct value *old = graph_value(r->from, node->out[k]);
			graph_value(r->b.graph, out[k])->phase = old->phase;
			graph_value(r->b.graph, out[k])->layout = old->layout;
		}
}

void rewrite_copy(struct rewrite *r, const struct node *node)
{
	uint32_t *in = arena_alloc(r->from->arena, node->n_in * sizeof *in);
	for (uint32_t k = 0; k < node->n_in; k++)
		in[k] = r->map[node->in[k]];
	rewrite_copy_with(r, node, in);
}

/* Nodes that update state are needed whether or not anything reads their outputs. */
static bool updates_state(const struct node *node)
{
	for (uint32_t k = 0; k < node->n_out; k++)
		if (op_output(node->def, k)->alias)
			return true;
	return false;
}

bool rewrite_has_kernel(const struct rewrite *r, const struct target *target, uint32_t value)
{
	const struct graph *graph = r->b.graph;
	uint32_t id = value ? graph_value(graph, value)->node : 0;
	struct arena scratch;
	if (!id)
		return false;
	arena_init(&scratch);
	struct op_call call = op_call_of(graph, graph_node(graph, id), &scratch);
	bool has = target->kernel(target, &call, NULL) != NULL;
	arena_release(&scratch);
	return has;
}

void rewrite_drop_dead(struct graph *graph)
{
	bool *live = mem_alloc(graph->values.n);
	uint32_t n = 0;
	for (uint32_t k = 0; k < graph->outputs.n; k++)
		live[graph->outputs.v[k]] = true;
	for (uint32_t i = graph->order.n; i-- > 0;) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		bool needed = updates_state(node);
		for (uint32_t k = 0; k < node->n_out; k++)
			needed |= node->out[k] && live[node->out[k]];
		if (!needed) {
			graph->order.v[i] = 0;
			continue;
		}
		for (uint32_t k = 0; k < node->n_in; k++)
			live[node->in[k]] = true;
	}
	for (uint32_t i = 0; i < graph->order.n; i++)
		if (graph->order.v[i])
			graph->order.v[n++] = graph->order.v[i];
	graph->order.n = n;
	free(live);
}

enum status rewrite_end(struct rewrite *r, struct graph **graph)
{
	struct graph *to = r->b.graph;
	enum status status = r->b.status;
	if (status == OK) {
		for (uint32_t k = 0; k < r->from->inputs.n; k++)
			*array_push(&to->inputs) = r->map[r->from->inputs.v[k]];
		for (uint32_t k = 0; k < r->from->outputs.n; k++)
			*array_push(&to->outputs) = r->map[r->from->outputs.v[k]];
		rewrite_drop_dead(to);
		graph_free(*graph);
		*graph = to;
	} else {
		graph_free(to);
	}
	free(r->map);
	return status;
}
