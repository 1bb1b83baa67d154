/*
 * test_loss.c - how a model ends: each ending is found through what may stand after it, and the
 * loss fits the labels.
 */
#include "passes/loss.h"

#include "ops/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#undef fail

struct fixture {
	struct arena arena;
	struct graph *graph;
	struct builder b;
	struct error err;
	uint32_t x; /* logits [4, 3] */
};

static void begin(struct fixture *f, const struct shape *shape)
{
	*f = (struct fixture){ 0 };
	arena_init(&f->arena);
	f->graph = graph_new(&f->arena);
	f->b = (struct builder){ .graph = f->graph, .err = &f->err, .name = "n", .op = "n" };
	f->x = graph_add_value(f->graph, "x", VALUE_INPUT, (struct tensor){ DT_F32, *shape, NULL });
}

static void end(struct fixture *f)
{
	graph_free(f->graph);
	arena_release(&f->arena);
}

static void check(struct fixture *f, uint32_t y, enum ending ending, int axis)
{
	assert_int_equal(f->b.status, OK);
	struct loss_head head = loss_find(f->graph, y);
	assert_int_equal(head.ending, ending);
	assert_int_equal(head.logits, f->x);
	assert_int_equal(head.axis, axis);
	end(f);
}

static void test_logits(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, &SHAPE(4, 3));
	check(&f, f.x, ENDING_LOGITS, 1);
}

static void test_softmax(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, &SHAPE(4, 3));
	uint32_t y = build(&f.b, "Softmax", IN(f.x), attr_int("axis", -1));
	check(&f, build_op(&f.b, "Identity", IN(y), NULL), ENDING_SOFTMAX, 1);
}

static void test_log_softmax_first_axis(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, &SHAPE(4, 3, 5));
	check(&f, build(&f.b, "LogSoftmax", IN(f.x), attr_int("axis", 2)), ENDING_LOG_SOFTMAX, 2);
}

static void test_sigmoid(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, &SHAPE(4, 3));
	check(&f, build_op(&f.b, "Sigmoid", IN(f.x), NULL), ENDING_SIGMOID, 1);
}

/* Softmax written out: with and without the maximum taken off. */
static void test_written_out(void **state)
{
	(void)state;
	for (int shifted = 0; shifted < 2; shifted++) {
		struct fixture f;
		begin(&f, &SHAPE(4, 3));
		static const int64_t last[] = { -1 };
		uint32_t axes = build_ints(&f.b, last, 1), z = f.x;
		if (shifted)
			z = build_op(&f.b, "Sub",
				     IN(z, build(&f.b, "ReduceMax", IN(z, axes),
						 attr_int("keepdims", 1))),
				     NULL);
		uint32_t e = build_op(&f.b, "Exp", IN(z), NULL);
		uint32_t s = build(&f.b, "ReduceSum", IN(e, axes), attr_int("keepdims", 1));
		check(&f, build_op(&f.b, "Div", IN(e, s), NULL), ENDING_SOFTMAX, 1);
	}
}

static void test_choice(void **state)
{
	(void)state;
	static const struct {
		enum ending ending;
		int64_t outputs;
		bool integers;
		enum loss_kind asked, expected;
		enum status status;
	} cases[] = {
		{ ENDING_LOGITS, 3, true, LOSS_AUTO, LOSS_CROSS_ENTROPY, OK },
		{ ENDING_SOFTMAX, 3, true, LOSS_AUTO, LOSS_CROSS_ENTROPY, OK },
		{ ENDING_LOGITS, 3, false, LOSS_AUTO, LOSS_MSE, OK },
		{ ENDING_SIGMOID, 3, false, LOSS_AUTO, LOSS_BCE, OK },
		{ ENDING_SIGMOID, 1, true, LOSS_AUTO, LOSS_BCE, OK },
		{ ENDING_LOGITS, 1, true, LOSS_BCE, LOSS_BCE, OK },
		{ ENDING_SIGMOID, 3, true, LOSS_AUTO, LOSS_BCE, ERR_INPUT },
		{ ENDING_SOFTMAX, 3, false, LOSS_AUTO, LOSS_AUTO, ERR_INPUT },
		{ ENDING_SOFTMAX, 3, false, LOSS_BCE, LOSS_AUTO, ERR_INPUT },
		{ ENDING_LOGITS, 3, false, LOSS_HUBER, LOSS_HUBER, OK },
		{ ENDING_LOGITS, 1, false, LOSS_L1, LOSS_L1, OK },
		{ ENDING_LOGITS, 1, true, LOSS_AUTO, LOSS_AUTO, ERR_INPUT },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		enum loss_kind kind = LOSS_AUTO;
		begin(&f, &SHAPE(4, cases[i].outputs));
		*array_push(&f.graph->outputs) = f.x;
		struct loss_head head = { cases[i].ending, f.x, 1 };
		assert_int_equal(loss_choose(f.graph, &head, cases[i].integers, cases[i].asked,
					     &kind, &f.err),
				 cases[i].status);
		if (cases[i].status == OK)
			assert_int_equal(kind, cases[i].expected);
		end(&f);
	}
}

/* The loss takes the class axis out of the labels. */
static void test_build(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, &SHAPE(4, 3, 5));
	struct loss_head head = { ENDING_LOGITS, f.x, 1 };
	uint32_t loss = loss_build(&f.b, &head, LOSS_CROSS_ENTROPY, &(struct loss_shape){ 0 });
	assert_int_equal(f.b.status, OK);
	assert_int_equal(f.graph->outputs.n, 1);
	assert_int_equal(f.graph->outputs.v[0], loss);
	assert_int_equal(f.graph->inputs.n, 2);
	const struct value *labels = graph_value(f.graph, f.graph->inputs.v[0]);
	assert_string_equal(labels->name, LABELS_NAME);
	assert_int_equal(labels->t.dtype, DT_I64);
	assert_true(shape_equal(&labels->t.shape, &SHAPE(4, 5)));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logits),
		cmocka_unit_test(test_softmax),
		cmocka_unit_test(test_log_softmax_first_axis),
		cmocka_unit_test(test_sigmoid),
		cmocka_unit_test(test_written_out),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_build),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
