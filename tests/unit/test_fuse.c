/*
 * The fuse pass: graphs of random pointwise nodes, with others between them, compute the same bits
 * before and after it; and what is joined in cases that matter.
 */
#include "support/pass_graph.h"

#include "base/rng.h"
#include "ops/fused.h"
#include "ops/interpret.h"
#include "ops/step.h"
#include "passes/fuse.h"
#include "passes/gradient.h"
#include "passes/phase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum fusible fusible(const struct target *target, const struct op_call *call)
{
	(void)target;
	if (!strcmp(call->def->name, "Tanh"))
		return FUSIBLE_COSTLY;
	return strcmp(call->def->name, "Exp") ? FUSIBLE_CHEAP : FUSIBLE_NOT;
}

static const struct target target = { .fusible = fusible };

static void fuse(void)
{
	assert_int_equal(b.status, OK);
	phase_mark(graph);
	if (fuse_apply(&graph, &target, &err) != OK)
		fail_msg("%s", err.text);
	phase_mark(graph);
	if (graph_verify(graph, &err) != OK)
		fail_msg("%s", err.text);
}

static const struct node *find(const char *op)
{
	for (uint32_t i = 0; i < graph->order.n; i++)
		if (!strcmp(graph_node(graph, graph->order.v[i])->def->name, op))
			return graph_node(graph, graph->order.v[i]);
	fail_msg("no %s", op);
	return NULL;
}

/* ---- what is joined ---- */

static void test_chain(void **state)
{
	(void)state;
	uint32_t x = input("x", SHAPE(4, 6)), bias = input("bias", SHAPE(6));
	uint32_t y = build(&b, "Relu", IN(build(&b, "Add", IN(x, bias))));
	output(build(&b, "Mul", IN(y, build_scalar(&b, 2, y))));
	fuse();
	assert_int_equal(graph->order.n, 1);
	assert_int_equal(find("Fused")->n_in, 2);
	assert_int_equal(find("Fused")->n_out, 1);
}

/*
 * A step of an LSTM is one chain forward, which keeps seven values for the one backward; the last
 * step goes forward and back in one.
 */
static void test_lstm(void **state)
{
	struct problems problems = { 0 };
	(void)state;
	uint32_t x = input("x", SHAPE(5, 2, 3)), w = input("w", SHAPE(1, 16, 3));
	uint32_t r = input("r", SHAPE(1, 16, 4)), dx;
	uint32_t y = build(&b, "LSTM", IN(x, w, r));
	uint32_t dy = input("dy", SHAPE(5, 1, 2, 4));
	if (gradient_build(&b, &y, &dy, 1, &w, 1, GRADIENT_AS_VALUES, &dx, &problems) != OK)
		fail_msg("%s", err.text);
	output(y);
	output(dx);
	fuse();
	assert_int_equal(count("Tanh") + count("Sigmoid"), 0);
	assert_int_equal(count("Fused"), 2 * 5 - 1);
}

/* Another node reads the middle of a chain, whose end needs that node: they can't be one. */
static void test_something_between(void **state)
{
	(void)state;
	uint32_t x = input("x", SHAPE(4, 6));
	uint32_t y = build(&b, "Neg", IN(build(&b, "Relu", IN(x))));
	uint32_t z = build(&b, "Softmax", IN(y));
	output(build(&b, "Mul", IN(build(&b, "Add", IN(y, z)), z)));
	fuse();
	assert_int_equal(graph->order.n, 3);
	assert_int_equal(count("Fused"), 2);
}

/* Two chains that need each other's middles through other nodes can't both be. */
static void test_crossed(void **state)
{
	(void)state;
	uint32_t x = input("x", SHAPE(4, 6)), y = input("y", SHAPE(4, 6));
	uint32_t a1 = build(&b, "Neg", IN(x)), b1 = build(&b, "Relu", IN(y));
	uint32_t a2 = build(&b, "Add", IN(a1, build(&b, "Softmax", IN(b1))));
	uint32_t b2 = build(&b, "Sub", IN(b1, build(&b, "Softmax", IN(a1))));
	output(a2);
	output(b2);
	fuse();
	assert_true(count("Fused") <= 1);
}

