/*
 * The conv_epilogue pass: a convolution takes over what follows it and computes the same; values with
 * other readers, and what the target has no kernel for, are left alone.
 */
#include "support/pass_graph.h"

#include "ops/interpret.h"
#include "passes/conv_epilogue.h"
#include "passes/phase.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 6 };

static bool has_kernel;

static bool fuses_conv(const struct target *target, const struct op_call *call)
{
	(void)target;
	return has_kernel && !strcmp(call->def->name, "FusedConv");
}

static const struct target target = { .fuses_conv = fuses_conv };

static int setup(void **state)
{
	has_kernel = true;
	return pass_setup(state);
}

/* A convolution of 2 to 3 channels of a 4x4 image. */
static uint32_t conv(uint32_t x, const char *w, const char *bias)
{
	static const int64_t pads[] = { 1, 1, 1, 1 };
	return build(&b, "Conv", IN(x, input(w, SHAPE(3, 2, 3, 3)), input(bias, SHAPE(3))),
		     attr_ints("pads", pads, 4));
}

static void interpret(const struct tensor *in, struct tensor *out)
{
	if (b.status != OK || interpret_graph(graph, in, out, NULL, &arena, &err) != OK)
		fail_msg("%s", err.text);
}

/* Applies the pass; the outputs are the same, and so many nodes are left. */
static void apply(unsigned fused, unsigned nodes)
{
	struct tensor in[2 * MOST], before[2], after[2];
	for (uint32_t k = 0; k < graph->inputs.n; k++) {
		in[k] = tensor_new(&arena, DT_F32,
				   &graph_value(graph, graph->inputs.v[k])->t.shape);
		for (int64_t i = 0; i < shape_elements(&in[k].shape); i++)
			tensor_set(&in[k], i, (double)((i * 37 + k * 11) % 17 - 8) / 8);
	}
	interpret(in, before);
	phase_mark(graph);
	if (conv_epilogue_apply(&graph, &target, &err) != OK)
		fail_msg("%s", err.text);
	assert_int_equal(count("FusedConv"), fused);
	assert_int_equal(graph->order.n, nodes);
	interpret(in, after);
	for (uint32_t k = 0; k < graph->outputs.n; k++)
		for (int64_t i = 0; i < shape_elements(&before[k].shape); i++)
			assert_true(fabs(tensor_get(&before[k], i) - tensor_get(&after[k], i)) <
				    1e-5);
}

static void test_residual_and_relu(void **state)
{
	(void)state;
	uint32_t y = conv(input("x", SHAPE(2, 2, 4, 4)), "w", "b");
	output(build(&b, "Relu", IN(build(&b, "Add", IN(input("r", SHAPE(2, 3, 4, 4)), y)))));
	apply(1, 1);
}

static void test_kernel_is_missing(void **state)
{
	(void)state;
	has_kernel = false;
	output(build(&b, "Relu", IN(conv(input("x", SHAPE(2, 2, 4, 4)), "w", "b"))));
	apply(0, 2);
}

static void test_gradient_reads_the_result(void **state)
{
	(void)state;
	uint32_t y = build(&b, "Relu", IN(conv(input("x", SHAPE(2, 2, 4, 4)), "w", "b")));
	output(y);
	output(build(&b, "ReluGrad", IN(input("dy", SHAPE(2, 3, 4, 4)), y)));
	apply(1, 2);
}

static void test_other_readers(void **state)
{
	(void)state;
	uint32_t y = conv(input("x", SHAPE(2, 2, 4, 4)), "w", "b");
	output(build(&b, "Relu", IN(y)));
	output(build(&b, "Sigmoid", IN(y)));
	apply(0, 3);
}

static void test_read_as_an_output(void **state)
{
	(void)state;
	uint32_t y = conv(input("x", SHAPE(2, 2, 4, 4)), "w", "b");
	output(build(&b, "Relu", IN(y)));
	output(y);
	apply(0, 2);
}

/* The sum is read twice: it can be taken over without limits, but not where one of its readers is. */
static void test_sum_alone(void **state)
{
	(void)state;
	uint32_t y = conv(input("x", SHAPE(2, 2, 4, 4)), "w", "b");
	uint32_t sum = build(&b, "Add", IN(y, input("r", SHAPE(2, 3, 4, 4))));
	output(sum);
	output(build(&b, "Neg", IN(sum)));
	apply(1, 2);
}

static void test_sum_and_limits_elsewhere(void **state)
{
	(void)state;
	uint32_t y = conv(input("x", SHAPE(2, 2, 4, 4)), "w", "b");
	uint32_t sum = build(&b, "Add", IN(y, input("r", SHAPE(2, 3, 4, 4))));
	output(sum);
	output(build(&b, "Relu", IN(sum)));
	apply(0, 3);
}

static void test_two_convolutions(void **state)
{
	(void)state;
	uint32_t x = input("x", SHAPE(2, 2, 4, 4)), y = conv(x, "w", "b");
	output(build(&b, "Relu", IN(build(&b, "Add", IN(y, conv(x, "w2", "b2"))))));
	apply(1, 2);
}

static void test_broadcast(void **state)
{
	(void)state;
	uint32_t y = conv(input("x", SHAPE(2, 2, 4, 4)), "w", "b");
	output(build(&b, "Add", IN(y, input("r", SHAPE(1, 3, 1, 1)))));
	apply(0, 2);
}

static void test_clip(void **state)
{
	(void)state;
	uint32_t y = conv(input("x", SHAPE(2, 2, 4, 4)), "w", "b");
	output(build(&b, "Clip", IN(y, build_scalar(&b, 0, y), build_scalar(&b, 1.5, y))));
	apply(1, 1);
}

static void test_clip_from_below_zero(void **state)
{
	(void)state;
	uint32_t y = conv(input("x", SHAPE(2, 2, 4, 4)), "w", "b");
	output(build(&b, "Clip", IN(y, build_scalar(&b, -1, y), build_scalar(&b, 1.5, y))));
	apply(0, 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, pass_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_residual_and_relu),
		TEST(test_kernel_is_missing),
		TEST(test_gradient_reads_the_result),
		TEST(test_other_readers),
		TEST(test_read_as_an_output),
		TEST(test_sum_alone),
		TEST(test_sum_and_limits_elsewhere),
		TEST(test_two_convolutions),
		TEST(test_broadcast),
		TEST(test_clip),
		TEST(test_clip_from_below_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
