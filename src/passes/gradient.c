/*
 * gradient.c - reverse-mode differentiation over the graph (see gradient.h).
 *
 *  1. Forward: which values depend differentiably on an x (and on which, for messages).
 *  2. Backward over the nodes that were there at the start: add up the gradients that arrived at
 *     the outputs, ask the operator's rule for those of the inputs, reduce broadcasting.
 *  3. Gradients of x that are sums of products become one product each (passes/products.h).
 */
#include "passes/gradient.h"

#include "passes/products.h"

#include <stdlib.h>
#include <string.h>

struct walk_state {
	struct builder *b;
	uint32_t *source; /* per value: an x that it depends on, 0 if none */
	bool *stop;       /* per value: it is an x */
	uint32_t *sum;    /* per value: gradient so far, 0 if none */
	enum gradient_width width;
	/* What the rule at work has made: nodes from this one on, gradients dx[0..n_dx). */
	uint32_t first_node;
	const uint32_t *dx;
	uint32_t n_dx;
};

static enum dtype wide_type(enum dtype dtype)
{
	return dtype == DT_F64 ? DT_F64 : DT_F32;
}

static bool flows(const struct node *node, uint32_t k)
{
	const struct op_arg *arg = op_input(node->def, k);
	return node->in[k] && !(arg->flags & ARG_NO_GRAD);
}

static void find_sources(struct walk_state *w)
{
	const struct graph *graph = w->b->graph;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		uint32_t source = 0;
		if (node->def->flags & OP_NO_GRAD)
			continue;
		for (uint32_t k = 0; k < node->n_in && !source; k++)
			if (flows(node, k))
				source = w->source[node->in[k]];
		for (uint32_t k = 0; k < node->n_out; k++)
			if (node->out[k] && !w->stop[node->out[k]] &&
			    dtype_is_trainable(graph_value(graph, node->out[k])->t.dtype))
				w->source[node->out[k]] = source;
	}
}

/* Whether the rule at work made v and nothing reads it but one node, or the driver. */
static bool is_own(const struct walk_state *w, uint32_t v)
{
	const struct graph *graph = w->b->graph;
	uint32_t uses = 0;
	if (graph_value(graph, v)->node < w->first_node)
		return false;
	for (uint32_t i = w->first_node; i < graph->nodes.n; i++)
		for (uint32_t k = 0; k < graph_node(graph, i)->n_in; k++)
			uses += graph_node(graph, i)->in[k] == v;
	for (uint32_t k = 0; k < w->n_dx; k++)
		uses += w->dx[k] == v;
	return uses <= 1;
}

/*
 * Makes the node that forms v write float32: true if it can, which it can't when the gradient is
 * read elsewhere too. Through operators that only move elements the question is passed on.
 */
static bool widen_in_place(struct walk_state *w, uint32_t v, enum dtype dtype)
{
	struct graph *graph = w->b->graph;
	struct value *value = graph_value(graph, v);
	if (value->t.dtype == dtype)
		return true;
	if (!is_own(w, v))
		return false;
	struct node *node = graph_node(graph, value->node);
	if (node->def->flags & OP_WIDE) {
		for (struct attr *a = (struct attr *)node->attrs; a->kind != ATTR_END; a++)
			if (!strcmp(a->name, "_out") && value->output == 0) {
				a->i = dtype;
				value->t.dtype = dtype;
				return true;
			}
		return false;
	}
	if (!(node->def->flags & OP_KEEPS_FORM) || node_is(node, "Cast") ||
	    !widen_in_place(w, node->in[0], dtype))
		return false;
	value->t.dtype = dtype;
	return true;
}

static void add_gradient(struct walk_state *w, uint32_t x, uint32_t dx)
{
	struct builder *b = w->b;
	enum dtype dtype = build_type(b, x)->dtype;
	if (b->status != OK)
		return;
	dx = build_reduce_to(b, dx, build_shape(b, x));
	bool wide = w->width == GRADIENT_WIDE || (w->width == GRADIENT_WIDE_ENDS && w->stop[x]);
	if (wide)
		dtype = wide_type(dtype);
	if (b->status == OK && !(wide && widen_in_place(w, dx, dtype)))
		dx = build_cast(b, dx, dtype);
	w->sum[x] = w->sum[x] ? build(b, "Add", IN(w->sum[x], dx)) : dx;
}

/*
 * The gradients of a node's inputs. Wide ones stay so where elements are only moved or retyped; every
 * other rule gets the type that it expects.
 */
