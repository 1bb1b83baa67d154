/*
 * test_profile.c - what a contraction counts as its operations: of factors that are all 1 the
 * reference makes the number of products that go into each result.
 */
#include "ops/op.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct tensor ones(struct arena *arena, struct shape shape)
{
	struct tensor t = { .dtype = DT_F32, .shape = shape };
	t.data = arena_alloc(arena, (size_t)shape_elements(&shape) * sizeof(float));
	for (int64_t i = 0; i < shape_elements(&shape); i++)
		tensor_set(&t, i, 1);
	return t;
}

struct counted {
	const char *domain, *name;
	struct shape a, b, y;
	struct attr attrs[4];
};

static void check(const struct counted *c)
{
	struct arena arena;
	struct error err;
	arena_init(&arena);
	const struct op_def *def = op_find(c->domain, c->name, INT_MAX);
	struct node node = { .def = def, .name = "", .op = c->name, .n_in = 2, .n_out = 1 };
	assert_int_equal(op_attributes(def, c->attrs, &arena, &node.attrs, &err), OK);
	struct tensor a = ones(&arena, c->a), b = ones(&arena, c->b), y = ones(&arena, c->y);
	const struct tensor *in[] = { &a, &b };
	bool wanted[] = { true };
	struct op_io io = { .node = &node,
			    .n_in = 2,
			    .n_out = 1,
			    .in = in,
			    .out = &y,
			    .wanted = wanted,
			    .arena = &arena,
			    .err = &err };
	double products = 0;
	assert_int_equal(def->ref(&io), OK);
	for (int64_t i = 0; i < shape_elements(&y.shape); i++)
		products += tensor_get(&y, i);
	if (def->operations(&io) != 2 * products)
		fail_msg("%s: %g operations for %g products", c->name, def->operations(&io),
			 products);
	arena_release(&arena);
}

static void test_operations(void **state)
{
	(void)state;
	const struct counted cases[] = {
		{ "", "MatMul", SHAPE(2, 3, 4, 5), SHAPE(5, 7), SHAPE(2, 3, 4, 7), { { 0 } } },
		{ "", "MatMul", SHAPE(5), SHAPE(3, 5, 7), SHAPE(3, 7), { { 0 } } },
		{ "",
		  "Gemm",
		  SHAPE(6, 4),
		  SHAPE(9, 6),
		  SHAPE(4, 9),
		  { attr_int("transA", 1), attr_int("transB", 1) } },
		{ "onnxtune",
		  "StridedMatMul",
		  SHAPE(2, 4, 3, 5),
		  SHAPE(2, 6, 3, 5),
		  SHAPE(2, 3, 4, 6),
		  { attr_ints("perm_a", (const int64_t[]){ 0, 2, 1, 3 }, 4),
		    attr_ints("perm_b", (const int64_t[]){ 0, 2, 3, 1 }, 4),
		    attr_ints("perm_y", (const int64_t[]){ 0, 1, 2, 3 }, 4) } },
		{ "",
		  "Conv",
		  SHAPE(2, 4, 7, 9),
		  SHAPE(6, 2, 3, 2),
		  SHAPE(2, 6, 3, 8),
		  { attr_int("group", 2), attr_ints("strides", (const int64_t[]){ 2, 1 }, 2) } },
		{ "onnxtune",
		  "ConvGradInput",
		  SHAPE(2, 6, 5, 8),
		  SHAPE(6, 2, 3, 2),
		  SHAPE(2, 4, 7, 9),
		  { attr_int("group", 2),
		    attr_ints("_shape", (const int64_t[]){ 2, 4, 7, 9 }, 4) } },
		{ "onnxtune",
		  "ConvGradWeight",
		  SHAPE(2, 6, 5, 8),
		  SHAPE(2, 4, 7, 9),
		  SHAPE(6, 2, 3, 2),
		  { attr_int("group", 2),
		    attr_ints("_shape", (const int64_t[]){ 6, 2, 3, 2 }, 4) } },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		check(&cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_operations) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
