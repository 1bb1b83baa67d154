/*
 * The strided pass: attention's products, forward and backward, compute what they did with its
 * permutations and factors inside of them; and what it must leave alone.
 */
#include "support/pass_graph.h"

#include "passes/phase.h"
#include "passes/strided.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BATCH = 2, STEPS = 5, HEADS = 3, SIZE = 4 };

static const int64_t split[] = { 0, 2, 1, 3 }, last[] = { 0, 1, 3, 2 };

static bool rows_only;   /* the target wants rows of the result next to each other */
static bool whole_batch; /* the target wants the axes of the batch where they are */
static enum dtype half_type;

/* The kernel of a product that is stored as perm_y says. */
static const char *kernel(const struct target *target, const struct op_call *call, const char **why)
{
	(void)target, (void)why;
	static const char *const perms[] = { "perm_a", "perm_b", "perm_y" };
	const struct attr *perm = node_attr(call->node, "perm_y");
	for (int k = 0; whole_batch && k < 3; k++)
		for (int i = 0; i < 2; i++)
			if (node_attr(call->node, perms[k])->ints[i] != i)
				return NULL;
	for (uint32_t i = 0; rows_only && i < perm->n; i++)
		if (perm->ints[i] != (int64_t)i)
			return NULL;
	return "a kernel";
}

static const struct target target = { .kernel = kernel };

static int setup(void **state)
{
	rows_only = whole_batch = false;
	half_type = DT_BF16;
	return pass_setup(state);
}

/* Runs the pass; results are the same but for rounding. */
static void apply(void)
{
	assert_int_equal(b.status, OK);
	struct tensor *in = random_inputs(31);
	const struct tensor *before = run(in);
	phase_mark(graph);
	if (strided_apply(&graph, &target, &err) != OK)
		fail_msg("%s", err.text);
	phase_mark(graph);
	if (graph_verify(graph, &err) != OK)
		fail_msg("%s", err.text);
	const struct tensor *after = run(in);
	for (uint32_t k = 0; k < graph->outputs.n; k++) {
		assert_true(shape_equal(&before[k].shape, &after[k].shape));
		for (int64_t i = 0; i < shape_elements(&after[k].shape); i++)
			assert_true(fabs(tensor_get(&before[k], i) - tensor_get(&after[k], i)) <
				    1e-5);
	}
}

static uint32_t heads(const char *name)
{
	return build_transpose(&b, input(name, SHAPE(BATCH, STEPS, HEADS, SIZE)), split);
}

static uint32_t times(uint32_t x, double factor)
{
	return build(&b, "Mul", IN(x, build_scalar(&b, factor, x)));
}

static uint32_t product(uint32_t x, uint32_t y)
{
	return build(&b, "MatMul", IN(x, y));
}

/* Both operands are scaled, after the transposition; heads are merged again. */
static void test_attention(void **state)
{
	(void)state;
	uint32_t q = times(heads("q"), 0.5), v = heads("v");
	uint32_t k = times(build_transpose(&b, heads("k"), last), 0.25);
	uint32_t weights = build(&b, "Softmax", IN(product(q, k)));
	output(build_transpose(&b, product(weights, v), split));
	apply();
	assert_int_equal(graph->order.n, 3);
	assert_int_equal(count("StridedMatMul"), 2);
}

/* Gradients of the keys: the result is scaled and permuted twice. */
static void test_behind(void **state)
{
	(void)state;
	uint32_t dw = input("dw", SHAPE(BATCH, HEADS, STEPS, STEPS));
	uint32_t dk = times(product(build_transpose(&b, heads("q"), last), dw), 3);
	output(build_transpose(&b, build_transpose(&b, dk, last), split));
	apply();
	assert_int_equal(graph->order.n, 1);
}

/* What only the end of one product holds is not looked for behind it by the next. */
static void test_products_of_products(void **state)
{
	(void)state;
	uint32_t x = build_transpose(
		&b, product(heads("a"), input("w", SHAPE(BATCH, HEADS, SIZE, SIZE))), last);
	output(build_transpose(&b, product(build_transpose(&b, x, last), x), last));
	output(x);
	apply();
	assert_int_equal(count("StridedMatMul"), 2);
}

/* A result with two readers is needed as it is. */
static void test_two_readers(void **state)
{
	(void)state;
	uint32_t y = product(heads("a"), input("w", SHAPE(BATCH, HEADS, SIZE, SIZE)));
	output(build_transpose(&b, y, split));
	output(build(&b, "Relu", IN(y)));
	apply();
	assert_int_equal(count("StridedMatMul"), 1);
	assert_int_equal(count("Transpose"), 1);
}

