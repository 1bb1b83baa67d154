/*
 * masked_softmax.c - makes MaskedSoftmax and its gradient (see masked_softmax.h).
 *
 *  1. The input of a Softmax of float32 is read: Cast(x), or Cast(x) + mask.
 *  2. All that reads its result must be Casts to the type of x, or SoftmaxGrad between such Casts.
 *  3. Then these Casts' results are those of the new nodes, which stand in the place of Softmax and of
 *     SoftmaxGrad; what is left without a reader is dropped.
 */
#include "passes/masked_softmax.h"

#include "passes/rewrite.h"

#include <stdlib.h>

struct pass {
	struct rewrite r;
	const struct target *target;
	uint32_t *first,
		*readers; /* per value v: nodes readers[first[v]] to [first[v + 1]] read it */
	bool *output;     /* per value: of the graph */
};

/* Softmax(x + mask); mask 0: there is none. */
struct masked {
	uint32_t x, mask;
	enum dtype type; /* of x */
};

static const struct node *producer(const struct graph *graph, uint32_t value)
{
	uint32_t id = value ? graph_value(graph, value)->node : 0;
	return id ? graph_node(graph, id) : NULL;
}

/* The half value that is cast to this one of float32; 0: it is no such. */
static uint32_t narrow_source(const struct graph *graph, uint32_t value)
{
	const struct node *node = producer(graph, value);
	if (!node || !node_is(node, "Cast") || graph_value(graph, value)->t.dtype != DT_F32)
		return 0;
	enum dtype type = graph_value(graph, node->in[0])->t.dtype;
	return type == DT_F16 || type == DT_BF16 ? node->in[0] : 0;
}

/* Whether the axis of the node is the last one of the value. */
static bool is_last_axis(const struct graph *graph, const struct node *node, uint32_t value)
{
	const struct shape *shape = &graph_value(graph, value)->t.shape;
	int axis;
	return shape_axis(shape, node_int(node, "axis"), &axis) && axis == shape->rank - 1;
}

static bool read_input(const struct graph *graph, uint32_t sum, struct masked *m)
{
	const struct node *add = producer(graph, sum);
	*m = (struct masked){ .x = narrow_source(graph, sum) };
	for (uint32_t k = 0; k < 2 && !m->x && add && node_is(add, "Add"); k++) {
		const struct value *x = graph_value(graph, add->in[k]);
		m->x = shape_equal(&x->t.shape, &graph_value(graph, sum)->t.shape)
			       ? narrow_source(graph, add->in[k])
			       : 0;
		m->mask = add->in[1 - k];
	}
	if (m->x)
		m->type = graph_value(graph, m->x)->t.dtype;
	return m->x;
}

/* Whether all readers of the value cast it to the type. */
static bool is_narrowed(const struct pass *p, uint32_t value, enum dtype type)
{
	const struct graph *graph = p->r.from;
	for (uint32_t i = p->first[value]; i < p->first[value + 1]; i++) {
		const struct node *node = graph_node(graph, p->readers[i]);
		if (!node_is(node, "Cast") || graph_value(graph, node->out[0])->t.dtype != type)
			return false;
	}
	return !p->output[value];
}

/* Whether the node is the gradient of the Softmax with the result y, between Casts to and from the type. */
static bool is_gradient(const struct pass *p, const struct node *node, uint32_t y, enum dtype type)
{
	const struct graph *graph = p->r.from;
	if (!node_is(node, "SoftmaxGrad") || node->in[1] != y)
		return false;
	uint32_t dy = narrow_source(graph, node->in[0]);
	return dy && graph_value(graph, dy)->t.dtype == type && is_narrowed(p, node->out[0], type);
}

static bool find(const struct pass *p, const struct node *node, struct masked *m)
{
	const struct graph *graph = p->r.from;
	uint32_t y = node->out[0];
	if (!node_is(node, "Softmax") || !is_last_axis(graph, node, y) ||
	    !read_input(graph, node->in[0], m) || p->output[y])
		return false;
	for (uint32_t i = p->first[y]; i < p->first[y + 1]; i++) {
		const struct node *reader = graph_node(graph, p->readers[i]);
		bool cast = node_is(reader, "Cast") &&
			    graph_value(graph, reader->out[0])->t.dtype == m->type;
		if (!cast && !is_gradient(p, reader, y, m->type))
			return false;
	}
	return true;
}

/* The results of all Casts of the value are this one. */
static void take_casts(struct pass *p, uint32_t value, uint32_t result)
{
	for (uint32_t i = p->first[value]; i < p->first[value + 1]; i++) {
		const struct node *node = graph_node(p->r.from, p->readers[i]);
		if (node_is(node, "Cast"))
			p->r.map[node->out[0]] = result;
	}
}

/* Softmax with what is around it; false: it stays. */
static bool join(struct pass *p, const struct node *node)
{
	struct rewrite *r = &p->r;
	struct masked m;
	if (!find(p, node, &m))
		return false;
	rewrite_origin(r, node);
	uint32_t y = build(&r->b, "MaskedSoftmax", IN(r->map[m.x], r->map[m.mask]));
	if (!rewrite_has_kernel(&p->r, p->target, y))
		return false;
	take_casts(p, node->out[0], y);
	return true;
}

/* The gradient of a Softmax that is there no more. */
static void join_gradient(struct pass *p, const struct node *node)
{
	struct rewrite *r = &p->r;
	struct masked m;
	read_input(r->from, producer(r->from, node->in[1])->in[0], &m);
	uint32_t dy = narrow_source(r->from, node->in[0]);
	rewrite_origin(r, node);
	take_casts(p, node->out[0],
		   build(&r->b, "MaskedSoftmaxGrad", IN(r->map[dy], r->map[m.x], r->map[m.mask])));
}

static void find_readers(struct pass *p)
{
	const struct graph *graph = p->r.from;
	uint32_t *next = mem_alloc(graph->values.n * sizeof *next);
	for (uint32_t k = 0; k < graph->outputs.n; k++)
		p->output[graph->outputs.v[k]] = true;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		for (uint32_t k = 0; k < node->n_in; k++)
			p->first[node->in[k] + 1]++;
	}
	for (uint32_t v = 0; v < graph->values.n; v++) {
		next[v] = p->first[v];
		p->first[v + 1] += p->first[v];
	}
	p->readers = mem_alloc((p->first[graph->values.n] + 1) * sizeof *p->readers);
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		for (uint32_t k = 0; k < node->n_in; k++)
			p->readers[next[node->in[k]]++] = graph->order.v[i];
	}
	free(next);
}

static bool is_done(const struct pass *p, const struct node *node)
{
	return node->n_out == 1 && p->r.map[node->out[0]];
}

enum status masked_softmax_apply(struct graph **graph, const struct target *target,
				 struct error *err)
{
	struct graph *from = *graph;
	struct pass p = { .target = target,
			  .first = mem_alloc((from->values.n + 1) * sizeof *p.first),
			  .output = mem_alloc(from->values.n) };
	rewrite_begin(&p.r, from, err);
	find_readers(&p);
	for (uint32_t i = 0; i < from->order.n && p.r.b.status == OK; i++) {
		const struct node *node = graph_node(from, from->order.v[i]);
		if (node_is(node, "SoftmaxGrad") && !p.r.map[node->in[1]])
			join_gradient(&p, node);
		else if (!is_done(&p, node) && !join(&p, node))
			rewrite_copy(&p.r, node);
	}
	free(p.first);
	free(p.readers);
	free(p.output);
	return rewrite_end(&p.r, graph);
}
