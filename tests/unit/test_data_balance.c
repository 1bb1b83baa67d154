/* test_data_balance.c - weights and draws against classes of unequal size. */
#include "data/balance.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Class 2 does not occur; one sample is ignored. */
static int64_t classes[] = { 3, 0, 0, 1, IGNORED_CLASS, 0, 1, 0, 0 };
static const struct tensor targets = { DT_I64, SHAPE(9), classes };

/* sklearn.utils.class_weight.compute_class_weight("balanced") of the eight. */
static void test_weights(void **state)
{
	(void)state;
	static const double want[] = { 0.53333333, 1.33333333, 1, 2.66666667 };
	struct arena arena;
	arena_init(&arena);
	const float *weights = balance_weights(&targets, 4, &arena);
	for (int k = 0; k < 4; k++)
		assert_true(fabs((double)weights[k] - want[k]) < 1e-7);
	arena_release(&arena);
}

#define DRAWS 30000

/* Each class a third of the time, each sample of a class alike: within 5 standard deviations. */
static void test_draws(void **state)
{
	(void)state;
	static const double of_class[] = { 5, 2, 0, 1 };
	static uint32_t p[DRAWS];
	uint32_t seen[9] = { 0 };
	struct arena arena;
	arena_init(&arena);
	struct balance b = balance_group(&targets, 4, &arena);
	assert_int_equal(b.n_classes, 3);
	balance_draw(&b, 7, 0, p, DRAWS);
	for (int i = 0; i < DRAWS; i++)
		seen[p[i]]++;
	for (int i = 0; i < 9; i++) {
		double share = classes[i] < 0 ? 0 : 1 / 3.0 / of_class[classes[i]];
		double error = fabs(seen[i] - DRAWS * share);
		assert_true(error <= 5 * sqrt(DRAWS * share * (1 - share)));
	}
	arena_release(&arena);
}

/* Draws are functions of seed, epoch and position. */
static void test_same(void **state)
{
	(void)state;
	uint32_t a[50], b[50], longer[80];
	struct arena arena;
	arena_init(&arena);
	struct balance balance = balance_group(&targets, 4, &arena);
	balance_draw(&balance, 7, 3, a, 50);
	balance_draw(&balance, 7, 3, longer, 80);
	assert_memory_equal(a, longer, sizeof a);
	balance_draw(&balance, 7, 4, b, 50);
	assert_memory_not_equal(a, b, sizeof a);
	balance_draw(&balance, 8, 3, b, 50);
	assert_memory_not_equal(a, b, sizeof a);
	arena_release(&arena);
}

static void test_nothing(void **state)
{
	(void)state;
	int64_t ignored[] = { IGNORED_CLASS, IGNORED_CLASS };
	const struct tensor none = { DT_I64, SHAPE(2), ignored };
	struct arena arena;
	arena_init(&arena);
	assert_int_equal(balance_group(&none, 4, &arena).n_classes, 0);
	assert_true(balance_weights(&none, 4, &arena)[0] == 1);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_draws),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
