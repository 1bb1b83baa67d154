/*
 * test_gradient.c - the types of gradients (passes/gradient.h): float32 where the backward pass ends,
 * also when a gradient that ends there is read by half-precision nodes too, and no rounding from an
 * accumulator to its parameter. And their form: products of one weight used several times are one
 * (passes/products.h). That the numbers are right is for tests/grad.
 */
#include "passes/gradient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct error err;
	struct problems problems;
	struct builder b;
};

static void open_fixture(struct fixture *f)
{
	*f = (struct fixture){ 0 };
	arena_init(&f->arena);
	f->b = (struct builder){ .graph = graph_new(&f->arena), .err = &f->err };
	f->b.name = f->b.op = "test";
}

static void close_fixture(struct fixture *f)
{
	graph_free(f->b.graph);
	arena_release(&f->arena);
}

static uint32_t add(struct fixture *f, const char *name, enum value_kind kind, enum dtype dtype,
		    struct shape shape)
{
	return graph_add_value(f->b.graph, name, kind, (struct tensor){ dtype, shape, NULL });
}

static void differentiate(struct fixture *f, uint32_t y, uint32_t dy, const uint32_t *x, uint32_t n,
			  enum gradient_width width, uint32_t *dx)
{
	if (f->b.status != OK ||
	    gradient_build(&f->b, &y, &dy, 1, x, n, width, dx, &f->problems) != OK)
		fail_msg("%s", f->err.text);
}

static enum dtype type(const struct fixture *f, uint32_t v)
{
	return graph_value(f->b.graph, v)->t.dtype;
}

/* relu(x W) + p, times V: the gradient of the sum is that of p, and what ReluGrad reads. */
static void ends_are_wide_where_gradients_are_shared(void **state)
{
	(void)state;
	struct fixture f;
	open_fixture(&f);
	struct builder *b = &f.b;
	uint32_t x = add(&f, "x", VALUE_INPUT, DT_F16, SHAPE(1, 8)), dx[3];
	uint32_t ends[] = { add(&f, "W", VALUE_PARAM, DT_F16, SHAPE(8, 16)),
			    add(&f, "p", VALUE_PARAM, DT_F16, SHAPE(1, 16)),
			    add(&f, "V", VALUE_PARAM, DT_F16, SHAPE(16, 4)) };
	uint32_t r = build(b, "Relu", IN(build(b, "MatMul", IN(x, ends[0]))));
	uint32_t y = build(b, "MatMul", IN(build(b, "Add", IN(r, ends[1])), ends[2]));
	uint32_t dy = add(&f, "dy", VALUE_INPUT, DT_F16, SHAPE(1, 4));
	differentiate(&f, y, dy, ends, 3, GRADIENT_WIDE_ENDS, dx);
	for (int k = 0; k < 3; k++)
		assert_int_equal(type(&f, dx[k]), DT_F32);
	/* The products form their sums in float32: nothing is rounded first. */
	assert_string_not_equal(graph_node(b->graph, graph_value(b->graph, dx[0])->node)->def->name,
				"Cast");
	assert_string_not_equal(graph_node(b->graph, graph_value(b->graph, dx[2])->node)->def->name,
				"Cast");
	close_fixture(&f);
}

/* A float32 master, stored in float16, transposed and cast as a weight is: no Cast on the way back. */
static void nothing_is_rounded_before_the_master(void **state)
{
	(void)state;
	struct fixture f;
	open_fixture(&f);
	struct builder *b = &f.b;
	uint32_t master = add(&f, "w", VALUE_PARAM, DT_F32, SHAPE(3, 4)), dx;
	uint32_t stored = build_cast(b, master, DT_F16);
	uint32_t used = build_transpose(b, stored, (const int64_t[]){ 1, 0 });
	uint32_t y = build_cast(b, build_cast(b, used, DT_F32), DT_BF16);
	uint32_t dy = add(&f, "acc", VALUE_STATE, DT_F32, SHAPE(4, 3));
	uint32_t before = b->graph->nodes.n;
	differentiate(&f, y, dy, &master, 1, GRADIENT_WIDE, &dx);
	assert_int_equal(type(&f, dx), DT_F32);
	for (uint32_t i = before; i < b->graph->nodes.n; i++)
		assert_string_equal(graph_node(b->graph, i)->def->name, "Transpose");
	close_fixture(&f);
}

/* What half precision computes gets gradients of its own type. */
static void half_precision_arithmetic_keeps_its_rules(void **state)
{
	(void)state;
	struct fixture f;
	open_fixture(&f);
	struct builder *b = &f.b;
	uint32_t master = add(&f, "w", VALUE_PARAM, DT_F32, SHAPE(3)), dx;
	uint32_t scale = add(&f, "s", VALUE_INPUT, DT_F16, SHAPE(3));
	uint32_t y = build(b, "Mul", IN(build_cast(b, master, DT_F16), scale));
	uint32_t dy = add(&f, "acc", VALUE_STATE, DT_F32, SHAPE(3));
	differentiate(&f, y, dy, &master, 1, GRADIENT_WIDE, &dx);
	assert_int_equal(type(&f, dx), DT_F32);
	close_fixture(&f);
}

static uint32_t count(const struct fixture *f, const char *op)
{
	const struct graph *graph = f->b.graph;
	uint32_t n = 0;
	for (uint32_t i = 0; i < graph->order.n; i++)
		n += !strcmp(graph_node(graph, graph->order.v[i])->def->name, op);
	return n;
}

/* h W' three times over, rows of h and as many columns of W; the number of products after it. */
static uint32_t products_of_steps(int64_t rows, int64_t columns, uint32_t *sums, uint32_t *concats)
{
	struct fixture f;
	open_fixture(&f);
	struct builder *b = &f.b;
	uint32_t h = add(&f, "h", VALUE_INPUT, DT_F32, SHAPE(rows, columns)), dw;
	uint32_t w = add(&f, "w", VALUE_PARAM, DT_F32, SHAPE(columns, columns));
	uint32_t dy = add(&f, "dy", VALUE_INPUT, DT_F32, SHAPE(rows, columns));
	for (int t = 0; t < 3; t++)
		h = build(b, "Tanh", IN(build(b, "Gemm", IN(h, w), attr_int("transB", 1))));
	differentiate(&f, h, dy, &w, 1, GRADIENT_WIDE_ENDS, &dw);
	assert_true(shape_equal(build_shape(b, dw), build_shape(b, w)));
	uint32_t products = count(&f, "Gemm");
	*sums = count(&f, "Add");
	*concats = count(&f, "Concat");
	close_fixture(&f);
	return products;
}

/* 3 products forward, 2 back to h, and one for all steps' gradient of w. */
static void products_of_one_weight_are_one(void **state)
{
	uint32_t sums, concats;
	(void)state;
	assert_int_equal(products_of_steps(4, 6, &sums, &concats), 3 + 2 + 1);
	assert_int_equal(sums, 0);
	assert_int_equal(concats, 2);
}

/* Where the factors are much larger than the weight they are not copied. */
static void large_factors_stay(void **state)
{
	uint32_t sums, concats;
	(void)state;
	assert_int_equal(products_of_steps(1 << 17, 8, &sums, &concats), 3 + 2 + 3);
	assert_int_equal(sums, 2);
	assert_int_equal(concats, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_are_wide_where_gradients_are_shared),
		cmocka_unit_test(nothing_is_rounded_before_the_master),
		cmocka_unit_test(half_precision_arithmetic_keeps_its_rules),
		cmocka_unit_test(products_of_one_weight_are_one),
		cmocka_unit_test(large_factors_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
