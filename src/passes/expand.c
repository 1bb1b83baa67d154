/* expand.c - takes Expand away where its reader broadcasts (see expand.h). */
#include "passes/expand.h"

#include "passes/rewrite.h"

static const struct node *expand_of(const struct graph *graph, uint32_t id)
{
	uint32_t producer = id ? graph_value(graph, id)->node : 0;
	const struct node *node = producer ? graph_node(graph, producer) : NULL;
	return node && node_is(node, "Expand") ? node : NULL;
}

/* Whether the node takes these inputs and still has the shape it had: gradients do not broadcast. */
static bool takes(struct rewrite *r, const struct node *node, const uint32_t *in)
{
	struct error err;
	struct tensor out = { 0 };
	struct op_io io = build_io(&r->b, node, in, node->n_in);
	io.n_out = 1;
	io.out = &out;
	io.wanted = &(bool){ true };
	io.err = &err;
	return node->def->infer(&io) == OK &&
	       shape_equal(&out.shape, &graph_value(r->from, node->out[0])->t.shape);
}

enum status expand_drop(struct graph **graph, struct error *err)
{
	struct graph *from = *graph;
	struct rewrite r;
	rewrite_begin(&r, from, err);
	for (uint32_t i = 0; i < from->order.n; i++) {
		const struct node *node = graph_node(from, from->order.v[i]);
		uint32_t *in = arena_alloc(from->arena, node->n_in * sizeof *in);
		bool pointwise = node->def->flags & OP_POINTWISE;
		for (uint32_t k = 0; k < node->n_in; k++)
			in[k] = r.map[node->in[k]];
		for (uint32_t k = 0; k < node->n_in && pointwise; k++) {
			const struct node *expand = expand_of(from, node->in[k]);
			uint32_t wide = in[k];
			if (!expand)
				continue;
			in[k] = r.map[expand->in[0]];
			if (!takes(&r, node, in))
				in[k] = wide;
		}
		rewrite_copy_with(&r, node, in);
	}
	return rewrite_end(&r, graph);
}