static void apply_rule(struct walk_state *w, struct node *node, uint32_t *dy, const bool *need,
		       uint32_t *dx)
{
	struct builder *b = w->b;
	struct grad g = { .b = b,
			  .node = node,
			  .x = node->in,
			  .y = node->out,
			  .dy = dy,
			  .need = need,
			  .dx = dx };
	bool wide = w->width == GRADIENT_WIDE;
	if (wide && node_is(node, "Cast")) {
		dx[0] = dy[0];
		return;
	}
	for (uint32_t k = 0; wide && k < node->n_out; k++)
		if (dy[k] && !(node->def->flags & OP_KEEPS_FORM))
			dy[k] = build_cast(b, dy[k], build_type(b, node->out[k])->dtype);
	node->def->grad(&g);
}

static void node_backward(struct walk_state *w, struct node *node, struct problems *problems)
{
	struct builder *b = w->b;
	struct arena *arena = b->graph->arena;
	uint32_t *dy = arena_alloc(arena, node->n_out * sizeof *dy);
	uint32_t *dx = arena_alloc(arena, node->n_in * sizeof *dx);
	bool *need = arena_alloc(arena, node->n_in);
	bool arrives = false, needed = false;
	uint32_t source = 0;
	for (uint32_t k = 0; k < node->n_out; k++)
		if (node->out[k] && (dy[k] = w->sum[node->out[k]]))
			arrives = true;
	for (uint32_t k = 0; k < node->n_in; k++)
		if (flows(node, k) && w->source[node->in[k]]) {
			need[k] = needed = true;
			source = source ? source : w->source[node->in[k]];
		}
	if (!arrives || !needed)
		return;
	b->name = node->name;
	b->op = node->op;
	if (!node->def->grad) {
		struct error err;
		const struct value *x = graph_value(b->graph, source);
		if (x->kind == VALUE_INPUT)
			fail(&err, ERR_UNSUPPORTED,
			     "node '%s' (%s): no gradient, but input '%s' lies before it",
			     node->name, node->op, x->name);
		else
			fail(&err, ERR_UNSUPPORTED,
			     "node '%s' (%s): no gradient, but weight '%s' lies before it; freeze "
			     "it: --freeze '%s'",
			     node->name, node->op, x->name, x->name);
		problems_add(problems, &err);
		return;
	}
	w->first_node = b->graph->nodes.n;
	apply_rule(w, node, dy, need, dx);
	w->dx = dx;
	w->n_dx = node->n_in;
	for (uint32_t k = 0; k < node->n_in; k++)
		if (need[k] && dx[k])
			add_gradient(w, node->in[k], dx[k]);
	if (b->status != OK)
		fail_context(b->err, "gradient of node '%s' (%s)", node->name, node->op);
}

enum status gradient_build(struct builder *b, const uint32_t *y, const uint32_t *dy, uint32_t n_y,
			   const uint32_t *x, uint32_t n_x, enum gradient_width width, uint32_t *dx,
			   struct problems *problems)
{
	struct graph *graph = b->graph;
	uint32_t before = problems->total, n_order = graph->order.n, n_nodes = graph->nodes.n;
	const char *name = b->name, *op = b->op;
	struct walk_state w = { .b = b, .width = width, .first_node = graph->nodes.n };
	w.source = mem_alloc(graph->values.n * sizeof *w.source);
	w.stop = mem_alloc(graph->values.n);
	w.sum = mem_alloc(graph->values.n * sizeof *w.sum);
	for (uint32_t k = 0; k < n_x; k++) {
		w.stop[x[k]] = true;
		w.source[x[k]] = x[k];
	}
	find_sources(&w);
	for (uint32_t k = 0; k < n_y; k++)
		if (w.source[y[k]])
			add_gradient(&w, y[k], dy[k]);
	for (uint32_t i = n_order; i-- > 0 && b->status == OK;)
		node_backward(&w, graph_node(graph, graph->order.v[i]), problems);
	for (uint32_t k = 0; k < n_x; k++)
		dx[k] = w.sum[x[k]];
	products_join(b, n_nodes, dx, n_x);
	b->name = name;
	b->op = op;
	free(w.source);
	free(w.stop);
	free(w.sum);
	if (b->status == OK && problems->total > before)
		b->status = fail(b->err, ERR_UNSUPPORTED, "%s", problems->list[0].text);
	return b->status;
}
