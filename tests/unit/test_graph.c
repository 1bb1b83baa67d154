/*
 * test_graph.c - the graph: adding and reading, the checker against graphs broken in each way that
 * it knows, and the text of a graph.
 */
#include "ops/build.h"
#include "ops/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct error err;
	struct builder b;
	uint32_t x, w, bias, y, z;
};

/* y = Transpose(x) w; z = Relu(y + bias) */
static void start(struct fixture *f)
{
	static float weights[6], biases[2];
	const int64_t perm[] = { 1, 0 };
	*f = (struct fixture){ 0 };
	arena_init(&f->arena);
	struct graph *graph = graph_new(&f->arena);
	f->b = (struct builder){ .graph = graph, .err = &f->err, .name = "fc1", .op = "Gemm" };
	f->x = graph_add_value(graph, "x", VALUE_INPUT,
			       (struct tensor){ DT_F32, SHAPE(3, 4), NULL });
	f->w = graph_add_value(graph, "fc1.w", VALUE_PARAM,
			       (struct tensor){ DT_F32, SHAPE(3, 2), weights });
	f->bias = graph_add_value(graph, "fc1.b", VALUE_PARAM,
				  (struct tensor){ DT_F32, SHAPE(2), biases });
	*array_push(&graph->inputs) = f->x;
	uint32_t t = build(&f->b, "Transpose", IN(f->x), attr_ints("perm", perm, 2));
	f->y = build(&f->b, "MatMul", IN(t, f->w));
	f->b.name = "relu\n1";
	f->b.op = "Relu";
	f->z = build(&f->b, "Relu", IN(build(&f->b, "Add", IN(f->y, f->bias))));
	*array_push(&graph->outputs) = f->z;
	assert_int_equal(f->b.status, OK);
}

static void finish(struct fixture *f)
{
	graph_free(f->b.graph);
	arena_release(&f->arena);
}

static void test_add(void **state)
{
	(void)state;
	struct fixture f;
	start(&f);
	const struct graph *graph = f.b.graph;
	assert_int_equal(graph->order.n, 4);
	const struct value *y = graph_value(graph, f.y);
	assert_int_equal(y->kind, VALUE_TEMP);
	assert_int_equal(y->output, 0);
	assert_true(shape_equal(&y->t.shape, &SHAPE(4, 2)));
	const struct node *node = graph_node(graph, y->node);
	assert_string_equal(node->def->name, "MatMul");
	assert_string_equal(node->op, "Gemm");
	assert_int_equal(node->n_in, 2);
	assert_int_equal(node->in[1], f.w);
	assert_int_equal(node->out[0], f.y);
	const struct node *transpose = graph_node(graph, graph_value(graph, node->in[0])->node);
	const struct attr *perm = node_attr(transpose, "perm");
	assert_non_null(perm);
	assert_int_equal(perm->n, 2);
	assert_int_equal(perm->ints[0], 1); /* a copy: start()'s array is gone */
	assert_null(node_attr(transpose, "axis"));
	finish(&f);
}

/* ---- verify ---- */

static struct node *producer(struct fixture *f, uint32_t id)
{
	return graph_node(f->b.graph, graph_value(f->b.graph, id)->node);
}

static void break_order(struct fixture *f)
{
	uint32_t *order = f->b.graph->order.v, first = order[0];
	order[0] = order[1];
	order[1] = first;
}

static void break_missing(struct fixture *f)
{
	f->b.graph->order.v[0] = f->b.graph->order.v[1]; /* and the second one twice */
	f->b.graph->order.n = 1;
}

static void break_twice(struct fixture *f)
{
	f->b.graph->order.v[3] = f->b.graph->order.v[2];
}

static void break_no_node(struct fixture *f)
{
	f->b.graph->order.v[3] = 99;
}

static void break_read(struct fixture *f)
{
	producer(f, f->y)->in[1] = 99;
}

static void break_producer(struct fixture *f)
{
	producer(f, f->y)->out[0] = f->z;
}

static void break_outside(struct fixture *f)
{
	graph_value(f->b.graph, f->w)->node = 1;
}

