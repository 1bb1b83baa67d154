/*
 * test_offsets.c - the planner of the step arena: exact offsets where they can be told, and for
 * random intervals that none overlap and that the size is at least what is alive at once.
 */
#include "base/rng.h"
#include "plan/offsets.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#undef fail

static size_t plan(struct interval *in, uint32_t n)
{
	struct error err;
	size_t total;
	assert_int_equal(offsets_plan(in, n, &total, &err), OK);
	return total;
}

static void test_empty(void **state)
{
	(void)state;
	assert_int_equal(plan(NULL, 0), 0);
}

/* A chain: each value dies when the next but one is made, so two places serve all. */
static void test_chain(void **state)
{
	(void)state;
	struct interval in[6];
	for (uint32_t i = 0; i < 6; i++)
		in[i] = (struct interval){ .bytes = 128, .first = i, .last = i + 1 };
	assert_int_equal(plan(in, 6), 256);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(in[i].offset, i % 2 * 128);
}

/* The largest first; the small one goes into the smallest gap that holds it. */
static void test_best_gap(void **state)
{
	(void)state;
	struct interval in[] = {
		{ .bytes = 640, .first = 0, .last = 1 }, /* [0, 640), dead at 2 */
		{ .bytes = 512, .first = 0, .last = 9 }, /* [640, 1152) */
		{ .bytes = 448, .first = 0, .last = 1 }, /* [1152, 1600), dead at 2 */
		{ .bytes = 384, .first = 0, .last = 9 }, /* [1600, 1984) */
		{ .bytes = 320, .first = 2, .last = 9 }, /* gaps of 640 and 448: the latter */
	};
	static const size_t expected[] = { 0, 640, 1152, 1600, 1152 };
	assert_int_equal(plan(in, 5), 1984);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(in[i].offset, expected[i]);
}

static void test_alignment(void **state)
{
	(void)state;
	struct interval in[] = { { .bytes = 1, .first = 0, .last = 0 },
				 { .bytes = 65, .first = 0, .last = 0 },
				 { .bytes = 0, .first = 0, .last = 0 } };
	assert_int_equal(plan(in, 3), 192);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(in[i].offset % OFFSET_ALIGN, 0);
}

static void test_overflow(void **state)
{
	(void)state;
	struct interval in[] = { { .bytes = SIZE_MAX - 100, .first = 0, .last = 0 },
				 { .bytes = 200, .first = 0, .last = 0 } };
	struct error err;
	size_t total;
	assert_int_equal(offsets_plan(in, 2, &total, &err), ERR_MEMORY);
}

static void test_random(void **state)
{
	(void)state;
	enum { N = 200, STEPS = 60 };
	for (uint32_t seed = 0; seed < 50; seed++) {
		struct interval in[N];
		size_t alive[STEPS] = { 0 }, most = 0;
		for (uint32_t i = 0; i < N; i++) {
			uint32_t w[4];
			philox(seed, 0, i, w);
			in[i] = (struct interval){ .bytes = w[0] % 5000, .first = w[1] % STEPS };
			in[i].last = in[i].first + w[2] % (STEPS - in[i].first);
			for (uint32_t s = in[i].first; s <= in[i].last; s++)
				alive[s] += in[i].bytes;
		}
		size_t total = plan(in, N);
		for (uint32_t s = 0; s < STEPS; s++)
			most = alive[s] > most ? alive[s] : most;
		assert_true(total >= most);
		for (uint32_t i = 0; i < N; i++) {
			assert_true(in[i].offset + in[i].bytes <= total);
			for (uint32_t j = 0; j < i; j++)
				assert_true(in[i].last < in[j].first || in[j].last < in[i].first ||
					    in[i].offset + in[i].bytes <= in[j].offset ||
					    in[j].offset + in[j].bytes <= in[i].offset);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),    cmocka_unit_test(test_chain),
		cmocka_unit_test(test_best_gap), cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_overflow), cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
