/* bind.c - concrete types for a loaded graph, node by node (see bind.h). */
#include "passes/bind.h"

#include "base/map.h"

#include <stdlib.h>

/* Results up to this size are computed once here instead of in every run. */
#define FOLD_LIMIT 65536

enum status bind_shapes(const struct graph *loaded, int64_t batch, const struct shape *wanted,
			int64_t fallback, struct shape *shapes, struct error *err)
{
	struct map names = { 0 };
	ARRAY(int64_t) dims = { 0 };
	enum status status = OK;
	/* First what is known, then what follows from an axis of the same name. */
	for (int round = 0; round < 2 && status == OK; round++) {
		for (uint32_t k = 0; k < loaded->inputs.n; k++) {
			const struct value *v = graph_value(loaded, loaded->inputs.v[k]);
			if (!round)
				shapes[k] = v->t.shape;
			for (int i = 0; i < shapes[k].rank; i++) {
				const char *name = v->dim_names ? v->dim_names[i] : NULL;
				int64_t *d = &shapes[k].dim[i];
				uint32_t at;
				if (*d != DIM_UNKNOWN)
					continue;
				if (i == 0)
					*d = batch;
				else if (wanted && wanted[k].rank == shapes[k].rank)
					*d = wanted[k].dim[i];
				if (*d == DIM_UNKNOWN && name && map_get(&names, name, &at))
					*d = dims.v[at];
				if (*d == DIM_UNKNOWN && round && fallback)
					*d = fallback;
				if (*d == DIM_UNKNOWN && round)
					status = fail(
						err, ERR_INPUT,
						"input '%s': axis %d has no size in the model; "
						"give it with the data or --image-size",
						v->name, i);
				if (*d != DIM_UNKNOWN && name && !map_get(&names, name, &at)) {
					map_set(&names, name, dims.n);
					*array_push(&dims) = *d;
				}
			}
		}
	}
	map_release(&names);
	array_release(&dims);
	return status;
}

/* Marks the nodes that an output needs. */
static void mark_live(const struct graph *graph, bool *live_node)
{
	bool *live = mem_alloc(graph->values.n);
	for (uint32_t k = 0; k < graph->outputs.n; k++)
		live[graph->outputs.v[k]] = true;
	for (uint32_t i = graph->order.n; i-- > 0;) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		bool needed = false;
		for (uint32_t k = 0; k < node->n_out; k++)
			needed |= node->out[k] && live[node->out[k]];
		live_node[graph->order.v[i]] = needed;
		for (uint32_t k = 0; k < node->n_in && needed; k++)
			live[node->in[k]] = true;
	}
	free(live);
}

/* The values that come from the outside. */
static uint32_t bind_source(struct builder *b, const struct value *v, bool trained,
			    const struct lora *lora)
{
	struct tensor t = v->t;
	if (v->kind == VALUE_CONSTANT && lora && lora->on)
		return lora_build(b, lora, graph_add_value(b->graph, v->name, v->kind, t));
	if (v->kind != VALUE_CONSTANT || !trained)
		return graph_add_value(b->graph, v->name, v->kind, t);
	if (t.dtype == DT_F32 || t.dtype == DT_F64)
		return graph_add_value(b->graph, v->name, VALUE_PARAM, t);
	struct tensor master = { DT_F32, t.shape, NULL };
	uint32_t id = graph_add_value(b->graph, v->name, VALUE_PARAM, master);
	return build_cast(b, id, t.dtype);
}

static void bind_node(struct builder *b, const struct graph *loaded, const struct node *node,
		      uint32_t *map, struct problems *problems)
{
	struct arena *arena = loaded->arena;
	uint32_t *in = arena_alloc(arena, node->n_in * sizeof *in);
	uint32_t *out = arena_alloc(arena, node->n_out * sizeof *out);
	bool *wanted = arena_alloc(arena, node->n_out);
	const char **names = arena_alloc(arena, node->n_out * sizeof *names);
	struct error err;
	b->err = &err;
	b->status = OK;
	b->name = node->name;
	b->op = node->op;
	for (uint32_t k = 0; k < node->n_in; k++) {
		in[k] = map[node->in[k]];
		if (node->in[k] && !in[k] && node->def)
			return; /* follows from a problem that is told already */
	}
	for (uint32_t k = 0; k < node->n_out; k++) {
		wanted[k] = node->out[k] != 0;
		names[k] = wanted[k] ? graph_value(loaded, node->out[k])->name : NULL;
	}
	if (node->def && node_is(node, "Identity") && node->n_in == 1 && in[0] &&
	    node->n_out == 1 && graph_value(b->graph, in[0])->kind == VALUE_CONSTANT) {
		map[node->out[0]] =
			in[0]; /* a constant keeps the name that the file stores it under */
		return;
	}
	if (node->def)
		build_def(b, node->def, (struct inputs){ in, node->n_in }, node->attrs, wanted,
			  names, out, node->n_out);
	else
		build_fail(b, ERR_UNSUPPORTED, "this operator is not supported");
	if (b->status != OK) {
		fail_context(&err, "node '%s' (%s)", node->name, node->op);
		problems_add(problems, &err);
		return;
	}
	for (uint32_t k = 0; k < node->n_out; k++)
		map[node->out[k]] = wanted[k] ? out[k] : 0;
	map[0] = 0;
}

enum status bind_graph(const struct graph *loaded, const struct shape *shapes, const bool *trained,
		       struct binding *out, struct problems *problems, struct error *err)
{
	return bind_adapted(loaded, shapes, trained, NULL, out, problems, err);
}

enum status bind_adapted(const struct graph *loaded, const struct shape *shapes,
			 const bool *trained, const struct lora *lora, struct binding *out,
			 struct problems *problems, struct error *err)
{
	struct graph *graph = graph_new(loaded->arena);
	uint32_t *map = arena_alloc(loaded->arena, loaded->values.n * sizeof *map);
	bool *live = mem_alloc(loaded->nodes.n);
	uint32_t before = problems->total;
	struct builder b = {
		.graph = graph, .err = err, .fold_limit = FOLD_LIMIT, .name = "", .op = ""
	};
	mark_live(loaded, live);
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		const struct value *v = graph_value(loaded, i);
		if (!v->node)
			map[i] = bind_source(&b, v, trained && trained[i], lora ? &lora[i] : NULL);
	}
	for (uint32_t k = 0; k < loaded->inputs.n; k++) {
		uint32_t id = map[loaded->inputs.v[k]];
		graph_value(graph, id)->t.shape = shapes[k];
		*array_push(&graph->inputs) = id;
	}
	if (b.status != OK) {
		graph_free(graph);
		free(live);
		return b.status;
	}
	for (uint32_t i = 0; i < loaded->order.n; i++)
		if (live[loaded->order.v[i]])
			bind_node(&b, loaded, graph_node(loaded, loaded->order.v[i]), map,
				  problems);
	free(live);
	if (problems->total > before) {
		graph_free(graph);
		*err = problems->list[before < PROBLEMS_MAX ? before : 0];
		return err->status;
	}
	for (uint32_t k = 0; k < loaded->outputs.n; k++)
		*array_push(&graph->outputs) = map[loaded->outputs.v[k]];
	*out = (struct binding){ graph, map };
	return OK;
}
