/* The casts pass: a half type cast to float32 and back is itself, and nothing else is. */
#include "ops/build.h"
#include "passes/casts.h"
#include "passes/phase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct graph *graph;
static struct arena arena;
static struct error err;
static struct builder b;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	graph = graph_new(&arena);
	b = (struct builder){ .graph = graph, .err = &err, .name = "n", .op = "op" };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	graph_free(graph);
	arena_release(&arena);
	return 0;
}

static uint32_t input(enum dtype dtype)
{
	uint32_t id = graph_add_value(graph, "x", VALUE_INPUT,
				      (struct tensor){ dtype, SHAPE(3), NULL });
	*array_push(&graph->inputs) = id;
	return id;
}

static void output(uint32_t id)
{
	*array_push(&graph->outputs) = id;
}

static void expect(unsigned nodes)
{
	assert_int_equal(b.status, OK);
	phase_mark(graph);
	if (casts_apply(&graph, &err) != OK)
		fail_msg("%s", err.text);
	phase_mark(graph);
	if (graph_verify(graph, &err) != OK)
		fail_msg("%s", err.text);
	assert_int_equal(graph->order.n, nodes);
}

/* There and back, with another reader in between, and once more. */
static void test_back(void **state)
{
	const enum dtype types[] = { DT_F16, DT_BF16 };
	for (int k = 0; k < 2; k++) {
		uint32_t x = input(types[k]), wide = build_cast(&b, x, DT_F32);
		uint32_t again = build_cast(&b, build_cast(&b, wide, types[k]), DT_F32);
		output(build(&b, "Neg", IN(wide)));
		output(build(&b, "Abs", IN(build_cast(&b, again, types[k]))));
		expect(3);
		const struct node *abs = graph_node(graph, graph->order.v[2]);
		assert_string_equal(abs->def->name, "Abs");
		assert_int_equal(abs->in[0], graph->inputs.v[0]);
		teardown(state);
		setup(state);
	}
}

/* Rounded, another half type, another wide type, nothing but the way there. */
static void test_left_alone(void **state)
{
	(void)state;
	uint32_t wide = input(DT_F32), x = input(DT_F16);
	output(build(&b, "Neg", IN(build_cast(&b, build_cast(&b, wide, DT_F16), DT_F32))));
	output(build(&b, "Neg", IN(build_cast(&b, build_cast(&b, x, DT_F32), DT_BF16))));
	output(build(&b, "Neg", IN(build_cast(&b, build_cast(&b, x, DT_BF16), DT_F16))));
	output(build(&b, "Neg", IN(build_cast(&b, x, DT_F64))));
	expect(11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_alone, setup, teardown),
	};
	return cmocka_run_group_tests_name("casts", tests, NULL, NULL);
}
