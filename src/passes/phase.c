/* phase.c - assigns phases by one walk in order (see phase.h). */
#include "passes/phase.h"

#include "ops/op.h"

#include <stdlib.h>
#include <string.h>

void phase_mark(struct graph *graph)
{
	enum phase *read = mem_alloc(graph->values.n * sizeof *read); /* phase of a reader */
	static const enum phase source[] = {
		[VALUE_INPUT] = PHASE_MICRO,
		[VALUE_CONSTANT] = PHASE_INIT,
		[VALUE_PARAM] = PHASE_UPDATE,
		[VALUE_STATE] = PHASE_MICRO,
	};
	for (uint32_t i = 1; i < graph->values.n; i++) {
		struct value *v = graph_value(graph, i);
		if (v->kind != VALUE_TEMP)
			v->phase = read[i] = source[v->kind];
	}
	for (uint32_t i = 0; i < graph->order.n; i++) {
		struct node *node = graph_node(graph, graph->order.v[i]);
		node->phase = PHASE_INIT;
		for (uint32_t k = 0; k < node->n_in; k++)
			if (node->in[k] && read[node->in[k]] > node->phase)
				node->phase = read[node->in[k]];
		if (node_is(node, "ScaleUpdate"))
			node->phase = PHASE_APPLY;
		for (uint32_t k = 0; k < node->n_out; k++)
			if (node->out[k]) {
				graph_value(graph, node->out[k])->phase = node->phase;
				read[node->out[k]] = node_is(node, "Accumulate") ? PHASE_APPLY
										 : node->phase;
			}
	}
	uint32_t *sorted = mem_alloc(graph->order.n * sizeof *sorted), n = 0;
	for (int phase = 0; phase < PHASE_COUNT; phase++)
		for (uint32_t i = 0; i < graph->order.n; i++)
			if ((int)graph_node(graph, graph->order.v[i])->phase == phase)
				sorted[n++] = graph->order.v[i];
	if (n)
		memcpy(graph->order.v, sorted, n * sizeof *sorted);
	free(sorted);
	free(read);
}
