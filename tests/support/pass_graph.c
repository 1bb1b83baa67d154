/* pass_graph.c - see pass_graph.h. */
#include "support/pass_graph.h"

#include "base/rng.h"
#include "ops/interpret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct graph *graph;
struct arena arena;
struct error err;
struct builder b;

int pass_setup(void **state)
{
	(void)state;
	arena_init(&arena);
	graph = graph_new(&arena);
	b = (struct builder){ .graph = graph, .err = &err, .name = "n", .op = "op" };
	return 0;
}

int pass_teardown(void **state)
{
	(void)state;
	graph_free(graph);
	arena_release(&arena);
	return 0;
}

uint32_t input_of(const char *name, enum dtype dtype, struct shape shape)
{
	uint32_t id = graph_add_value(graph, name, VALUE_INPUT,
				      (struct tensor){ dtype, shape, NULL });
	*array_push(&graph->inputs) = id;
	return id;
}

uint32_t input(const char *name, struct shape shape)
{
	return input_of(name, DT_F32, shape);
}

void output(uint32_t id)
{
	*array_push(&graph->outputs) = id;
}

unsigned count(const char *op)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < graph->order.n; i++)
		n += node_is(graph_node(graph, graph->order.v[i]), op);
	return n;
}

struct tensor *random_inputs(uint64_t seed)
{
	struct tensor *in = arena_alloc(&arena, graph->inputs.n * sizeof *in);
	for (uint32_t k = 0; k < graph->inputs.n; k++) {
		const struct tensor *t = &graph_value(graph, graph->inputs.v[k])->t;
		in[k] = tensor_new(&arena, t->dtype, &t->shape);
		for (int64_t i = 0; i < shape_elements(&t->shape); i++) {
			uint32_t word[4];
			philox(seed, k, (uint64_t)i, word);
			tensor_set(&in[k], i, word[0] * 0x1p-31 - 1);
		}
	}
	return in;
}

struct tensor *run(const struct tensor *in)
{
	struct tensor *out = arena_alloc(&arena, graph->outputs.n * sizeof *out);
	if (b.status != OK || interpret_graph(graph, in, out, NULL, &arena, &err) != OK)
		fail_msg("%s", err.text);
	return out;
}
