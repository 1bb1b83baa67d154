/*
 * test_cases.c - the cases of tests/ops through the reference implementations: those that state
 * what comes out, and every case in each floating-point type, whose results must agree with those
 * of float64 as far as the type goes.
 */
#include "support/case_tensor.h"

#include "ops/interpret.h"

#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED 7
#define MAX 8 /* inputs or outputs of a case */

static const struct op_def *find(const struct op_case *c)
{
	return op_find(c->domain ? c->domain : "", c->op, c->opset ? c->opset : INT_MAX);
}

/* Floor and the like: constant almost everywhere. */
static bool is_step(const struct op_case *c)
{
	return find(c)->flags & OP_NO_GRAD;
}

static enum status run(const struct op_case *c, enum dtype dtype, struct tensor out[MAX],
		       struct arena *arena, struct error *err)
{
	const struct op_def *def = find(c);
	struct tensor t[MAX];
	const struct tensor *in[MAX];
	bool wanted[MAX];
	uint32_t n = case_inputs(c);
	assert_non_null(def);
	for (uint32_t k = 0; k < n; k++) {
		t[k] = case_tensor(c, k, dtype, SEED, arena);
		in[k] = t[k].data ? &t[k] : NULL;
	}
	memset(wanted, true, sizeof wanted);
	memset(out, 0, MAX * sizeof *out);
	return interpret_op(def, c->attrs, in, n, wanted, out, case_outputs(c), arena, err);
}

/* The largest difference of the outputs, relative to their largest element (at least 1). */
static double difference(const struct tensor *got, const struct tensor *expected)
{
	double largest = 1, worst = 0;
	int64_t n = shape_elements(&expected->shape);
	assert_true(shape_equal(&got->shape, &expected->shape));
	for (int64_t i = 0; i < n; i++) {
		double a = tensor_get(got, i), b = tensor_get(expected, i);
		if (a == b || (isnan(a) && isnan(b)))
			continue;
		largest = fmax(largest, fabs(b));
		worst = isfinite(a - b) ? fmax(worst, fabs(a - b)) : INFINITY;
	}
	return worst / largest;
}

static double tolerance(enum dtype dtype)
{
	return dtype == DT_F32 ? 1e-4 : dtype == DT_F16 ? 5e-2 : dtype == DT_BF16 ? 3e-1 : 0;
}

static void test_case(void **state)
{
	static const enum dtype types[] = { DT_F32, DT_F16, DT_BF16 };
	const struct op_case *c = *state;
	struct tensor exact[MAX], out[MAX];
	struct arena arena;
	struct error err = { 0 };
	arena_init(&arena);
	if (run(c, DT_F64, exact, &arena, &err) != OK)
		fail_msg("%s", err.text);
	if (c->expected) {
		struct tensor expected = { DT_F64, exact[0].shape, (void *)c->expected };
		double d = difference(&exact[0], &expected);
		if (d > 1e-6)
			fail_msg("differs by %g from the expected output", d);
	}
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (run(c, types[i], out, &arena, &err) != OK)
			fail_msg("%s: %s", dtype_name(types[i]), err.text);
		for (uint32_t k = 0; k < case_outputs(c); k++) {
			/* Steps and indices may fall on the other side where inputs are rounded. */
			if (!dtype_is_float(exact[k].dtype) || is_step(c) || !out[k].data)
				continue;
			double d = difference(&out[k], &exact[k]);
			if (d > fmax(tolerance(types[i]), tolerance(out[k].dtype)))
				fail_msg("%s: output %u differs by %g from float64",
					 dtype_name(types[i]), k, d);
		}
	}
	arena_release(&arena);
}

int main(void)
{
	ARRAY(struct CMUnitTest) tests = { 0 };
	struct arena arena;
	arena_init(&arena);
	for (const struct op_case *const *table = case_tables; *table; table++)
		for (const struct op_case *c = *table; c->name; c++)
			*array_push(&tests) = (struct CMUnitTest){
				.name = arena_printf(&arena, "%s: %s", c->op, c->name),
				.test_func = test_case,
				.initial_state = (void *)c,
			};
	int failed = _cmocka_run_group_tests("cases", tests.v, tests.n, NULL, NULL);
	array_release(&tests);
	arena_release(&arena);
	return failed;
}
