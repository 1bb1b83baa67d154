/*
 * The plan: which calls that follow each other become one step, and what that step gets.
 */
#include "ops/build.h"
#include "ops/step.h"
#include "plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a kernel of two operators that takes runs, and one of all else that does not ---- */

static enum status create_run(struct device *device, const struct op_call *calls, uint32_t n,
			      void **state, size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	for (uint32_t i = 0; i < n; i++)
		assert_string_equal(calls[i].def->name, calls->def->name);
	uint32_t *count = mem_alloc(sizeof *count);
	*state = count;
	*count = n;
	*workspace = 64;
	return OK;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)call, (void)workspace, (void)err;
	*state = NULL;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)state, (void)io, (void)stream;
	return OK;
}

static const struct kernel runs = {
	.op = "", .create = create, .create_run = create_run, .run = run, .destroy = free
};
static const struct kernel single = { .op = "", .create = create, .run = run };

static const struct kernel *choose(struct device *device, const struct op_call *call,
				   const char **why)
{
	(void)device, (void)why;
	bool takes = !strcmp(call->def->name, "MovingAverage") ||
		     !strcmp(call->def->name, "Accumulate");
	return takes ? &runs : &single;
}

static uint64_t memory_total(struct device *device)
{
	(void)device;
	return 1 << 20;
}

static const struct backend backend = { .kernel = choose, .memory_total = memory_total };

/* ---- a graph ---- */

static struct arena arena;
static struct graph *graph;
static struct error err;
static struct builder b;
static uint32_t step;

static uint32_t state_value(const char *name)
{
	return graph_add_value(graph, name, VALUE_STATE, (struct tensor){ DT_F32, SHAPE(5), NULL });
}

static uint32_t average(uint32_t a, uint32_t p)
{
	return build(&b, "MovingAverage", IN(step, a, p));
}

/* The phase of all nodes; the plan, its residents at addresses 1, 2, 3... */
static struct plan *plan_in(enum phase phase)
{
	static char places[16];
	struct plan *plan;
	for (uint32_t i = 1; i < graph->nodes.n; i++)
		graph_node(graph, i)->phase = phase;
	for (uint32_t i = 1; i < graph->values.n; i++)
		if (graph_value(graph, i)->node)
			graph_value(graph, i)->phase = phase;
	assert_int_equal(b.status, OK);
	assert_int_equal(plan_build(graph, &backend, NULL, &plan, &err), OK);
	for (uint32_t i = 0; i < plan->n_residents; i++)
		plan->residents[i].memory = places + i;
	plan_link(plan, NULL);
	return plan;
}

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	graph = graph_new(&arena);
	b = (struct builder){ .graph = graph, .err = &err, .name = "n", .op = "op" };
	step = graph_add_value(graph, STEP_NAME, VALUE_STATE,
			       (struct tensor){ DT_U8, SHAPE(sizeof(struct step_block)), NULL });
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	graph_free(graph);
	arena_release(&arena);
	return 0;
}

static void expect_steps(const struct plan *plan, enum program_kind program, const uint32_t *nodes,
			 uint32_t n)
{
	const struct program *p = &plan->programs[program];
	assert_int_equal(p->n, n);
	for (uint32_t i = 0; i < n; i++)
		if (p->steps[i].n_nodes != nodes[i])
			fail_msg("step %u has %u nodes, not %u", i, p->steps[i].n_nodes, nodes[i]);
}
#define EXPECT_STEPS(plan, program, ...)                                                           \
	expect_steps(plan, program, (const uint32_t[]){ __VA_ARGS__ },                             \
		     sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static void test_run(void **state)
{
	(void)state;
	uint32_t v[6];
	for (int i = 0; i < 6; i++)
		v[i] = state_value((const char *[]){ "a", "p", "b", "q", "c", "r" }[i]);
	for (int i = 0; i < 6; i += 2)
		average(v[i], v[i + 1]);
	struct plan *plan = plan_in(PHASE_APPLY);
	EXPECT_STEPS(plan, PROGRAM_APPLY, 3);
	const struct plan_step *s = plan->programs[PROGRAM_APPLY].steps;
	assert_int_equal(*(uint32_t *)s->state, 3);
	assert_true(plan->arena_bytes >= 64);
	for (uint32_t i = 0; i < 3; i++) {
		assert_ptr_equal(s->in[3 * i], plan_resident(plan, step)->memory);
		assert_ptr_equal(s->in[3 * i + 1], plan_resident(plan, v[2 * i])->memory);
		assert_ptr_equal(s->in[3 * i + 2], plan_resident(plan, v[2 * i + 1])->memory);
		assert_ptr_equal(s->out[i], plan_resident(plan, v[2 * i])->memory);
	}
	plan_free(plan);
}

static void test_other_between(void **state)
{
	(void)state;
	uint32_t p = state_value("p");
	average(state_value("a"), p);
	average(state_value("b"), p);
	build(&b, "Neg", IN(p));
	average(state_value("c"), p);
	struct plan *plan = plan_in(PHASE_APPLY);
	EXPECT_STEPS(plan, PROGRAM_APPLY, 2, 1, 1);
	plan_free(plan);
}

static void test_reads_what_another_writes(void **state)
{
	(void)state;
	uint32_t p = state_value("p");
	average(state_value("c"), average(state_value("a"), p));
	average(state_value("d"), p);
	struct plan *plan = plan_in(PHASE_APPLY);
	EXPECT_STEPS(plan, PROGRAM_APPLY, 1, 2);
	plan_free(plan);
}

static void test_writes_what_another_reads(void **state)
{
	(void)state;
	uint32_t a = state_value("a"), p = state_value("p");
	average(state_value("c"), a);
	average(a, p);
	struct plan *plan = plan_in(PHASE_APPLY);
	EXPECT_STEPS(plan, PROGRAM_APPLY, 1, 1);
	plan_free(plan);
}

static void test_view_of_what_another_writes(void **state)
{
	(void)state;
	static int64_t dims[] = { 5 };
	uint32_t shape = graph_add_value(graph, "shape", VALUE_CONSTANT,
					 (struct tensor){ DT_I64, SHAPE(1), dims });
	uint32_t a = state_value("a"), view = build(&b, "Reshape", IN(a, shape));
	average(state_value("c"), view);
	average(a, state_value("p"));
	struct plan *plan = plan_in(PHASE_APPLY);
	EXPECT_STEPS(plan, PROGRAM_APPLY, 1, 1);
	plan_free(plan);
}

/* The first micro-batch has another kernel for Accumulate. */
static void test_in_micro(void **state)
{
	(void)state;
	uint32_t p = state_value("p");
	average(state_value("a"), p);
	average(state_value("b"), p);
	build(&b, "Accumulate", IN(state_value("c"), p));
	build(&b, "Accumulate", IN(state_value("d"), p));
	struct plan *plan = plan_in(PHASE_MICRO);
	EXPECT_STEPS(plan, PROGRAM_NEXT, 2, 1, 1);
	EXPECT_STEPS(plan, PROGRAM_FIRST, 2, 1, 1);
	plan_free(plan);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_run),
		TEST(test_other_between),
		TEST(test_reads_what_another_writes),
		TEST(test_writes_what_another_reads),
		TEST(test_view_of_what_another_writes),
		TEST(test_in_micro),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
