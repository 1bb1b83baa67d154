/* prefix.c - finds the frozen beginning of a training graph and cuts it off (see prefix.h). */
#include "passes/prefix.h"

#include "ops/op.h"
#include "passes/rewrite.h"

#include <stdlib.h>
#include <string.h>

/* What values depend on. */
struct dependence {
	bool *data;  /* the model's inputs */
	bool *other; /* parameters, state, labels */
};

/* The session's own inputs have names that begin so (ops/step.h). */
static bool is_own(const struct value *v)
{
	return !strncmp(v->name, "onnxtune.", 9);
}

static bool is_product(const struct node *node)
{
	return node_is(node, "Gemm") || node_is(node, "MatMul");
}

static struct dependence find_dependence(const struct graph *graph, bool products)
{
	struct dependence d = { mem_alloc(graph->values.n), mem_alloc(graph->values.n) };
	for (uint32_t i = 1; i < graph->values.n; i++) {
		const struct value *v = graph_value(graph, i);
		d.data[i] = v->kind == VALUE_INPUT && !is_own(v);
		d.other[i] = v->kind == VALUE_PARAM || v->kind == VALUE_STATE ||
			     (v->kind == VALUE_INPUT && is_own(v));
	}
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		bool data = false, other = !products && is_product(node);
		for (uint32_t k = 0; k < node->n_in; k++) {
			data |= d.data[node->in[k]];
			other |= d.other[node->in[k]];
		}
		for (uint32_t k = 0; k < node->n_out; k++) {
			d.data[node->out[k]] = data && node->out[k];
			d.other[node->out[k]] = other && node->out[k];
		}
	}
	return d;
}

static void release(struct dependence *d)
{
	free(d->data);
	free(d->other);
}

static bool in_prefix(const struct dependence *d, uint32_t value)
{
	return d->data[value] && !d->other[value];
}

static bool is_node_in_prefix(const struct dependence *d, const struct node *node)
{
	for (uint32_t k = 0; k < node->n_out; k++)
		if (in_prefix(d, node->out[k]))
			return true;
	return false;
}

static bool reads_weight(const struct node *node)
{
	for (uint32_t k = 0; k < node->n_in; k++)
		if (op_input(node->def, k)->flags & ARG_PARAM)
			return true;
	return false;
}

struct prefix prefix_find(const struct graph *graph, int64_t samples, bool products)
{
	struct dependence d = find_dependence(graph, products);
	bool *seen = mem_alloc(graph->values.n), weights = false, by_sample = true;
	struct prefix p = { .products = products };
	p.features = arena_alloc(graph->arena, graph->values.n * sizeof *p.features);
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		if (is_node_in_prefix(&d, node)) {
			weights |= reads_weight(node);
			continue;
		}
		for (uint32_t k = 0; k < node->n_in; k++) {
			uint32_t in = node->in[k];
			const struct value *v = in ? graph_value(graph, in) : NULL;
			if (!v || seen[in] || !v->node || !in_prefix(&d, in))
				continue;
			seen[in] = true;
			by_sample &= v->t.shape.rank && v->t.shape.dim[0] == samples;
			p.features[p.n++] = in;
		}
	}
	if (!weights || !by_sample)
		p.n = 0;
	free(seen);
	release(&d);
	return p;
}

void prefix_keep(struct graph *graph, const struct prefix *prefix)
{
	struct dependence d = find_dependence(graph, prefix->products);
	uint32_t n = 0;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		if (node->phase == PHASE_INIT || is_node_in_prefix(&d, node))
			graph->order.v[n++] = graph->order.v[i];
	}
	graph->order.n = n;
	graph->outputs.n = 0;
	for (uint32_t k = 0; k < prefix->n; k++)
		*array_push(&graph->outputs) = prefix->features[k];
	rewrite_drop_dead(graph);
	release(&d);
}

const char *prefix_name(struct arena *arena, uint32_t k)
{
	return arena_printf(arena, "onnxtune.feature.%u", k);
}

void prefix_cut(struct graph *graph, const struct prefix *prefix)
{
	struct dependence d = find_dependence(graph, prefix->products);
	uint32_t n = 0;
	for (uint32_t i = 0; i < graph->order.n; i++)
		if (!is_node_in_prefix(&d, graph_node(graph, graph->order.v[i])))
			graph->order.v[n++] = graph->order.v[i];
	graph->order.n = n;
	for (uint32_t k = 0; k < prefix->n; k++) {
		struct value *v = graph_value(graph, prefix->features[k]);
		v->kind = VALUE_INPUT;
		v->node = v->output = 0;
		v->name = prefix_name(graph->arena, k);
		*array_push(&graph->inputs) = prefix->features[k];
	}
	rewrite_drop_dead(graph);
	release(&d);
}
