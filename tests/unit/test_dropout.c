/*
 * test_dropout.c - Dropout in training: what is dropped depends on the seed, the step, the node and
 * the sample's index in the window alone.
 */
#include "ops/interpret.h"
#include "ops/step.h"

#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SAMPLES 40
#define SIZE 101 /* elements of a sample: not a multiple of the four of a random block */
#define RATIO 0.3f

/* Dropout of ones for samples first .. first + n - 1 of a window, into y. */
static void drop(const struct step_block *step, int64_t node, int64_t first, int64_t n, float *y)
{
	struct arena arena;
	struct error err;
	struct step_block block = *step;
	struct attr attrs[] = { attr_float("ratio", RATIO), attr_int("node", node), { 0 } };
	arena_init(&arena);
	struct tensor x = tensor_new(&arena, DT_F32, &SHAPE(n, SIZE)), out;
	struct tensor state = { DT_U8, SHAPE(sizeof block), &block };
	struct tensor base = { DT_I64, SHAPE_SCALAR, &first };
	for (int64_t i = 0; i < n * SIZE; i++)
		tensor_set(&x, i, 1);
	const struct tensor *in[] = { &x, &state, &base };
	enum status status = interpret_op(op_find("onnxtune", "Dropout", INT_MAX), attrs, in, 3,
					  (const bool[]){ true }, &out, 1, &arena, &err);
	if (status != OK)
		fail_msg("%s", err.text);
	memcpy(y, out.data, (size_t)n * SIZE * sizeof *y);
	arena_release(&arena);
}

static int equal_elements(const float *a, const float *b)
{
	int n = 0;
	for (int i = 0; i < SAMPLES * SIZE; i++)
		n += a[i] == b[i];
	return n;
}

static void test_values(void **state)
{
	(void)state;
	static float y[SAMPLES * SIZE];
	int kept = 0;
	drop(&(struct step_block){ .seed = 1, .steps = 5 }, 7, 0, SAMPLES, y);
	for (int i = 0; i < SAMPLES * SIZE; i++) {
		if (y[i] == 0)
			continue;
		kept++;
		/* cmocka's assert_float_equal takes any NaN */
		assert_true(fabs(y[i] - 1 / (1 - RATIO)) <= 1e-6);
	}
	/* 2828 are expected of 4040, with a standard deviation of 29. */
	assert_in_range(kept, 2828 - 100, 2828 + 100);
}

static void test_micro_batches(void **state)
{
	(void)state;
	struct step_block step = { .seed = 1, .steps = 5 };
	static float whole[SAMPLES * SIZE], parts[SAMPLES * SIZE];
	drop(&step, 7, 0, SAMPLES, whole);
	drop(&step, 7, 0, 3, parts);
	drop(&step, 7, 3, SAMPLES - 3, parts + 3 * SIZE);
	assert_memory_equal(whole, parts, sizeof whole);
}

static void test_independence(void **state)
{
	(void)state;
	struct step_block step = { .seed = 1, .steps = 5 };
	struct step_block later = { .seed = 1, .steps = 6 }, other = { .seed = 2, .steps = 5 };
	static float y[SAMPLES * SIZE], z[4][SAMPLES * SIZE];
	drop(&step, 7, 0, SAMPLES, y);
	drop(&later, 7, 0, SAMPLES, z[0]);
	drop(&other, 7, 0, SAMPLES, z[1]);
	drop(&step, 8, 0, SAMPLES, z[2]);
	drop(&step, 7, 1, SAMPLES, z[3]);
	/* Independent masks agree in 0.7^2 + 0.3^2 of the elements: 2343, standard deviation 31. */
	for (int k = 0; k < 4; k++)
		assert_in_range(equal_elements(y, z[k]), 2343 - 110, 2343 + 110);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_micro_batches),
		cmocka_unit_test(test_independence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
