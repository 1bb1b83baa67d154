/*
 * products.c - sums of products as one product (see products.h).
 *
 *  1. The sum's tree of Adds is walked down to its terms.
 *  2. Products of one form among them are a group: their factors are put in a row along the axis that
 *     is summed over. Where a Concat of the left factors is there already (the gradient of a Split has
 *     it), it is taken, and the terms in its order.
 *  3. What is left of the terms is added to the group's product.
 */
#include "passes/products.h"

#include <stdlib.h>
#include <string.h>

#define SMALL ((int64_t)1 << 20) /* elements whose copying is never worth a thought */

struct join {
	struct builder *b;
	uint32_t first;
	uint32_t *uses; /* per value: by nodes from `first` on, and as a sum */
	bool *dropped;  /* per node */
	struct {
		uint32_t *v, n, cap;
	} terms, group, rest;
};

static const struct node *new_producer(const struct join *j, uint32_t v)
{
	const struct graph *graph = j->b->graph;
	uint32_t id = graph_value(graph, v)->node;
	return id >= j->first ? graph_node(graph, id) : NULL;
}

static bool is_sum(const struct join *j, const struct node *node)
{
	if (!node || !node_is(node, "Add"))
		return false;
	const struct shape *y = build_shape(j->b, node->out[0]);
	return shape_equal(build_shape(j->b, node->in[0]), y) &&
	       shape_equal(build_shape(j->b, node->in[1]), y);
}

/* The terms of a sum, those that were added last first. */
static void collect(struct join *j, uint32_t sum)
{
	const struct node *node = new_producer(j, sum);
	j->terms.n = 0;
	for (; is_sum(j, node) && j->uses[node->out[0]] == 1; node = new_producer(j, sum)) {
		*array_push(&j->terms) = node->in[1];
		j->dropped[graph_value(j->b->graph, sum)->node] = true;
		sum = node->in[0];
	}
	*array_push(&j->terms) = sum;
}

static bool is_product(const struct join *j, uint32_t v)
{
	const struct node *node = new_producer(j, v);
	return node && node_is(node, "Gemm") && node->n_in == 2 && j->uses[v] == 1;
}

static bool same_type(const struct join *j, uint32_t a, uint32_t b)
{
	const struct tensor *s = build_type(j->b, a), *t = build_type(j->b, b);
	return s->dtype == t->dtype && shape_equal(&s->shape, &t->shape);
}

/* Whether the products u and v differ in the values of their factors only. */
static bool same_form(const struct join *j, uint32_t u, uint32_t v)
{
	const struct node *p = new_producer(j, u), *q = new_producer(j, v);
	return node_int(p, "transA") == node_int(q, "transA") &&
	       node_int(p, "transB") == node_int(q, "transB") &&
	       node_float(p, "alpha") == node_float(q, "alpha") && same_type(j, u, v) &&
	       same_type(j, p->in[0], q->in[0]) && same_type(j, p->in[1], q->in[1]);
}

/* Copying factors of m x k and k x n elements against adding m x n. */
static bool pays(const struct join *j, uint32_t v)
{
	const struct node *p = new_producer(j, v);
	int64_t copied = shape_elements(build_shape(j->b, p->in[0])) +
			 shape_elements(build_shape(j->b, p->in[1]));
	return copied <= SMALL || copied <= shape_elements(build_shape(j->b, v));
}

/* Takes a group of at least two out of the terms; the others are the rest. */
static bool find_group(struct join *j)
{
	for (uint32_t i = 0; i < j->terms.n; i++) {
		if (!is_product(j, j->terms.v[i]) || !pays(j, j->terms.v[i]))
			continue;
		j->group.n = j->rest.n = 0;
		for (uint32_t k = 0; k < j->terms.n; k++)
			if (is_product(j, j->terms.v[k]) &&
			    same_form(j, j->terms.v[i], j->terms.v[k]))
				*array_push(&j->group) = j->terms.v[k];
			else
				*array_push(&j->rest) = j->terms.v[k];
		if (j->group.n > 1)
			return true;
	}
	return false;
}

