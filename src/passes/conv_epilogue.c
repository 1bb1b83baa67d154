/*
 * conv_epilogue.c - makes FusedConv (see conv_epilogue.h). It takes the place of the Conv: what it reads
 * is there by then. Where two convolutions are added, the later one is given the result of the other.
 */
#include "passes/conv_epilogue.h"

#include "passes/rewrite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pass {
	struct rewrite r;
	const struct target *target;
	uint32_t *position; /* per node: its place in the order */
	uint32_t *readers;  /* per value: how often it is read, also as output of the graph */
	uint32_t *reader;   /* per value: the last node that reads it */
	bool *limits_read;  /* per value: a Relu or Clip reads it */
	bool *taken;        /* per node: a FusedConv does its work */
};

/* What follows a Conv. */
struct epilogue {
	uint32_t result;   /* the value that the last of them computes */
	uint32_t nodes[2]; /* the Add and the limits, 0: there is none */
	uint32_t residual;
	bool relu;
	double high;
};

/* The number that input k holds, or `preset` where there is none; false when it is not known. */
static bool bound(const struct graph *graph, const struct node *node, uint32_t k, double preset,
		  double *out)
{
	*out = preset;
	if (k >= node->n_in || !node->in[k])
		return true;
	const struct value *v = graph_value(graph, node->in[k]);
	if (v->kind == VALUE_CONSTANT && v->t.data)
		*out = tensor_get(&v->t, 0);
	return v->kind == VALUE_CONSTANT && v->t.data;
}

/* Whether the node limits its input to [0, *high]. */
static bool limits(const struct graph *graph, const struct node *node, double *high)
{
	double low;
	*high = INFINITY;
	if (node_is(node, "Relu"))
		return true;
	return node_is(node, "Clip") && bound(graph, node, 1, -INFINITY, &low) && low == 0 &&
	       bound(graph, node, 2, INFINITY, high) && *high > 0;
}

static void look(struct pass *p)
{
	const struct graph *graph = p->r.from;
	double high;
	for (uint32_t k = 0; k < graph->outputs.n; k++)
		p->readers[graph->outputs.v[k]]++;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		uint32_t id = graph->order.v[i];
		const struct node *node = graph_node(graph, id);
		p->position[id] = i;
		for (uint32_t k = 0; k < node->n_in; k++) {
			p->readers[node->in[k]]++;
			p->reader[node->in[k]] = id;
			p->limits_read[node->in[k]] |= !k && limits(graph, node, &high);
		}
	}
}

/* The only node that reads the value, of the phase of `like`, or NULL. */
static const struct node *only_reader(const struct pass *p, uint32_t value, const struct node *like)
{
	const struct node *node = p->readers[value] == 1 ? graph_node(p->r.from, p->reader[value])
							 : NULL;
	return node && node->phase == like->phase ? node : NULL;
}

/* The other summand, of the same shape and computed before the convolution; 0: there is none. */
static uint32_t residual_of(const struct pass *p, uint32_t id, const struct node *add)
{
	const struct graph *graph = p->r.from;
	uint32_t conv = graph_node(graph, id)->out[0];
	uint32_t other = add->in[0] == conv ? add->in[1] : add->in[0];
	const struct value *v = graph_value(graph, other);
	if (!shape_equal(&v->t.shape, &graph_value(graph, conv)->t.shape) ||
	    (v->node && p->position[v->node] > p->position[id]))
		return 0;
	return other;
}

/* Reads what follows a convolution with a bias; false: nothing that could be taken over. */
static bool find(const struct pass *p, uint32_t id, struct epilogue *e)
{
	const struct graph *graph = p->r.from;
	const struct node *conv = graph_node(graph, id);
	*e = (struct epilogue){ .result = conv->out[0], .high = INFINITY };
	if (!node_is(conv, "Conv") || conv->n_in < 3 || !conv->in[2])
		return false;
	const struct node *next = only_reader(p, e->result, conv);
	if (next && node_is(next, "Add") && (e->residual = residual_of(p, id, next))) {
		e->nodes[0] = p->reader[e->result];
		e->result = next->out[0];
		next = only_reader(p, e->result, conv);
	}
	if (next && limits(graph, next, &e->high)) {
		e->nodes[1] = p->reader[e->result];
		e->result = next->out[0];
		e->relu = true;
	} else if (p->limits_read[e->result]) {
		return false; /* adding goes with that as well */
	}
	return e->nodes[0] != e->nodes[1] && !p->taken[e->nodes[0]] && !p->taken[e->nodes[1]];
}

static uint32_t build_fused(struct pass *p, const struct node *conv, const struct epilogue *e)
{
	struct rewrite *r = &p->r;
	uint32_t n = 0, y = 0,
		 in[4] = { r->map[conv->in[0]], r->map[conv->in[1]], r->map[conv->in[2]],
			   r->map[e->residual] };
	while (conv->attrs[n].kind != ATTR_END)
		n++;
	struct attr *attrs = arena_alloc(r->from->arena, (n + 3) * sizeof *attrs);
	memcpy(attrs, conv->attrs, n * sizeof *attrs);
	attrs[n] = attr_int("relu", e->relu);
	attrs[n + 1] = attr_float("high", (float)e->high);
	rewrite_origin(r, conv);
	build_def(&r->b, op_find("onnxtune", "FusedConv", 1),
		  (struct inputs){ in, e->residual ? 4 : 3 }, attrs, NULL,
		  &graph_value(r->from, e->result)->name, &y, 1);
	return y;
}

/* Puts a FusedConv in the place of the convolution; false when the target would not do it at once. */
static bool apply(struct pass *p, uint32_t id)
{
	struct epilogue e;
	struct arena scratch;
	if (!find(p, id, &e))
		return false;
	uint32_t y = build_fused(p, graph_node(p->r.from, id), &e);
	const struct graph *graph = p->r.b.graph;
	if (!y || !graph_value(graph, y)->node)
		return false;
	arena_init(&scratch);
	struct op_call call = op_call_of(graph, graph_node(graph, graph_value(graph, y)->node),
					 &scratch);
	bool fuses = p->target->fuses_conv(p->target, &call);
	arena_release(&scratch);
	if (!fuses)
		return false;
	graph_value(graph, y)->phase = graph_value(p->r.from, e.result)->phase;
	p->r.map[e.result] = y;
	p->taken[e.nodes[0]] = p->taken[e.nodes[1]] = true;
	p->taken[0] = false;
	return true;
}

enum status conv_epilogue_apply(struct graph **graph, const struct target *target,
				struct error *err)
{
	struct graph *from = *graph;
	if (!target->fuses_conv)
		return OK;
	struct pass p = { .target = target,
			  .position = mem_alloc(from->nodes.n * sizeof *p.position),
			  .readers = mem_alloc(from->values.n * sizeof *p.readers),
			  .reader = mem_alloc(from->values.n * sizeof *p.reader),
			  .limits_read = mem_alloc(from->values.n),
			  .taken = mem_alloc(from->nodes.n) };
	rewrite_begin(&p.r, from, err);
	look(&p);
	for (uint32_t i = 0; i < from->order.n && p.r.b.status == OK; i++) {
		uint32_t id = from->order.v[i];
		if (!p.taken[id] && !apply(&p, id))
			rewrite_copy(&p.r, graph_node(from, id));
	}
	free(p.position);
	free(p.readers);
	free(p.reader);
	free(p.limits_read);
	free(p.taken);
	return rewrite_end(&p.r, graph);
}