static void break_write_outside(struct fixture *f)
{
	producer(f, f->y)->out[0] = f->w;
}

static void break_type(struct fixture *f)
{
	graph_value(f->b.graph, f->y)->t.dtype = DT_NONE;
}

static void break_dim(struct fixture *f)
{
	graph_value(f->b.graph, f->x)->t.shape.dim[0] = DIM_UNKNOWN;
}

static void break_constant(struct fixture *f)
{
	graph_value(f->b.graph, f->x)->kind = VALUE_CONSTANT;
}

static void break_names(struct fixture *f)
{
	graph_value(f->b.graph, f->bias)->name = "fc1.w";
}

static void break_phase(struct fixture *f)
{
	producer(f, f->y)->phase = PHASE_APPLY;
	graph_value(f->b.graph, f->y)->phase = PHASE_APPLY;
}

static void break_input(struct fixture *f)
{
	f->b.graph->inputs.v[0] = f->w;
}

static void break_output(struct fixture *f)
{
	f->b.graph->outputs.v[0] = 0;
}

static void test_verify(void **state)
{
	(void)state;
	static const struct {
		void (*damage)(struct fixture *f);
		const char *text;
	} table[] = {
		{ break_order, "not computed before" },
		{ break_missing, "not computed before" },
		{ break_twice, "twice" },
		{ break_no_node, "no such node" },
		{ break_read, "does not exist" },
		{ break_producer, "belongs to something else" },
		{ break_outside, "from the outside and from a node" },
		{ break_write_outside, "belongs to something else" },
		{ break_type, "type is not known" },
		{ break_dim, "type is not known" },
		{ break_constant, "without content" },
		{ break_names, "have this name" },
		{ break_phase, "later phase" },
		{ break_input, "no input value" },
		{ break_output, "output is absent" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct fixture f;
		start(&f);
		assert_int_equal(graph_verify(f.b.graph, &f.err), OK);
		table[i].damage(&f);
		assert_int_equal(graph_verify(f.b.graph, &f.err), ERR_INTERNAL);
		if (!strstr(f.err.text, table[i].text))
			fail_msg("case %zu: '%s' instead of '%s'", i, f.err.text, table[i].text);
		finish(&f);
	}
}

/* ---- print ---- */

static void test_print(void **state)
{
	(void)state;
	struct fixture f;
	struct text text = { 0 };
	const int64_t sizes[] = { 1, 3 }, axes[] = { 0, -1 };
	const bool wanted[] = { false, true };
	uint32_t parts[2];
	start(&f);
	build_outputs(&f.b, "Split", IN(f.z, build_ints(&f.b, sizes, 2)), NULL, wanted, parts, 2);
	build_ints(&f.b, axes, 2);
	uint32_t last = build(&f.b, "Softmax", IN(parts[1]), attr_int("axis", 0));
	graph_value(f.b.graph, last)->layout = LAYOUT_LAST;
	producer(&f, last)->phase = PHASE_MICRO;
	assert_int_equal(f.b.status, OK);
	graph_print(f.b.graph, &text);
	assert_string_equal(
		text.s, "input x float32 3x4\n"
			"param fc1.w float32 3x2\n"
			"param fc1.b float32 2\n"
			"const %8 int64 2 [1, 3]\n"
			"const %11 int64 2 [0, -1]\n"
			"%4 float32 4x3 = Transpose(x) perm=1,0 phase=INIT  # node 'fc1' (Gemm)\n"
			"%5 float32 4x2 = MatMul(%4, fc1.w) phase=INIT  # node 'fc1' (Gemm)\n"
			"%6 float32 4x2 = Add(%5, fc1.b) phase=INIT  # node 'relu?1' (Relu)\n"
			"%7 float32 4x2 = Relu(%6) phase=INIT  # node 'relu?1'\n"
			"-, %10 float32 3x2 = Split(%7, %8) phase=INIT  # node 'relu?1' (Relu)\n"
			"%12 float32 3x2 = Softmax(%10) axis=0 phase=MICRO layout=last"
			"  # node 'relu?1' (Relu)\n"
			"return %7\n");
	text_release(&text);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_print),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
