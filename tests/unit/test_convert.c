/* test_convert.c - runs of half types against the conversion of single numbers, bit for bit. */
#include "backend/cpu/convert.h"

#include "base/half.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUNS 65536 /* upper halves of float32 */

/* What decides how a number is rounded to bfloat16 or float16, below each upper half. */
static const uint32_t lower[] = { 0,      1,      0xfff,  0x1000, 0x1001, 0x2fff, 0x3000,
				  0x7fff, 0x8000, 0x8001, 0xc000, 0xefff, 0xffff };

static uint16_t rounded(enum dtype dtype, float x)
{
	return dtype == DT_BF16 ? float_to_bf16(x) : float_to_fp16(x);
}

static float widened(enum dtype dtype, uint16_t x)
{
	return dtype == DT_BF16 ? bf16_to_float(x) : fp16_to_float(x);
}

/* All numbers of the table, in an order in which normal ones and others stand side by side. */
static float *numbers(int64_t *n)
{
	*n = (int64_t)RUNS * ARRAY_SIZE(lower);
	float *x = mem_alloc((size_t)*n * sizeof *x);
	for (int64_t i = 0; i < *n; i++) {
		uint32_t upper = (uint32_t)(i * 40503 % RUNS);
		uint32_t u = upper << 16 | lower[i / RUNS];
		memcpy(&x[i], &u, 4);
	}
	return x;
}

static bool same(float a, float b)
{
	return !memcmp(&a, &b, sizeof a);
}

static void check_runs(enum dtype dtype)
{
	int64_t n;
	float *x = numbers(&n), *y = mem_alloc((size_t)n * sizeof *y);
	uint16_t *half = mem_alloc((size_t)(n + 1) * sizeof *half);
	convert_store(dtype, x, 1, n, half);
	convert_load(dtype, half, 1, n, y);
	for (int64_t i = 0; i < n; i++) {
		assert_int_equal(half[1 + i], rounded(dtype, x[i]));
		assert_true(same(y[i], widened(dtype, half[1 + i])));
	}
	convert_round(dtype, x, n);
	for (int64_t i = 0; i < n; i++)
		assert_true(same(x[i], y[i]));
	free(x);
	free(y);
	free(half);
}

static void test_bf16(void **state)
{
	(void)state;
	check_runs(DT_BF16);
}

static void test_f16(void **state)
{
	(void)state;
	check_runs(DT_F16);
}

/* Nothing behind a run is written, however long it is. */
static void test_lengths(void **state)
{
	(void)state;
	float x[100];
	uint16_t half[101];
	for (int k = 0; k < 100; k++)
		x[k] = 1 + (float)k / 3;
	for (int n = 0; n <= 100; n++) {
		memset(half, 0xff, sizeof half);
		convert_store(DT_BF16, x, 0, n, half);
		for (int k = 0; k <= 100; k++)
			assert_int_equal(half[k], k < n ? float_to_bf16(x[k]) : 0xffff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bf16),
		cmocka_unit_test(test_f16),
		cmocka_unit_test(test_lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
