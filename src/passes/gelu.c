/* gelu.c - finds the normal distribution times x (see gelu.h). */
#include "passes/gelu.h"

#include "passes/rewrite.h"

#include <math.h>
#include <stdlib.h>

struct search {
	const struct graph *graph;
	uint32_t *uses; /* per value: by nodes, and as an output */
};

static void count_uses(struct search *s)
{
	const struct graph *graph = s->graph;
	for (uint32_t k = 0; k < graph->outputs.n; k++)
		s->uses[graph->outputs.v[k]]++;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		for (uint32_t k = 0; k < node->n_in; k++)
			s->uses[node->in[k]]++;
	}
}

/* The value's node, if it is the operator and the value is used once. */
static const struct node *inner(const struct search *s, uint32_t value, const char *op)
{
	uint32_t id = graph_value(s->graph, value)->node;
	const struct node *node = id ? graph_node(s->graph, id) : NULL;
	return node && s->uses[value] == 1 && node_is(node, op) ? node : NULL;
}

static bool is_number(const struct search *s, uint32_t value, double number)
{
	const struct value *v = graph_value(s->graph, value);
	return v->t.data && dtype_is_float(v->t.dtype) && shape_elements(&v->t.shape) == 1 &&
	       fabs(tensor_get(&v->t, 0) - number) <= 1e-7 * number;
}

/* The other input of a node of two, where one is the number; 0: none is. */
static uint32_t beside(const struct search *s, const struct node *node, double number)
{
	for (uint32_t k = 0; k < 2; k++)
		if (is_number(s, node->in[k], number))
			return node->in[1 - k];
	return 0;
}

/* x of 1 + erf(x / sqrt 2), or 0. */
static uint32_t find_erf(const struct search *s, uint32_t value)
{
	const struct node *add = inner(s, value, "Add");
	uint32_t sum = add ? beside(s, add, 1) : 0;
	const struct node *erf = sum ? inner(s, sum, "Erf") : NULL;
	const struct node *scaled = erf ? inner(s, erf->in[0], "Div") : NULL;
	if (scaled)
		return is_number(s, scaled->in[1], M_SQRT2) ? scaled->in[0] : 0;
	scaled = erf ? inner(s, erf->in[0], "Mul") : NULL;
	return scaled ? beside(s, scaled, M_SQRT1_2) : 0;
}

/* Whether three factors are x, 1 + erf(x / sqrt 2) and 1 / 2; x or 0. */
static uint32_t find_x(const struct search *s, const uint32_t factor[3])
{
	for (int e = 0; e < 3; e++) {
		uint32_t a = factor[(e + 1) % 3], b = factor[(e + 2) % 3];
		uint32_t x = find_erf(s, factor[e]);
		if (x && ((a == x && is_number(s, b, 0.5)) || (b == x && is_number(s, a, 0.5))))
			return x;
	}
	return 0;
}

/* x, where the node ends such a product; 0: it doesn't. */
static uint32_t find_gelu(const struct search *s, const struct node *node)
{
	if (!node_is(node, "Mul"))
		return 0;
	const struct shape *shape = &graph_value(s->graph, node->out[0])->t.shape;
	for (uint32_t k = 0; k < 2; k++) {
		const struct node *mul = inner(s, node->in[k], "Mul");
		if (!mul)
			continue;
		uint32_t x = find_x(s, (uint32_t[]){ mul->in[0], mul->in[1], node->in[1 - k] });
		if (x && shape_equal(&graph_value(s->graph, x)->t.shape, shape))
			return x;
	}
	return 0;
}

enum status gelu_apply(struct graph **graph, struct error *err)
{
	struct graph *from = *graph;
	struct search s = { from, mem_alloc(from->values.n * sizeof *s.uses) };
	struct rewrite r;
	count_uses(&s);
	rewrite_begin(&r, from, err);
	for (uint32_t i = 0; i < from->order.n; i++) {
		const struct node *node = graph_node(from, from->order.v[i]);
		uint32_t x = find_gelu(&s, node);
		if (x) {
			rewrite_origin(&r, node);
			r.map[node->out[0]] = build(&r.b, "Gelu", IN(r.map[x]));
		} else {
			rewrite_copy(&r, node);
		}
	}
	free(s.uses);
	return rewrite_end(&r, graph);
}