static void test_shapes_differ(void **state)
{
	(void)state;
	uint32_t x = input("x", SHAPE(6)), y = input("y", SHAPE(4, 6));
	output(build(&b, "Mul", IN(build(&b, "Neg", IN(x)), build(&b, "Relu", IN(y)))));
	fuse();
	assert_int_equal(find("Fused")->n_in, 2);
	assert_int_equal(count("Neg"), 1);
}

/* What the forward side computed from x is cheaper to compute again than to keep. */
static void test_again(void **state)
{
	(void)state;
	uint32_t x = input("x", SHAPE(4, 6));
	uint32_t gate = build(&b, "Relu", IN(x));
	uint32_t y = build(&b, "Mul", IN(x, gate));
	uint32_t dy = build(&b, "Softmax", IN(y));
	output(build(&b, "Add", IN(build(&b, "Mul", IN(dy, x)), build(&b, "Mul", IN(dy, gate)))));
	fuse();
	assert_int_equal(graph->order.n, 3);
	assert_int_equal(find("Fused")->n_out, 1);
}

/* Also where another cheap value lies between x and the gate, which nothing else reads. */
static void test_again_through_another(void **state)
{
	(void)state;
	uint32_t x = input("x", SHAPE(4, 6));
	uint32_t moved = build(&b, "Add", IN(x, build_scalar(&b, 3, x)));
	uint32_t gate = build(&b, "Clip",
			      IN(moved, build_scalar(&b, 0, x), build_scalar(&b, 6, x)));
	uint32_t y = build(&b, "Mul", IN(x, gate));
	uint32_t dy = build(&b, "Softmax", IN(y));
	output(build(&b, "Add", IN(build(&b, "Mul", IN(dy, x)), build(&b, "Mul", IN(dy, gate)))));
	fuse();
	assert_int_equal(graph->order.n, 3);
	assert_int_equal(find("Fused")->n_out, 1);
}

/* Computing the gate again brings two numbers for one input: here that is one too many. */
static void test_again_at_the_limit(void **state)
{
	(void)state;
	uint32_t x = input("x", SHAPE(4, 6));
	uint32_t gate = build(&b, "Clip", IN(x, build_scalar(&b, 0, x), build_scalar(&b, 1, x)));
	uint32_t y = build(&b, "Mul", IN(x, gate));
	uint32_t dy = build(&b, "Softmax", IN(y));
	uint32_t sum = build(&b, "Add",
			     IN(build(&b, "Mul", IN(dy, x)), build(&b, "Mul", IN(dy, gate))));
	for (int k = 3; k < FUSED_INPUTS; k++) { /* beside x, dy and the gate */
		char name[16];
		snprintf(name, sizeof name, "more%d", k);
		sum = build(&b, "Add", IN(sum, input(name, SHAPE(4, 6))));
	}
	output(sum);
	fuse();
	assert_int_equal(graph->order.n, 3);
	assert_int_equal(find("Fused")->n_out, 2);
}

/* The same with a gate that is costly: two such operators take longer than the way to memory. */
static void test_kept(void **state)
{
	(void)state;
	uint32_t x = input("x", SHAPE(4, 6));
	uint32_t gate = build(&b, "Tanh", IN(build(&b, "Tanh", IN(x))));
	uint32_t y = build(&b, "Mul", IN(x, gate));
	uint32_t dy = build(&b, "Softmax", IN(y));
	output(build(&b, "Add", IN(build(&b, "Mul", IN(dy, x)), build(&b, "Mul", IN(dy, gate)))));
	fuse();
	assert_int_equal(find("Fused")->n_out, 2);
}

