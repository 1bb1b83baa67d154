/*
 * The legalize pass: what it casts for a target without kernels of half type, how often, and that it asks
 * in the layouts that kernels wish.
 */
#include "ops/build.h"
#include "passes/legalize.h"
#include "passes/phase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct graph *graph;
static struct arena arena;
static struct error err;
static struct builder b;
static bool half_channels_last; /* the target has kernels of bfloat16 in that layout */

static const char *kernel(const struct target *target, const struct op_call *call, const char **why)
{
	(void)target, (void)why;
	bool half = call->in[0].t.dtype == DT_BF16;
	return !half || (half_channels_last && call->in[0].layout == LAYOUT_LAST) ? "k" : NULL;
}

static void propose(const struct target *target, const struct op_call *call, enum layout *in,
		    enum layout *out)
{
	(void)target;
	for (uint32_t k = 0; k < call->n_in; k++)
		in[k] = LAYOUT_LAST;
	for (uint32_t k = 0; k < call->n_out; k++)
		out[k] = LAYOUT_LAST;
}

static const struct target target = { .kernel = kernel, .propose = propose };

static uint32_t value(const char *name, enum value_kind kind)
{
	return graph_add_value(graph, name, kind, (struct tensor){ DT_F32, SHAPE(2, 4, 4), NULL });
}

static unsigned casts_to(enum dtype dtype)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		n += !strcmp(node->def->name, "Cast") &&
		     graph_value(graph, node->out[0])->t.dtype == dtype;
	}
	return n;
}

/* x w and w x in bfloat16, after the pass. */
static void legalized(void)
{
	arena_init(&arena);
	graph = graph_new(&arena);
	b = (struct builder){ .graph = graph, .err = &err, .name = "n", .op = "op" };
	uint32_t x = value("x", VALUE_INPUT), w = value("w", VALUE_PARAM);
	*array_push(&graph->inputs) = x;
	x = build_cast(&b, x, DT_BF16);
	w = build_cast(&b, w, DT_BF16);
	*array_push(&graph->outputs) = build(&b, "MatMul", IN(x, w));
	*array_push(&graph->outputs) = build(&b, "MatMul", IN(w, x));
	assert_int_equal(b.status, OK);
	phase_mark(graph);
	if (legalize_apply(&graph, &target, &err) != OK)
		fail_msg("%s", err.text);
}

static void release(void)
{
	graph_free(graph);
	arena_release(&arena);
}

/* The weights are cast once, what comes with the data for each node, the results back. */
static void test_casts(void **state)
{
	(void)state;
	half_channels_last = false;
	legalized();
	assert_int_equal(casts_to(DT_F32), 3);
	assert_int_equal(casts_to(DT_BF16), 4);
	release();
}

static void test_layouts(void **state)
{
	(void)state;
	half_channels_last = true;
	legalized();
	assert_int_equal(casts_to(DT_F32), 0);
	release();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_casts),
					    cmocka_unit_test(test_layouts) };
	return cmocka_run_group_tests_name("legalize", tests, NULL, NULL);
}
