/* graph.c - building and reading the intermediate representation (see graph.h). */
#include "graph/graph.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct graph *graph_new(struct arena *arena)
{
	struct graph *graph = mem_alloc(sizeof *graph);
	graph->arena = arena;
	*array_push(&graph->values) = NULL;
	*array_push(&graph->nodes) = NULL;
	return graph;
}

void graph_free(struct graph *graph)
{
	if (!graph)
		return;
	array_release(&graph->values);
	array_release(&graph->nodes);
	array_release(&graph->order);
	array_release(&graph->inputs);
	array_release(&graph->outputs);
	free(graph);
}

#define SEAL(to, from, arena)                                                                      \
	((to)->v = arena_dup(arena, (from)->v, (from)->n * sizeof *(from)->v), (to)->n = (from)->n)

struct graph *graph_seal(struct graph *graph)
{
	struct arena *arena = graph->arena;
	struct graph *sealed = arena_alloc(arena, sizeof *sealed);
	sealed->arena = arena;
	SEAL(&sealed->values, &graph->values, arena);
	SEAL(&sealed->nodes, &graph->nodes, arena);
	SEAL(&sealed->order, &graph->order, arena);
	SEAL(&sealed->inputs, &graph->inputs, arena);
	SEAL(&sealed->outputs, &graph->outputs, arena);
	graph_free(graph);
	return sealed;
}

uint32_t graph_add_value(struct graph *graph, const char *name, enum value_kind kind,
			 struct tensor t)
{
	struct value *value = arena_alloc(graph->arena, sizeof *value);
	*value = (struct value){ .name = arena_strdup(graph->arena, name), .t = t, .kind = kind };
	*array_push(&graph->values) = value;
	return graph->values.n - 1;
}

static struct attr copy_attr(struct arena *arena, const struct attr *attr)
{
	struct attr a = *attr;
	switch (a.kind) {
	case ATTR_STRING:
		a.s = arena_strdup(arena, a.s);
		break;
	case ATTR_FLOATS:
		a.floats = arena_dup(arena, a.floats, a.n * sizeof *a.floats);
		break;
	case ATTR_INTS:
		a.ints = arena_dup(arena, a.ints, a.n * sizeof *a.ints);
		break;
	case ATTR_STRINGS:
		a.strings = arena_dup(arena, a.strings, a.n * sizeof *a.strings);
		break;
	default: /* scalars; tensors and graphs live in the arena already */
		break;
	}
	return a;
}

uint32_t graph_add_node(struct graph *graph, const struct op_def *def, const char *name,
			const char *op, const uint32_t *in, uint32_t n_in, uint32_t n_out,
			const char *const *out_names, const struct attr *attrs)
{
	struct arena *arena = graph->arena;
	uint32_t id = graph->nodes.n, n_attrs = 0;
	while (attrs[n_attrs].kind != ATTR_END)
		n_attrs++;
	struct attr *copy = arena_alloc(arena, (n_attrs + 1) * sizeof *copy);
	for (uint32_t i = 0; i < n_attrs; i++)
		copy[i] = copy_attr(arena, &attrs[i]);
	struct node *node = arena_alloc(arena, sizeof *node);
	*node = (struct node){
		.def = def,
		.name = name,
		.op = op,
		.n_in = n_in,
		.n_out = n_out,
		.in = arena_dup(arena, in, n_in * sizeof *in),
		.out = arena_alloc(arena, n_out * sizeof *node->out),
		.attrs = copy,
	};
	for (uint32_t k = 0; k < n_out; k++) {
		char text[32];
		const char *given = out_names ? out_names[k] : NULL;
		if (!given)
			snprintf(text, sizeof text, "%%%u", graph->values.n);
		node->out[k] = graph_add_value(graph, given ? given : text, VALUE_TEMP,
					       (struct tensor){ 0 });
		graph_value(graph, node->out[k])->node = id;
		graph_value(graph, node->out[k])->output = k;
	}
	*array_push(&graph->nodes) = node;
	*array_push(&graph->order) = id;
	return id;
}

const struct attr *node_attr(const struct node *node, const char *name)
{
	for (const struct attr *a = node->attrs; a->kind != ATTR_END; a++)
		if (!strcmp(a->name, name))
			return a;
	return NULL;
}

int64_t node_int(const struct node *node, const char *name)
{
	const struct attr *a = node_attr(node, name);
	assert(a && a->kind == ATTR_INT);
	return a->i;
}

float node_float(const struct node *node, const char *name)
{
	const struct attr *a = node_attr(node, name);
	assert(a && a->kind == ATTR_FLOAT);
	return a->f;
}

double node_double(const struct node *node, const char *name)
{
	const struct attr *a = node_attr(node, name);
	assert(a && a->kind == ATTR_DOUBLE);
	return a->d;
}

const char *node_string(const struct node *node, const char *name)
{
	const struct attr *a = node_attr(node, name);
	assert(a && a->kind == ATTR_STRING);
	return a->s;
}
