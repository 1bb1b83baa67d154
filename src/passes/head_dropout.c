/* head_dropout.c - finds the head and drops out what it reads (see head_dropout.h). */
#include "passes/head_dropout.h"

#include "ops/step.h"
#include "passes/rewrite.h"

#include <stdlib.h>

/* Stands for the node in the key of the random numbers: it is none of the file's. */
#define DROPOUT_NODE 0

/* Whether each value depends on the graph's inputs. */
static bool *find_data(const struct graph *graph)
{
	bool *data = mem_alloc(graph->values.n);
	for (uint32_t k = 0; k < graph->inputs.n; k++)
		data[graph->inputs.v[k]] = true;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		bool any = false;
		for (uint32_t k = 0; k < node->n_in; k++)
			any |= data[node->in[k]];
		for (uint32_t k = 0; k < node->n_out; k++)
			data[node->out[k]] = any;
		data[0] = false;
	}
	return data;
}

static bool is_head(const struct node *node, const bool *data)
{
	static const char *const ops[] = { "Gemm", "MatMul", "Conv" };
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (node_is(node, ops[i]) && !*node->def->domain)
			return data[node->in[0]] && !data[node->in[1]];
	return false;
}

/* The id of the last such node that the value needs, 0 if there is none. */
static uint32_t find_head(const struct graph *graph, uint32_t value, const bool *data)
{
	bool *needed = mem_alloc(graph->values.n);
	uint32_t found = 0;
	needed[value] = true;
	for (uint32_t i = graph->order.n; i-- > 0 && !found;) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		bool live = false;
		for (uint32_t k = 0; k < node->n_out; k++)
			live |= node->out[k] && needed[node->out[k]];
		if (live && is_head(node, data))
			found = graph->order.v[i];
		for (uint32_t k = 0; k < node->n_in && live; k++)
			needed[node->in[k]] = true;
	}
	free(needed);
	return found;
}

static uint32_t build_dropout(struct rewrite *r, const struct node *head, double ratio)
{
	struct graph *to = r->b.graph;
	struct tensor block = { DT_U8, SHAPE(sizeof(struct step_block)), NULL };
	struct tensor index = { DT_I64, SHAPE_SCALAR, NULL };
	uint32_t step = graph_add_value(to, STEP_NAME, VALUE_STATE, block);
	uint32_t base = graph_add_value(to, SAMPLE_BASE_NAME, VALUE_INPUT, index);
	uint32_t y;
	rewrite_origin(r, head);
	build_def(&r->b, op_find("onnxtune", "Dropout", 1), IN(r->map[head->in[0]], step, base),
		  (struct attr[]){ attr_float("ratio", (float)ratio),
				   attr_int("node", DROPOUT_NODE),
				   { 0 } },
		  NULL, NULL, &y, 1);
	*array_push(&to->inputs) = base;
	return y;
}

enum status head_dropout_apply(struct graph **graph, uint32_t output, double ratio,
			       struct error *err)
{
	struct graph *from = *graph;
	bool *data = find_data(from);
	uint32_t head = find_head(from, from->outputs.v[output], data);
	struct rewrite r;
	free(data);
	if (!head)
		return fail(err, ERR_INPUT,
			    "--dropout: no Gemm, MatMul or Conv with a weight leads to the output");
	rewrite_begin(&r, from, err);
	for (uint32_t i = 0; i < from->order.n; i++) {
		const struct node *node = graph_node(from, from->order.v[i]);
		if (from->order.v[i] != head) {
			rewrite_copy(&r, node);
			continue;
		}
		uint32_t *in = arena_alloc(from->arena, node->n_in * sizeof *in);
		for (uint32_t k = 0; k < node->n_in; k++)
			in[k] = r.map[node->in[k]];
		in[0] = build_dropout(&r, node, ratio);
		rewrite_copy_with(&r, node, in);
	}
	return rewrite_end(&r, graph);
}
