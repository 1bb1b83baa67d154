/*
 * The masked-softmax pass: Softmax in float32 between half types with a mask, and its gradient, become
 * operators of the half type that say the same; and what must stay.
 */
#include "support/pass_graph.h"

#include "passes/masked_softmax.h"
#include "passes/phase.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SAMPLES = 2, HEADS = 3, STEPS = 5 };

static bool has_kernel;

static const char *kernel(const struct target *target, const struct op_call *call, const char **why)
{
	(void)target, (void)call, (void)why;
	return has_kernel ? "a kernel" : NULL;
}

static const struct target target = { .kernel = kernel };

static int setup(void **state)
{
	has_kernel = true;
	return pass_setup(state);
}

/* Runs the pass; results are the same but for the last bit of a half type. */
static void apply(void)
{
	assert_int_equal(b.status, OK);
	struct tensor *in = random_inputs(37);
	const struct tensor *before = run(in);
	phase_mark(graph);
	if (masked_softmax_apply(&graph, &target, &err) != OK)
		fail_msg("%s", err.text);
	phase_mark(graph);
	if (graph_verify(graph, &err) != OK)
		fail_msg("%s", err.text);
	const struct tensor *after = run(in);
	for (uint32_t k = 0; k < graph->outputs.n; k++) {
		assert_int_equal(before[k].dtype, after[k].dtype);
		assert_true(shape_equal(&before[k].shape, &after[k].shape));
		for (int64_t i = 0; i < shape_elements(&after[k].shape); i++) {
			double was = tensor_get(&before[k], i), is = tensor_get(&after[k], i);
			assert_true(fabs(was - is) <= 0x1p-10 * fabs(was) + 1e-6);
		}
	}
}

static uint32_t scores(enum dtype half, const char *name)
{
	return input_of(name, half, SHAPE(SAMPLES, HEADS, STEPS, STEPS));
}

static uint32_t wide(uint32_t x)
{
	return build_cast(&b, x, DT_F32);
}

/* The whole of it: forward, and the gradient behind. */
static void add_all(enum dtype half, uint32_t sum, uint32_t *y, uint32_t *dx)
{
	*y = build(&b, "Softmax", IN(sum));
	output(build_cast(&b, *y, half));
	*dx = build(&b, "SoftmaxGrad", IN(wide(scores(half, "dy")), *y));
	output(build_cast(&b, *dx, half));
}

static void expect_joined(enum dtype half, uint32_t sum)
{
	uint32_t y, dx;
	add_all(half, sum, &y, &dx);
	apply();
	assert_int_equal(graph->order.n, 2);
	assert_int_equal(count("MaskedSoftmax"), 1);
	assert_int_equal(count("MaskedSoftmaxGrad"), 1);
}

static uint32_t mask(void)
{
	return input_of("mask", DT_F32, SHAPE(SAMPLES, 1, 1, STEPS));
}

static void test_mask(void **state)
{
	(void)state;
	expect_joined(DT_F16, build(&b, "Add", IN(wide(scores(DT_F16, "x")), mask())));
}

static void test_mask_first(void **state)
{
	(void)state;
	expect_joined(DT_BF16, build(&b, "Add", IN(mask(), wide(scores(DT_BF16, "x")))));
}

static void test_no_mask(void **state)
{
	(void)state;
	expect_joined(DT_F16, wide(scores(DT_F16, "x")));
}

/* The mask is of a half type itself and read as float32; what is as large as the result is x. */
static void test_narrow_mask(void **state)
{
	(void)state;
	uint32_t m = input_of("mask", DT_F16, SHAPE(STEPS, STEPS));
	uint32_t y, dx;
	add_all(DT_F16, build(&b, "Add", IN(wide(m), wide(scores(DT_F16, "x")))), &y, &dx);
	apply();
	assert_int_equal(graph->order.n, 3);
	assert_int_equal(count("MaskedSoftmaxGrad"), 1);
}

static void expect_left(unsigned nodes)
{
	apply();
	assert_int_equal(graph->order.n, nodes);
	assert_int_equal(count("MaskedSoftmax") + count("MaskedSoftmaxGrad"), 0);
}

static void test_no_kernel(void **state)
{
	(void)state;
	uint32_t y, dx;
	has_kernel = false;
	add_all(DT_F16, build(&b, "Add", IN(wide(scores(DT_F16, "x")), mask())), &y, &dx);
	expect_left(7);
}

/* The mask wants a gradient. */
static void test_trained_mask(void **state)
{
	(void)state;
	uint32_t y, dx;
	add_all(DT_F16, build(&b, "Add", IN(wide(scores(DT_F16, "x")), mask())), &y, &dx);
	output(build(&b, "Neg", IN(dx)));
	expect_left(8);
}

/* The result is wanted in float32. */
static void test_wide_result(void **state)
{
	(void)state;
	uint32_t y, dx;
	add_all(DT_F16, wide(scores(DT_F16, "x")), &y, &dx);
	output(y);
	expect_left(6);
}

/* ... in another half type. */
static void test_other_type(void **state)
{
	(void)state;
	uint32_t y = build(&b, "Softmax", IN(wide(scores(DT_F16, "x"))));
	output(build_cast(&b, y, DT_BF16));
	expect_left(3);
}

/* Along another axis, and of what is float32 all along. */
static void test_other_axis(void **state)
{
	(void)state;
	uint32_t y = build(&b, "Softmax", IN(wide(scores(DT_F16, "x"))), attr_int("axis", 1));
	uint32_t z = build(&b, "Softmax", IN(build(&b, "Add", IN(scores(DT_F32, "z"), mask()))));
	output(build_cast(&b, y, DT_F16));
	output(build_cast(&b, z, DT_F16));
	expect_left(6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mask, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_mask_first, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_no_mask, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_narrow_mask, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_no_kernel, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_trained_mask, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_wide_result, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_other_type, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_other_axis, setup, pass_teardown),
	};
	return cmocka_run_group_tests_name("masked_softmax", tests, NULL, NULL);
}