/* The target can't write what it could read: only that stays outside. */
static void test_target(void **state)
{
	(void)state;
	rows_only = true;
	uint32_t y = product(heads("a"), input("w", SHAPE(BATCH, HEADS, SIZE, SIZE)));
	output(build_transpose(&b, y, split));
	apply();
	assert_int_equal(count("StridedMatMul"), 1);
	assert_int_equal(count("Transpose"), 1);
}

/* Nothing to join, batches that broadcast, weights without a batch. */
static void test_left_alone(void **state)
{
	(void)state;
	uint32_t x = input("x", SHAPE(BATCH, HEADS, STEPS, SIZE));
	output(product(x, input("y", SHAPE(BATCH, HEADS, SIZE, STEPS))));
	output(product(heads("a"), input("z", SHAPE(1, HEADS, SIZE, STEPS))));
	output(product(heads("b"), input("w", SHAPE(SIZE, STEPS))));
	apply();
	assert_int_equal(count("MatMul"), 3);
}

static uint32_t half(uint32_t x)
{
	return build_cast(&b, x, half_type);
}

/*
 * In half types factors and Casts change places with the permutations, and with the Reshape before them:
 * what is rounded stays. Operands are made once for both products that read them.
 */
static void test_half(void **state)
{
	(void)state;
	const int64_t split_last[] = { BATCH, STEPS, HEADS, SIZE }, joined[] = { BATCH, STEPS, -1 };
	uint32_t q = build(&b, "Reshape",
			   IN(input("q", SHAPE(BATCH, STEPS, HEADS * SIZE)),
			      build_ints(&b, split_last, 4)));
	uint32_t k = build(&b, "Reshape",
			   IN(input("k", SHAPE(BATCH, STEPS, HEADS * SIZE)),
			      build_ints(&b, split_last, 4)));
	q = half(times(build_transpose(&b, q, split), 0.3));
	k = half(times(build_transpose(&b, build_transpose(&b, k, split), last), 0.3));
	uint32_t y = product(q, k);
	uint32_t dk = times(build_cast(&b, product(build_transpose(&b, q, last), y), DT_F32), 0.7);
	dk = build_transpose(&b, build_transpose(&b, dk, last), split);
	dk = build(&b, "Reshape", IN(dk, build_ints(&b, joined, 3)));
	output(build(&b, "Relu", IN(build_cast(&b, y, DT_F32))));
	output(build(&b, "Neg", IN(dk)));
	output(build(&b, "Abs", IN(dk)));
	apply();
	assert_int_equal(count("StridedMatMul"), 2);
	assert_int_equal(count("Transpose"), 0);
	assert_int_equal(count("Mul"), 3);
	assert_int_equal(count("Reshape"), 3);
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		if (!strcmp(node->def->name, "Reshape"))
			assert_int_equal(graph_value(graph, node->out[0])->t.dtype, half_type);
	}
}

static void test_float16(void **state)
{
	half_type = DT_F16;
	test_half(state);
}

/* Split heads are no matrices for this target; what is transposed inside of them it reads. */
static void test_matrices_only(void **state)
{
	(void)state;
	whole_batch = true;
	half_type = DT_F16;
	uint32_t q = half(heads("q")), k = half(build_transpose(&b, heads("k"), last));
	uint32_t y = product(q, k);
	output(product(build_transpose(&b, y, last), q));
	output(build_transpose(&b, product(y, build_transpose(&b, k, last)), split));
	apply();
	assert_int_equal(count("StridedMatMul"), 2);
	assert_int_equal(count("MatMul"), 1);
	assert_int_equal(count("Transpose"), 4);
}

/* ... in half types only: factors of float32 would go another way. */
static void test_matrices_of_float32(void **state)
{
	(void)state;
	whole_batch = true;
	output(product(build_transpose(&b, heads("x"), last), heads("y")));
	apply();
	assert_int_equal(count("MatMul"), 1);
}

/* Without a permutation to change places with, a product of a half type stays. */
static void test_half_left_alone(void **state)
{
	(void)state;
	uint32_t x = half(times(input("x", SHAPE(BATCH, HEADS, STEPS, SIZE)), 0.5));
	uint32_t y = half(input("y", SHAPE(BATCH, HEADS, SIZE, STEPS)));
	output(times(build_cast(&b, product(x, y), DT_F32), 2));
	apply();
	assert_int_equal(count("MatMul"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_attention, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_behind, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_products_of_products, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_two_readers, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_target, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_left_alone, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_half, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_float16, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_matrices_only, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_matrices_of_float32, setup, pass_teardown),
		cmocka_unit_test_setup_teardown(test_half_left_alone, setup, pass_teardown),
	};
	return cmocka_run_group_tests_name("strided", tests, NULL, NULL);
}
