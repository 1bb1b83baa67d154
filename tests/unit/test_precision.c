/* The precision pass: what a product and its bias come to. */
#include "support/pass_graph.h"

#include "passes/phase.h"
#include "passes/precision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint32_t value(const char *name, enum value_kind kind, struct shape shape)
{
	uint32_t id = graph_add_value(graph, name, kind, (struct tensor){ DT_F32, shape, NULL });
	if (kind == VALUE_INPUT)
		*array_push(&graph->inputs) = id;
	return id;
}

/* x w + addend with x [4, 6] and w [6, 5]; the sum's type after the pass. */
static enum dtype sum_type(uint32_t addend, enum precision_policy policy)
{
	uint32_t x = value("x", VALUE_INPUT, SHAPE(4, 6)), w = value("w", VALUE_PARAM, SHAPE(6, 5));
	*array_push(&graph->outputs) = build(&b, "Add", IN(addend, build(&b, "MatMul", IN(x, w))));
	assert_int_equal(b.status, OK);
	phase_mark(graph);
	assert_int_equal(precision_apply(&graph, DT_BF16, policy, &err), OK);
	return graph_value(graph, graph->outputs.v[0])->t.dtype;
}

/* Both are one contraction: the sum, formed in float32, has its type. */
static void test_bias(void **state)
{
	(void)state;
	uint32_t bias = value("bias", VALUE_PARAM, SHAPE(5));
	assert_int_equal(sum_type(bias, POLICY_ONNXTUNE), DT_BF16);
	const struct node *cast = graph_node(graph, graph_value(graph, graph->outputs.v[0])->node);
	assert_int_equal(graph_value(graph, cast->in[0])->t.dtype, DT_F32);
}

/* PyTorch casts what it is told to as one only; here it sees a product and a sum. */
static void test_autocast(void **state)
{
	(void)state;
	uint32_t bias = value("bias", VALUE_PARAM, SHAPE(5));
	assert_int_equal(sum_type(bias, POLICY_AUTOCAST), DT_F32);
}

/* The stream that a residual block adds to keeps its type, as do other sums. */
static void test_residual(void **state)
{
	(void)state;
	assert_int_equal(sum_type(value("r", VALUE_INPUT, SHAPE(4, 5)), POLICY_ONNXTUNE), DT_F32);
}

static void test_input_of_a_row(void **state)
{
	(void)state;
	assert_int_equal(sum_type(value("r", VALUE_INPUT, SHAPE(5)), POLICY_ONNXTUNE), DT_F32);
}

static void test_column(void **state)
{
	(void)state;
	assert_int_equal(sum_type(value("c", VALUE_PARAM, SHAPE(4, 1)), POLICY_ONNXTUNE), DT_F32);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, pass_setup, pass_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bias),           TEST(test_autocast), TEST(test_residual),
		TEST(test_input_of_a_row), TEST(test_column),
	};
	return cmocka_run_group_tests_name("precision", tests, NULL, NULL);
}