static void reverse(uint32_t *v, uint32_t n)
{
	for (uint32_t i = 0; i < n / 2; i++) {
		uint32_t t = v[i];
		v[i] = v[n - 1 - i];
		v[n - 1 - i] = t;
	}
}

/* Factor k of the group's products in a row. */
static uint32_t row_of(struct join *j, uint32_t k)
{
	struct builder *b = j->b;
	uint32_t n = j->group.n, *v = arena_alloc(b->graph->arena, n * sizeof *v);
	for (uint32_t i = 0; i < n; i++)
		v[i] = new_producer(j, j->group.v[i])->in[k];
	const struct node *p = new_producer(j, j->group.v[0]);
	int64_t axis = k ? node_int(p, "transB") : !node_int(p, "transA");
	for (int turn = 0; turn < 2 && k == 0; turn++) {
		for (uint32_t i = j->first; i < b->graph->nodes.n; i++) {
			const struct node *node = graph_node(b->graph, i);
			if (node_is(node, "Concat") && node->n_in == n &&
			    node_int(node, "axis") == axis && !memcmp(node->in, v, n * sizeof *v))
				return node->out[0];
		}
		reverse(v, n);
		reverse(j->group.v, n);
	}
	return build(b, "Concat", ((struct inputs){ v, n }), attr_int("axis", axis));
}

static void join_sum(struct join *j, uint32_t *sum)
{
	struct builder *b = j->b;
	uint32_t result = 0;
	collect(j, *sum);
	if (j->terms.n < 2 || !find_group(j)) {
		for (uint32_t v = *sum, i = 1; i < j->terms.n; i++) {
			uint32_t id = graph_value(b->graph, v)->node;
			j->dropped[id] = false;
			v = graph_node(b->graph, id)->in[0];
		}
		return;
	}
	do {
		const struct node *p = new_producer(j, j->group.v[0]);
		uint32_t left = row_of(j, 0), right = row_of(j, 1);
		uint32_t y = build(b, "Gemm", IN(left, right),
				   attr_float("alpha", node_float(p, "alpha")),
				   attr_int("transA", node_int(p, "transA")),
				   attr_int("transB", node_int(p, "transB")),
				   attr_int("_out", node_int(p, "_out")));
		for (uint32_t i = 0; i < j->group.n; i++)
			j->dropped[graph_value(b->graph, j->group.v[i])->node] = true;
		result = result ? build(b, "Add", IN(result, y)) : y;
		j->terms.n = 0;
		for (uint32_t i = 0; i < j->rest.n; i++)
			*array_push(&j->terms) = j->rest.v[i];
	} while (b->status == OK && find_group(j));
	for (uint32_t i = 0; i < j->terms.n; i++)
		result = build(b, "Add", IN(result, j->terms.v[i]));
	*sum = result;
}

void products_join(struct builder *b, uint32_t first, uint32_t *sums, uint32_t n)
{
	struct graph *graph = b->graph;
	struct join j = { .b = b, .first = first };
	uint32_t n_nodes = graph->nodes.n, kept = 0;
	if (b->status != OK)
		return;
	j.uses = mem_alloc(graph->values.n * sizeof *j.uses);
	j.dropped = mem_alloc(n_nodes);
	for (uint32_t i = first; i < n_nodes; i++)
		for (uint32_t k = 0; k < graph_node(graph, i)->n_in; k++)
			j.uses[graph_node(graph, i)->in[k]]++;
	for (uint32_t k = 0; k < n; k++)
		j.uses[sums[k]]++;
	for (uint32_t k = 0; k < n && b->status == OK; k++)
		if (sums[k])
			join_sum(&j, &sums[k]);
	for (uint32_t i = 0; i < graph->order.n; i++)
		if (graph->order.v[i] >= n_nodes || !j.dropped[graph->order.v[i]])
			graph->order.v[kept++] = graph->order.v[i];
	graph->order.n = kept;
	array_release(&j.terms);
	array_release(&j.group);
	array_release(&j.rest);
	free(j.uses);
	free(j.dropped);
}
