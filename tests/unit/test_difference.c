/*
 * test_difference.c - central differences: right and wrong derivatives of functions known by heart,
 * small ones beside large sums, kinks.
 */
#include "api/difference.h"
#include "ops/build.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct graph *graph;
	struct builder b;
	struct error err;
	uint32_t x;
	struct difference d;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);
	arena_init(&f->arena);
	f->graph = graph_new(&f->arena);
	f->b = (struct builder){ .graph = f->graph, .err = &f->err, .name = "", .op = "" };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	graph_free(f->graph);
	arena_release(&f->arena);
	free(f);
	return 0;
}

static uint32_t parameter(struct fixture *f, const double *v, int64_t n)
{
	struct tensor t = tensor_new(&f->arena, DT_F64, &SHAPE(n));
	memcpy(t.data, v, (size_t)n * sizeof *v);
	f->x = graph_add_value(f->graph, "x", VALUE_PARAM, t);
	return f->x;
}

/* L = sum of y. */
static void begin(struct fixture *f, uint32_t y)
{
	struct tensor *weights = arena_alloc(&f->arena, sizeof *weights);
	assert_int_equal(f->b.status, OK);
	*weights = tensor_new(&f->arena, DT_F64, build_shape(&f->b, y));
	for (int64_t i = 0, n = shape_elements(&weights->shape); i < n; i++)
		tensor_set(weights, i, 1);
	*array_push(&f->graph->outputs) = y;
	assert_int_equal(difference_init(&f->d, f->graph, NULL, weights, &f->arena, &f->err), OK);
	difference_choose(&f->d, f->x, &f->arena);
}

static struct difference_result check(struct fixture *f, const double *direction, int64_t element,
				      double analytic)
{
	struct difference_result r;
	assert_int_equal(difference_check(&f->d, direction, element, analytic, &r, &f->err), OK);
	return r;
}

static void test_smooth(void **state)
{
	struct fixture *f = *state;
	const double v[] = { 0.5, -1.25, 2 }, direction[] = { 1, 2, -1 };
	double along = 0;
	begin(f, build(&f->b, "Exp", IN(parameter(f, v, 3))));
	for (int i = 0; i < 3; i++) {
		along += direction[i] * exp(v[i]);
		struct difference_result r = check(f, NULL, i, exp(v[i]));
		assert_int_equal(r.verdict, DIFFERENCE_OK);
		assert_true(fabs(r.numeric - exp(v[i])) < 1e-8);
		assert_true(r.error < 1e-8);
		/* wrong in the fourth digit, in sign, missing */
		assert_int_equal(check(f, NULL, i, exp(v[i]) * 1.001).verdict, DIFFERENCE_FAIL);
		assert_int_equal(check(f, NULL, i, -exp(v[i])).verdict, DIFFERENCE_FAIL);
		assert_int_equal(check(f, NULL, i, 0).verdict, DIFFERENCE_FAIL);
		assert_int_equal(check(f, NULL, i, NAN).verdict, DIFFERENCE_FAIL);
		/* and the difference is shown with all its digits */
		assert_true(fabs(check(f, NULL, i, 0).numeric - exp(v[i])) < 1e-8);
	}
	assert_int_equal(check(f, direction, -1, along).verdict, DIFFERENCE_OK);
	assert_int_equal(check(f, direction, -1, along + 1e-4).verdict, DIFFERENCE_FAIL);
}

/* Where nothing depends on the parameter, rounding is no gradient; a large one is. */
static void test_zero(void **state)
{
	struct fixture *f = *state;
	const double v[] = { 3, 4 };
	uint32_t x = parameter(f, v, 2);
	begin(f, build(&f->b, "Exp", IN(build(&f->b, "Sub", IN(x, x)))));
	assert_int_equal(check(f, NULL, 0, 0).verdict, DIFFERENCE_OK);
	assert_true(check(f, NULL, 0, 0).error == 0);
	assert_int_equal(check(f, NULL, 0, 1e-3).verdict, DIFFERENCE_FAIL);
}

/* A parameter that is all zero has steps of its own. */
static void test_zero_parameter(void **state)
{
	struct fixture *f = *state;
	const double v[] = { 0, 0 };
	begin(f, build(&f->b, "Exp", IN(parameter(f, v, 2))));
	assert_int_equal(check(f, NULL, 1, 1).verdict, DIFFERENCE_OK);
	assert_int_equal(check(f, NULL, 1, 1.001).verdict, DIFFERENCE_FAIL);
}

static void test_kink(void **state)
{
	struct fixture *f = *state;
	/* the first element at the kink, the second within the largest step of it */
	const double v[] = { 0, 1e-6, 1, -1 };
	begin(f, build(&f->b, "Relu", IN(parameter(f, v, 4))));
	assert_int_equal(check(f, NULL, 0, 0).verdict, DIFFERENCE_KINK);
	assert_int_equal(check(f, NULL, 0, 1).verdict, DIFFERENCE_KINK);
	assert_int_equal(check(f, NULL, 0, 100).verdict, DIFFERENCE_FAIL);
	assert_int_equal(check(f, NULL, 1, 1).verdict, DIFFERENCE_OK);
	assert_int_equal(check(f, NULL, 2, 1).verdict, DIFFERENCE_OK);
	assert_int_equal(check(f, NULL, 2, 0).verdict, DIFFERENCE_FAIL);
	assert_int_equal(check(f, NULL, 3, 0).verdict, DIFFERENCE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_smooth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zero_parameter, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kink, setup, teardown),
	};
	return cmocka_run_group_tests_name("difference", tests, NULL, NULL);
}
