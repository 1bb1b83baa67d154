/* casts.c - passes over Casts to float32 and back (see casts.h). */
#include "passes/casts.h"

#include "passes/rewrite.h"

/* What the value is cast from; 0: it is no Cast's result. */
static uint32_t source(const struct graph *graph, uint32_t value)
{
	uint32_t id = graph_value(graph, value)->node;
	const struct node *node = id ? graph_node(graph, id) : NULL;
	return node && node_is(node, "Cast") ? node->in[0] : 0;
}

/* The value of a half type that the result of the node is again; 0: there is none. */
static uint32_t origin(const struct graph *graph, const struct node *node)
{
	enum dtype type = graph_value(graph, node->out[0])->t.dtype;
	uint32_t wide = source(graph, node->out[0]), from = wide ? source(graph, wide) : 0;
	return from && (type == DT_F16 || type == DT_BF16) &&
			       graph_value(graph, wide)->t.dtype == DT_F32 &&
			       graph_value(graph, from)->t.dtype == type
		       ? from
		       : 0;
}

enum status casts_apply(struct graph **graph, struct error *err)
{
	const struct graph *from = *graph;
	struct rewrite r;
	rewrite_begin(&r, from, err);
	for (uint32_t i = 0; i < from->order.n && r.b.status == OK; i++) {
		const struct node *node = graph_node(from, from->order.v[i]);
		uint32_t value = node->n_out == 1 && node->out[0] ? origin(from, node) : 0;
		if (value)
			r.map[node->out[0]] = r.map[value];
		else
			rewrite_copy(&r, node);
	}
	return rewrite_end(&r, graph);
}
