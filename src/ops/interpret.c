/*
 * interpret.c - runs operators by their reference implementation (see interpret.h). An operator is
 * "built" with constant inputs and no limit on folding: whatever it is made of, its outputs come
 * out as constants.
 */
#include "ops/interpret.h"

#include "ops/build.h"

#include <string.h>

enum status interpret_op(const struct op_def *def, const struct attr *attrs,
			 const struct tensor *const *in, uint32_t n_in, const bool *wanted,
			 struct tensor *out, uint32_t n_out, struct arena *arena, struct error *err)
{
	struct graph *graph = graph_new(arena);
	struct builder b = {
		.graph = graph, .err = err, .name = "", .op = def->name, .fold_limit = SIZE_MAX
	};
	uint32_t *ids = arena_alloc(arena, n_in * sizeof *ids);
	uint32_t *results = arena_alloc(arena, n_out * sizeof *results);
	for (uint32_t k = 0; k < n_in; k++)
		ids[k] = in[k] ? build_constant(&b, NULL, *in[k]) : 0;
	build_def(&b, def, (struct inputs){ ids, n_in }, attrs, wanted, NULL, results, n_out);
	for (uint32_t k = 0; k < n_out && b.status == OK; k++) {
		if (!results[k])
			continue;
		out[k] = graph_value(graph, results[k])->t;
		if (!out[k].data)
			build_fail(&b, ERR_UNSUPPORTED, "%s can't be run by itself", def->name);
	}
	graph_free(graph);
	return b.status;
}

enum status interpret_node(const struct node *node, struct tensor *values, struct arena *arena,
			   struct error *err)
{
	const struct tensor **in = arena_alloc(arena, node->n_in * sizeof *in);
	struct tensor *out = arena_alloc(arena, node->n_out * sizeof *out);
	bool *wanted = arena_alloc(arena, node->n_out);
	for (uint32_t k = 0; k < node->n_in; k++)
		in[k] = node->in[k] ? &values[node->in[k]] : NULL;
	for (uint32_t k = 0; k < node->n_out; k++)
		wanted[k] = node->out[k] != 0;
	if (interpret_op(node->def, node->attrs, in, node->n_in, wanted, out, node->n_out, arena,
			 err) != OK)
		return fail_context(err, "node '%s' (%s)", node->name, node->op);
	for (uint32_t k = 0; k < node->n_out; k++)
		if (node->out[k])
			values[node->out[k]] = out[k];
	return OK;
}

enum status interpret_graph(const struct graph *graph, const struct tensor *inputs,
			    struct tensor *outputs, struct tensor *values, struct arena *arena,
			    struct error *err)
{
	if (!values)
		values = arena_alloc(arena, graph->values.n * sizeof *values);
	for (uint32_t i = 1; i < graph->values.n; i++) {
		const struct value *v = graph_value(graph, i);
		if (v->kind == VALUE_TEMP || values[i].data)
			continue;
		values[i] = v->t;
		if (!v->t.data && v->kind == VALUE_STATE)
			values[i] = tensor_new(arena, v->t.dtype, &v->t.shape);
	}
	for (uint32_t k = 0; k < graph->inputs.n; k++)
		values[graph->inputs.v[k]] = inputs[k];
	for (uint32_t i = 0; i < graph->order.n; i++)
		TRY(interpret_node(graph_node(graph, graph->order.v[i]), values, arena, err));
	for (uint32_t k = 0; k < graph->outputs.n; k++)
		outputs[k] = values[graph->outputs.v[k]];
	return OK;
}