/* Computing again may read what is needed for nothing else: two bytes here, instead of twice four. */
static void test_again_from_less(void **state)
{
	(void)state;
	uint32_t x = build_cast(&b, build(&b, "Softmax", IN(input("x", SHAPE(4, 6)))), DT_BF16);
	uint32_t wide = build_cast(&b, build(&b, "Transpose", IN(x)), DT_F32);
	uint32_t scaled = build(&b, "Mul", IN(wide, build_scalar(&b, 0.7, wide)));
	uint32_t gate = build(&b, "Tanh", IN(scaled));
	uint32_t dy = build(&b, "Softmax", IN(build(&b, "Mul", IN(scaled, gate))));
	output(build(&b, "Add",
		     IN(build(&b, "Mul", IN(dy, scaled)), build(&b, "Mul", IN(dy, gate)))));
	fuse();
	const struct node *first = find("Fused");
	assert_int_equal(first->n_out, 1);
	assert_int_equal(graph_value(graph, first->in[0])->t.dtype, DT_BF16);
	unsigned halves = 0;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		for (uint32_t k = 0; k < node->n_in && !strcmp(node->def->name, "Fused"); k++)
			halves += graph_value(graph, node->in[k])->t.dtype == DT_BF16;
	}
	assert_int_equal(halves, 2);
}

/* In half precision a chain computes in float32, and nothing of it is cast between. */
static void test_half(void **state)
{
	(void)state;
	uint32_t x = build_cast(&b, input("x", SHAPE(4, 6)), DT_F16);
	uint32_t y = build_cast(&b, build(&b, "Softmax", IN(x)), DT_F32);
	output(build_cast(&b, build(&b, "Neg", IN(build(&b, "Relu", IN(y)))), DT_F16));
	fuse();
	const struct graph *body = node_attr(find("Fused"), "_body")->graph;
	assert_int_equal(graph->order.n, 3); /* Cast, Softmax, Fused */
	assert_int_equal(body->order.n, 4);
	assert_int_equal(graph_value(body, body->inputs.v[0])->t.dtype, DT_F16);
}

/* A sum ends a chain; what reads it is not of it. */
static void test_sum(void **state)
{
	(void)state;
	uint32_t x = input("x", SHAPE(4, 6)), bias = input("bias", SHAPE(6));
	uint32_t y = build(&b, "Relu", IN(build(&b, "Add", IN(x, bias))));
	int64_t rows = 0;
	uint32_t sum = build(&b, "ReduceSum", IN(y, build_ints(&b, &rows, 1)));
	output(build(&b, "Neg", IN(build(&b, "Mul", IN(y, sum)))));
	output(y);
	fuse();
	assert_int_equal(graph->order.n, 2);
	assert_int_equal(find("Fused")->n_out, 2);
}

static void test_readers_of_one_value(void **state)
{
	(void)state;
	uint32_t x = input("x", SHAPE(4, 6)), y = input("y", SHAPE(4, 6));
	output(build(&b, "Mul", IN(x, y)));
	output(build(&b, "Sub", IN(x, y)));
	fuse();
	assert_int_equal(graph->order.n, 1);
}

static void test_expand(void **state)
{
	(void)state;
	static const int64_t shape[] = { 4, 6 };
	uint32_t x = input("x", SHAPE(4, 6)), y = input("y", SHAPE(4, 1));
	uint32_t wide = build(&b, "Expand", IN(y, build_ints(&b, shape, 2)));
	output(build(&b, "Mul", IN(x, wide)));
	output(build(&b, "Neg", IN(wide)));
	fuse();
	assert_int_equal(count("Expand"), 1);
	assert_int_equal(find("Mul")->in[1], graph->inputs.v[1]);
}

/* Operators of gradients do not broadcast: theirs is written. */
static void test_expand_for_gradient(void **state)
{
	(void)state;
	static const int64_t shape[] = { 4, 6 };
	uint32_t x = input("x", SHAPE(4, 6)), dy = input("dy", SHAPE(4, 1));
	uint32_t wide = build(&b, "Expand", IN(dy, build_ints(&b, shape, 2)));
	output(build(&b, "ClipGrad", IN(wide, x)));
	fuse();
	assert_int_equal(count("Expand"), 1);
}

static uint32_t position(const char *op)
{
	const struct node *node = find(op);
	for (uint32_t i = 0; i < graph->order.n; i++)
		if (graph_node(graph, graph->order.v[i]) == node)
			return i;
	return 0;
}

