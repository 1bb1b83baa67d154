/*
 * Early updates (passes/early.h): each comes after its gradient and after the last node that reads
 * what it writes over, whatever way that is read; and no later than that.
 */
#include "ops/optimizer.h"
#include "passes/early.h"
#include "passes/phase.h"
#include "passes/training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define WIDTH 4
#define LAYERS 3

static struct arena arena;
static struct graph *graph;
static struct error err;
static struct builder b;
static uint32_t x, weights[LAYERS];

static uint32_t value(enum value_kind kind, const char *name, struct shape shape)
{
	uint32_t id = graph_add_value(graph, name, kind, (struct tensor){ DT_F32, shape, NULL });
	if (kind == VALUE_INPUT)
		*array_push(&graph->inputs) = id;
	return id;
}

/* The sum of squares behind some layers. */
static int setup(void **state)
{
	static const char *const names[LAYERS] = { "w0", "w1", "w2" };
	(void)state;
	arena_init(&arena);
	graph = graph_new(&arena);
	b = (struct builder){ .graph = graph, .err = &err, .name = "n", .op = "op" };
	uint32_t y = x = value(VALUE_INPUT, "x", SHAPE(2, WIDTH));
	for (int i = 0; i < LAYERS; i++) {
		weights[i] = value(VALUE_PARAM, names[i], SHAPE(WIDTH, WIDTH));
		y = build(&b, "MatMul", IN(build(&b, "Relu", IN(y)), weights[i]));
	}
	*array_push(&graph->outputs) = build_reduce_to(&b, build(&b, "Mul", IN(y, y)),
						       &SHAPE_SCALAR);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	graph_free(graph);
	arena_release(&arena);
	return 0;
}

static void train(size_t bytes, double ema)
{
	struct training_options o = { .rates = 1, .ema = ema, .update.momentum = 0.9 };
	struct problems problems = { 0 };
	uint32_t *params, n;
	assert_int_equal(b.status, OK);
	assert_int_equal(training_build(graph, &o, &params, &n, &problems, &err), OK);
	assert_int_equal(n, LAYERS);
	if (early_apply(&graph, bytes, &err) != OK)
		fail_msg("%s", err.text);
	if (graph_verify(graph, &err) != OK)
		fail_msg("%s", err.text);
	assert_int_equal(graph->outputs.n, 0);
}

static const struct node *at(uint32_t position)
{
	return graph_node(graph, graph->order.v[position]);
}

static bool is(uint32_t position, const char *op)
{
	return !strcmp(at(position)->def->name, op);
}

/* Where the parameter is updated. */
static uint32_t update_of(const char *name)
{
	for (uint32_t i = 0; i < graph->order.n; i++)
		if (is(i, "SGD") && !strcmp(graph_value(graph, at(i)->in[2])->name, name))
			return i;
	fail_msg("no update of %s", name);
	return 0;
}

static uint32_t position_of(const char *op, uint32_t n)
{
	for (uint32_t i = 0; i < graph->order.n; i++)
		if (is(i, op) && !n--)
			return i;
	fail_msg("no %s", op);
	return 0;
}

static uint32_t count(const char *op)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < graph->order.n; i++)
		n += is(i, op);
	return n;
}

static void test_one_by_one(void **state)
{
	(void)state;
	train(1, 0);
	uint32_t first = update_of("w2"), second = update_of("w1"), third = update_of("w0");
	assert_true(first < second && second < third);
	/* the last one before the gradient of the first is formed */
	assert_true(first < position_of("Gemm", count("Gemm") - 1));
	assert_int_equal(count("GradStats"), LAYERS);
	assert_int_equal(count("Accumulate"), 0);
	for (uint32_t i = 0; i < graph->order.n; i++)
		assert_int_equal(at(i)->phase == PHASE_APPLY, is(i, "ScaleUpdate"));
	uint32_t part = 0;
	for (uint32_t i = 0; i < graph->order.n; i++)
		if (is(i, "GradStats"))
			assert_int_equal(node_int(at(i), "part"),
					 part++ ? GRAD_STATS_MORE : GRAD_STATS_FIRST);
}

/* Statistics, then updates, then averages. */
static void test_groups(void **state)
{
	(void)state;
	train(2 * WIDTH * WIDTH * sizeof(float), 0.5);
	static const char *const order[] = { "GradStats",     "SGD",           "SGD",
					     "MovingAverage", "MovingAverage", "GradStats",
					     "SGD",           "MovingAverage", "ScaleUpdate" };
	uint32_t n = 0;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const char *op = at(i)->def->name;
		for (size_t k = 0; k < ARRAY_SIZE(order); k++)
			if (!strcmp(op, order[k])) {
				assert_true(n < ARRAY_SIZE(order));
				assert_string_equal(op, order[n++]);
				break;
			}
	}
	assert_int_equal(n, ARRAY_SIZE(order));
}

/* A state that takes up what the last weight is, in another shape, when all gradients are known. */
static void test_late_reader(void **state)
{
	(void)state;
	static const int64_t flat[] = { WIDTH * WIDTH };
	uint32_t view = build(&b, "Reshape", IN(weights[2], build_ints(&b, flat, 1)));
	uint32_t step = graph_add_value(graph, STEP_NAME, VALUE_STATE,
					(struct tensor){ DT_U8, SHAPE(sizeof(struct step_block)),
							 NULL });
	struct training_options o = { .rates = 1 };
	struct problems problems = { 0 };
	uint32_t *params, n, seen = value(VALUE_STATE, "seen", SHAPE(WIDTH * WIDTH));
	assert_int_equal(training_build(graph, &o, &params, &n, &problems, &err), OK);
	build(&b, "MovingAverage", IN(step, seen, view));
	assert_int_equal(b.status, OK);
	phase_mark(graph);
	assert_int_equal(early_apply(&graph, 1, &err), OK);
	assert_true(update_of("w2") > position_of("MovingAverage", 0));
	assert_true(update_of("w1") < position_of("MovingAverage", 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_by_one),
		TEST(test_groups),
		TEST(test_late_reader),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
