/* The gelu pass: which products become one operator, and that they say the same. */
#include "support/pass_graph.h"

#include "ops/interpret.h"
#include "passes/gelu.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define N 9

static uint32_t x;

static int setup(void **state)
{
	pass_setup(state);
	x = input("x", SHAPE(N));
	return 0;
}

static uint32_t number(double value)
{
	return build_scalar(&b, value, x);
}

static uint32_t product(uint32_t u, uint32_t v)
{
	return build(&b, "Mul", IN(u, v));
}

/* 1 + erf(x / sqrt 2) */
static uint32_t divided(void)
{
	uint32_t erf = build(&b, "Erf", IN(build(&b, "Div", IN(x, number(M_SQRT2)))));
	return build(&b, "Add", IN(erf, number(1)));
}

static uint32_t multiplied(void)
{
	uint32_t erf = build(&b, "Erf", IN(product(number(M_SQRT1_2), x)));
	return build(&b, "Add", IN(number(1), erf));
}

static void compute(float *y)
{
	static const float points[N] = { -20, -5, -2.5f, -0.75f, 0, 1e-3f, 0.5f, 2, 30 };
	struct tensor in = { DT_F32, SHAPE(N), (void *)points }, out = { 0 };
	assert_int_equal(interpret_graph(graph, &in, &out, NULL, &arena, &err), OK);
	memcpy(y, out.data, N * sizeof *y);
}

static void apply(uint32_t y)
{
	*array_push(&graph->outputs) = y;
	assert_int_equal(b.status, OK);
	assert_int_equal(gelu_apply(&graph, &err), OK);
}

/* The product is found, and the values are those before, where float32 has them. */
static void expect_gelu(uint32_t y)
{
	float before[N], after[N];
	*array_push(&graph->outputs) = y;
	compute(before);
	graph->outputs.n = 0;
	apply(y);
	assert_int_equal(graph->order.n, 1);
	assert_string_equal(graph_node(graph, graph->order.v[0])->def->name, "Gelu");
	compute(after);
	for (int i = 0; i < N; i++)
		assert_true(fabsf(after[i] - before[i]) <= 2e-7f * fmaxf(1, fabsf(before[i])));
}

static void expect_none(uint32_t y)
{
	apply(y);
	assert_true(graph->order.n > 1);
	for (uint32_t i = 0; i < graph->order.n; i++)
		assert_string_not_equal(graph_node(graph, graph->order.v[i])->def->name, "Gelu");
}

static void test_half_last(void **state)
{
	(void)state;
	expect_gelu(product(product(x, divided()), number(0.5)));
}

static void test_half_first(void **state)
{
	(void)state;
	expect_gelu(product(product(number(0.5), x), multiplied()));
}

static void test_half_of_the_sum(void **state)
{
	(void)state;
	expect_gelu(product(product(divided(), number(0.5)), x));
}

static void test_other_numbers(void **state)
{
	(void)state;
	expect_none(product(product(x, divided()), number(0.25)));
}

static void test_rounded_root(void **state)
{
	(void)state;
	uint32_t erf = build(&b, "Erf", IN(build(&b, "Div", IN(x, number(1.4142)))));
	expect_none(product(product(x, build(&b, "Add", IN(erf, number(1)))), number(0.5)));
}

static void test_root_divided(void **state)
{
	(void)state;
	uint32_t erf = build(&b, "Erf", IN(build(&b, "Div", IN(number(M_SQRT2), x))));
	expect_none(product(product(x, build(&b, "Add", IN(erf, number(1)))), number(0.5)));
}

static void test_another_factor(void **state)
{
	(void)state;
	uint32_t z = build(&b, "Neg", IN(x));
	expect_none(product(product(z, divided()), number(0.5)));
}

/* Something else needs a value in the middle. */
static void test_read_elsewhere(void **state)
{
	(void)state;
	uint32_t sum = divided();
	*array_push(&graph->outputs) = sum;
	expect_none(product(product(x, sum), number(0.5)));
}

/* A product that broadcasts is no Gelu. */
static void test_wider(void **state)
{
	(void)state;
	float *half = arena_alloc(&arena, sizeof *half);
	*half = 0.5f;
	struct tensor wide = { DT_F32, SHAPE(1, 1), half };
	uint32_t y = product(product(x, divided()), build_constant(&b, NULL, wide));
	expect_none(y);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, pass_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_half_last),      TEST(test_half_first),     TEST(test_half_of_the_sum),
		TEST(test_other_numbers),  TEST(test_rounded_root),   TEST(test_root_divided),
		TEST(test_another_factor), TEST(test_read_elsewhere), TEST(test_wider),
	};
	return cmocka_run_group_tests_name("gelu", tests, NULL, NULL);
}