/* What reads a parameter before it is updated stays before that, and what reads it later, later. */
static void test_update(void **state)
{
	(void)state;
	struct tensor type = { DT_F32, SHAPE(4, 6), NULL };
	uint32_t p = graph_add_value(graph, "p", VALUE_PARAM, type);
	uint32_t acc = graph_add_value(graph, "acc:p", VALUE_STATE, type);
	uint32_t step = graph_add_value(graph, STEP_NAME, VALUE_STATE,
					(struct tensor){ DT_U8, SHAPE(sizeof(struct step_block)),
							 NULL });
	uint32_t rates = graph_add_value(graph, LEARNING_RATE_NAME, VALUE_STATE,
					 (struct tensor){ DT_F64, SHAPE(1), NULL });
	uint32_t g = build(&b, "Accumulate", IN(acc, input("x", SHAPE(4, 6))));
	output(build(&b, "Neg", IN(build(&b, "Mul", IN(g, p)))));
	build(&b, "SGD", IN(step, rates, p, g));
	output(build(&b, "Relu", IN(build(&b, "Sub", IN(g, p)))));
	fuse();
	assert_int_equal(find("Fused")->phase, PHASE_APPLY);
	assert_int_equal(count("Fused"), 1);
	assert_true(position("Fused") < position("SGD"));
	assert_true(position("SGD") < position("Sub"));
	assert_true(position("Sub") < position("Relu"));
}

/* ---- random graphs ---- */

#define VALUES 40

struct random {
	uint64_t seed, n;
};

static uint32_t below(struct random *r, uint32_t n)
{
	uint32_t words[4];
	philox(r->seed, 0, r->n++, words);
	return words[0] % n;
}

static void random_graph(struct random *r, uint32_t *values)
{
	static const char *const unary[] = { "Relu", "Neg", "Tanh", "Abs", "Exp", "Softmax" };
	static const char *const binary[] = { "Add", "Mul", "Sub", "Max" };
	for (int i = 0; i < VALUES; i++) {
		/* Mostly of the last few, as networks are. */
		uint32_t n = (uint32_t)i + 3, back = 1 + below(r, below(r, 4) ? 4 : VALUES);
		uint32_t x = values[n > back ? n - back : 0], y = values[below(r, n)];
		uint32_t bounded = build(&b, "Tanh", IN(x)); /* no overflow */
		int64_t columns = 1;
		if (below(r, 8) == 0)
			y = build(&b, "ReduceSum", IN(y, build_ints(&b, &columns, 1)));
		values[n] = below(r, 3) ? build(&b, binary[below(r, 4)], IN(bounded, y))
					: build(&b, unary[below(r, 6)], IN(bounded));
	}
}

static void test_random(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 300; seed++) {
		struct random random = { seed, 0 };
		uint32_t values[VALUES + 3];
		float content[24];
		struct tensor in[3], before[3], after[3];
		pass_setup(NULL);
		values[0] = input("x", SHAPE(4, 6));
		values[1] = input("y", SHAPE(4, 6));
		values[2] = input("z", SHAPE(1, 6));
		random_graph(&random, values);
		for (int k = 0; k < 3; k++)
			output(values[VALUES + 2 - below(&random, 8)]);
		for (int i = 0; i < 24; i++)
			content[i] = (float)below(&random, 1000) / 500 - 1;
		for (int k = 0; k < 3; k++)
			in[k] = (struct tensor){ DT_F32, graph_value(graph, values[k])->t.shape,
						 content };
		assert_int_equal(interpret_graph(graph, in, before, NULL, &arena, &err), OK);
		fuse();
		assert_int_equal(interpret_graph(graph, in, after, NULL, &arena, &err), OK);
		for (int k = 0; k < 3; k++)
			assert_memory_equal(before[k].data, after[k].data,
					    tensor_bytes(&before[k]));
		pass_teardown(NULL);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, pass_setup, pass_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_chain),
		TEST(test_lstm),
		TEST(test_something_between),
		TEST(test_crossed),
		TEST(test_shapes_differ),
		TEST(test_again),
		TEST(test_again_through_another),
		TEST(test_again_at_the_limit),
		TEST(test_again_from_less),
		TEST(test_kept),
		TEST(test_half),
		TEST(test_sum),
		TEST(test_readers_of_one_value),
		TEST(test_expand),
		TEST(test_expand_for_gradient),
		TEST(test_update),
		cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests_name("fuse", tests, NULL, NULL);
}
