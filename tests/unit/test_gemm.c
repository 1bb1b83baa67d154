/*
 * test_gemm.c - the matrix product in loops of our own, with both sizes of tiles, against sums in
 * double: edges of panels, strips, tiles and slices, transposed operands, rows with gaps, threads.
 */
#include "backend/cpu/gemm.h"
#include "base/mem.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GAP 5 /* elements behind each row */

/* Multiples of 1/64 below 1, so that sums of their products are exact in double. */
static float *numbers(struct arena *arena, int64_t n, uint32_t *seed)
{
	float *x = arena_alloc(arena, (size_t)n * sizeof *x);
	for (int64_t i = 0; i < n; i++) {
		*seed = *seed * 1664525 + 1013904223;
		x[i] = (float)((int)(*seed >> 25) - 64) / 64;
	}
	return x;
}

static double element(const struct gemm *g, int64_t i, int64_t j)
{
	double sum = 0;
	for (int64_t p = 0; p < g->k; p++)
		sum += (double)(g->trans_a ? g->a[p * g->lda + i] : g->a[i * g->lda + p]) *
		       (g->trans_b ? g->b[j * g->ldb + p] : g->b[p * g->ldb + j]);
	return g->alpha * sum;
}

/* Sums of k products of numbers below 1, one rounding each, and what is behind the rows of c. */
static void check(const struct gemm *g)
{
	double tolerance = (double)g->k * 0x1p-24 * sqrt((double)g->k);
	for (int64_t i = 0; i < g->m; i++) {
		for (int64_t j = 0; j < g->n; j++)
			if (!(fabs(g->c[i * g->ldc + j] - element(g, i, j)) <= tolerance))
				fail_msg("[%d, %d, %d], tile %d: c[%d, %d] is %g, not %g",
					 (int)g->m, (int)g->n, (int)g->k, g->tile, (int)i, (int)j,
					 (double)g->c[i * g->ldc + j], element(g, i, j));
		for (int64_t j = g->n; j < g->ldc; j++)
			assert_true(g->c[i * g->ldc + j] == 7);
	}
}

static void multiply(struct arena *arena, struct gemm *g, int threads)
{
	size_t bytes = (gemm_workspace(g) + 63) / 64 * 64;
	void *workspace = aligned_alloc(64, bytes);
	memset(workspace, 0xff, bytes);
	g->c = arena_alloc(arena, (size_t)(g->m * g->ldc) * sizeof *g->c);
	for (int64_t i = 0; i < g->m * g->ldc; i++)
		g->c[i] = 7;
	omp_set_num_threads(threads);
	gemm_run(g, workspace);
	free(workspace);
}

static void test_products(void **state)
{
	static const int64_t sizes[][3] = { { 1, 1, 1 },      { 12, 32, 8 },     { 13, 33, 9 },
					    { 128, 26, 130 }, { 100, 140, 401 }, { 23, 31, 700 },
					    { 6, 300, 16 },   { 205, 17, 3 } };
	(void)state;
	uint32_t seed = 1;
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
		for (int form = 0; form < 8; form++) {
			struct arena arena;
			arena_init(&arena);
			struct gemm g = { .m = sizes[i][0], .n = sizes[i][1], .k = sizes[i][2] };
			g.trans_a = form & 1;
			g.trans_b = form & 2;
			g.tile = form & 4 ? GEMM_WIDE : GEMM_NARROW;
			g.alpha = form & 1 ? 0.5f : 1;
			g.lda = (g.trans_a ? g.m : g.k) + GAP;
			g.ldb = (g.trans_b ? g.k : g.n) + GAP;
			g.ldc = g.n + GAP;
			g.a = numbers(&arena, (g.trans_a ? g.k : g.m) * g.lda, &seed);
			g.b = numbers(&arena, (g.trans_b ? g.n : g.k) * g.ldb, &seed);
			multiply(&arena, &g, 2);
			check(&g);
			float *two = g.c;
			multiply(&arena, &g, 1 + 2 * (form % 2)); /* 1 or 3 */
			assert_memory_equal(g.c, two, (size_t)(g.m * g.ldc) * sizeof *two);
			arena_release(&arena);
		}
	omp_set_num_threads(2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_products) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
