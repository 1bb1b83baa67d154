/* The casts pass: a half type cast to float32 and back is itself, and nothing else is. */
#include "support/pass_graph.h"

#include "passes/casts.h"
#include "passes/phase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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
		uint32_t x = input_of("x", types[k], SHAPE(3)), wide = build_cast(&b, x, DT_F32);
		uint32_t again = build_cast(&b, build_cast(&b, wide, types[k]), DT_F32);
		output(build(&b, "Neg", IN(wide)));
		output(build(&b, "Abs", IN(build_cast(&b, again, types[k]))));
		expect(3);
		const struct node *abs = graph_node(graph, graph->order.v[2]);
		assert_string_equal(abs->def->name, "Abs");
		assert_int_equal(abs->in[0], graph->inputs.v[0]);
		pass_teardown(state);
		pass_setup(state);
	}
}

/* Rounded, another half type, another wide type, nothing but the way there. */
static void test_left_alone(void **state)
{
	(void)state;
	uint32_t wide = input_of("x", DT_F32, SHAPE(3)), x = input_of("x", DT_F16, SHAPE(3));
	output(build(&b, "Neg", IN(build_cast(&b, build_cast(&b, wide, DT_F16), DT_F32))));
	output(build(&b, "Neg", IN(build_cast(&b, build_cast(&b, x, DT_F32), DT_BF16))));
	output(build(&b, "Neg", IN(build_cast(&b, build_cast(&b, x, DT_BF16), DT_F16))));
	output(build(&b, "Neg", IN(build_cast(&b, x, DT_F64))));
	expect(11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_back, pass_setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_left_alone, pass_setup, pass_teardown),
	};
	return cmocka_run_group_tests_name("casts", tests, NULL, NULL);
}
