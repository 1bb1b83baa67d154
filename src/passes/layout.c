/* layout.c - gives values the layouts that kernels wish for (see layout.h). */
#include "passes/layout.h"

#include "passes/rewrite.h"

#include <stdlib.h>

struct layouts {
	struct rewrite r;
	const struct target *target;
	uint32_t *other; /* per value of the old graph: its copy in the other layout, or 0 */
};

/* The value of the new graph for `old` in the layout. */
static uint32_t in_layout(struct layouts *l, uint32_t old, enum layout layout)
{
	struct builder *b = &l->r.b;
	uint32_t now = l->r.map[old];
	if (!old || b->status != OK || graph_value(b->graph, now)->layout == layout)
		return now;
	if (!l->other[old]) {
		l->other[old] = build_op(b, "Relayout", IN(now), NULL);
		if (b->status == OK) {
			struct value *v = graph_value(b->graph, l->other[old]);
			v->layout = layout;
			v->phase = graph_value(b->graph, now)->phase;
		}
	}
	return l->other[old];
}

static void copy_node(struct layouts *l, const struct node *node)
{
	struct graph *to = l->r.b.graph;
	struct arena scratch;
	arena_init(&scratch);
	struct op_call call = op_call_of(l->r.from, node, &scratch);
	enum layout *in = arena_alloc(&scratch, node->n_in * sizeof *in);
	enum layout *out = arena_alloc(&scratch, node->n_out * sizeof *out);
	uint32_t *ids = arena_alloc(&scratch, node->n_in * sizeof *ids);
	for (uint32_t k = 0; k < node->n_in; k++)
		if (node->in[k] && l->r.map[node->in[k]])
			((struct op_operand *)call.in)[k].layout =
				graph_value(to, l->r.map[node->in[k]])->layout;
	l->target->propose(l->target, &call, in, out);
	rewrite_origin(&l->r, node);
	for (uint32_t k = 0; k < node->n_in; k++)
		ids[k] = in_layout(l, node->in[k], in[k]);
	rewrite_copy_with(&l->r, node, ids);
	for (uint32_t k = 0; k < node->n_out && l->r.b.status == OK; k++)
		if (node->out[k])
			graph_value(to, l->r.map[node->out[k]])->layout = out[k];
	arena_release(&scratch);
}

enum status layout_apply(struct graph **graph, const struct target *target, struct error *err)
{
	struct graph *from = *graph;
	struct layouts l = { .target = target };
	rewrite_begin(&l.r, from, err);
	l.other = mem_alloc(from->values.n * sizeof *l.other);
	for (uint32_t i = 0; i < from->order.n && l.r.b.status == OK; i++)
		copy_node(&l, graph_node(from, from->order.v[i]));
	for (uint32_t k = 0; k < from->outputs.n; k++)
		l.r.map[from->outputs.v[k]] = in_layout(&l, from->outputs.v[k], LAYOUT_PLAIN);
	free(l.other);
	return rewrite_end(&l.r, graph);
}
