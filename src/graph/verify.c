/*
 * verify.c - the invariants of a graph (see graph.h). One walk along `order` sees every producer
 * before its readers; what it did not see is not there.
 */
#include "graph/graph.h"

#include "base/map.h"

#include <stdlib.h>

static enum status broken(struct error *err, const char *what, const char *kind, const char *name)
{
	return fail(err, ERR_INTERNAL, "broken graph: %s '%s': %s", kind, name, what);
}

/* A value that can be read: from the outside, or already computed. */
static enum status check_read(const struct graph *graph, const bool *computed, uint32_t id,
			      const char *kind, const char *name, struct error *err)
{
	if (id >= graph->values.n)
		return broken(err, "reads a value that does not exist", kind, name);
	if (graph_value(graph, id)->kind == VALUE_TEMP && !computed[id])
		return broken(err, "reads a value that is not computed before", kind, name);
	return OK;
}

static enum status check_value(const struct graph *graph, uint32_t id, struct map *names,
			       struct error *err)
{
	const struct value *v = graph_value(graph, id);
	uint32_t other;
	size_t bytes;
	if (tensor_size(v->t.dtype, &v->t.shape, &bytes, err) != OK)
		return broken(err, "its type is not known", "value", v->name);
	if (v->kind != VALUE_TEMP && v->node)
		return broken(err, "comes from the outside and from a node", "value", v->name);
	if (v->kind == VALUE_CONSTANT && !v->t.data)
		return broken(err, "a constant without content", "value", v->name);
	if (v->kind == VALUE_PARAM || v->kind == VALUE_STATE) {
		if (map_get(names, v->name, &other))
			return broken(err, "two parameters or states have this name", "value",
				      v->name);
		map_set(names, v->name, id);
	}
	return OK;
}

static enum status check_node(const struct graph *graph, uint32_t id, bool *computed,
			      struct map *names, struct error *err)
{
	const struct node *node = graph_node(graph, id);
	for (uint32_t k = 0; k < node->n_in; k++) {
		if (!node->in[k])
			continue;
		TRY(check_read(graph, computed, node->in[k], "node", node->name, err));
		const struct value *v = graph_value(graph, node->in[k]);
		if (v->kind == VALUE_TEMP && v->phase > node->phase)
			return broken(err, "reads a value of a later phase", "node", node->name);
	}
	for (uint32_t k = 0; k < node->n_out; k++) {
		uint32_t out = node->out[k];
		if (!out)
			continue;
		if (out >= graph->values.n)
			return broken(err, "an output does not exist", "node", node->name);
		const struct value *v = graph_value(graph, out);
		if (v->kind != VALUE_TEMP || v->node != id || v->output != k)
			return broken(err, "an output belongs to something else", "node",
				      node->name);
		TRY(check_value(graph, out, names, err));
		computed[out] = true;
	}
	return OK;
}

static enum status verify(const struct graph *graph, bool *computed, bool *done, struct map *names,
			  struct error *err)
{
	for (uint32_t id = 1; id < graph->values.n; id++)
		if (graph_value(graph, id)->kind != VALUE_TEMP)
			TRY(check_value(graph, id, names, err));
	for (uint32_t i = 0; i < graph->order.n; i++) {
		uint32_t id = graph->order.v[i];
		if (!id || id >= graph->nodes.n)
			return broken(err, "there is no such node", "order", "");
		if (done[id])
			return broken(err, "is in the order twice", "node",
				      graph_node(graph, id)->name);
		done[id] = true;
		TRY(check_node(graph, id, computed, names, err));
	}
	for (uint32_t k = 0; k < graph->inputs.n; k++) {
		uint32_t id = graph->inputs.v[k];
		if (!id || id >= graph->values.n || graph_value(graph, id)->kind != VALUE_INPUT)
			return broken(err, "an input is no input value", "graph", "");
	}
	for (uint32_t k = 0; k < graph->outputs.n; k++) {
		if (!graph->outputs.v[k])
			return broken(err, "an output is absent", "graph", "");
		TRY(check_read(graph, computed, graph->outputs.v[k], "graph", "", err));
	}
	return OK;
}

enum status graph_verify(const struct graph *graph, struct error *err)
{
	struct map names = { 0 };
	bool *computed = mem_alloc(graph->values.n), *done = mem_alloc(graph->nodes.n);
	enum status status = verify(graph, computed, done, &names, err);
	map_release(&names);
	free(computed);
	free(done);
	return status;
}
