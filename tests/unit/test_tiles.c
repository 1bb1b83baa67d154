/*
 * test_tiles.c - gradients of weights and products in the tiles of AMX, where there are some, against sums
 * that are exact: edges of tiles, panels and slices, taps that miss rows, any number of threads,
 * transposed operands, rows with gaps.
 */
#include "backend/cpu/tiles.h"
#include "base/half.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

/* Multiples of 1/64 below 1: sums of a few thousand products are exact in float32. */
static uint16_t *numbers(struct arena *arena, int64_t n, uint32_t *seed)
{
	uint16_t *x = arena_alloc(arena, (size_t)n * sizeof *x);
	for (int64_t i = 0; i < n; i++)
		x[i] = float_to_bf16((float)((int)(next(seed) % 128) - 64) / 64);
	return x;
}

/* Rows of b that the taps meet, one in eight of them none. */
static int32_t *rows(struct arena *arena, const struct tiles *t, uint32_t *seed)
{
	int32_t *row = arena_alloc(arena, (size_t)(t->taps * t->plane) * sizeof *row);
	for (int64_t i = 0; i < t->taps * t->plane; i++)
		row[i] = next(seed) % 8 ? (int32_t)(next(seed) % (uint32_t)t->plane_b) : -1;
	return row;
}

static float element(const struct tiles *t, const uint16_t *a, const uint16_t *b, int64_t i,
		     int64_t tap, int64_t j)
{
	double sum = 0;
	for (int64_t r = 0; r < t->samples * t->plane; r++) {
		int64_t p = r % t->plane, at = t->row ? t->row[tap * t->plane + p] : p;
		if (at >= 0)
			sum += (double)bf16_to_float(a[r * t->m + i]) *
			       bf16_to_float(b[(r / t->plane * t->plane_b + at) * t->n + j]);
	}
	return (float)sum;
}

static float *run(struct arena *arena, struct tiles *t, int threads, const uint16_t *a,
		  const uint16_t *b)
{
	float *c = arena_alloc(arena, (size_t)(t->m * t->taps * t->n) * sizeof *c);
	t->threads = threads;
	size_t bytes = (tiles_workspace(t) + 63) / 64 * 64;
	void *workspace = aligned_alloc(64, bytes);
	memset(workspace, 0xff, bytes);
	tiles_run(t, a, b, c, workspace);
	free(workspace);
	return c;
}

static void check(const struct tiles *t, const uint16_t *a, const uint16_t *b, const float *c)
{
	for (int64_t i = 0; i < t->m; i++)
		for (int64_t tap = 0; tap < t->taps; tap++)
			for (int64_t j = 0; j < t->n; j++) {
				float got = c[(i * t->taps + tap) * t->n + j];
				float expected = element(t, a, b, i, tap, j);
				if (got != expected)
					fail_msg("[%d, %d, %d] x %d: c[%d, %d, %d] is %g, not %g",
						 (int)t->m, (int)t->n, (int)(t->samples * t->plane),
						 (int)t->taps, (int)i, (int)tap, (int)j,
						 (double)got, (double)expected);
			}
}

static void test_sums(void **state)
{
	static const struct tiles sizes[] = {
		{ .m = 1, .n = 1, .taps = 1, .samples = 1, .plane = 1, .plane_b = 1 },
		{ .m = 32, .n = 32, .taps = 1, .samples = 1, .plane = 32, .plane_b = 32 },
		{ .m = 33, .n = 70, .taps = 1, .samples = 3, .plane = 17, .plane_b = 17 },
		{ .m = 100, .n = 31, .taps = 3, .samples = 5, .plane = 9, .plane_b = 20 },
		{ .m = 20, .n = 40, .taps = 2, .samples = 3, .plane = 701, .plane_b = 97 },
		{ .m = 200, .n = 5, .taps = 1, .samples = 1, .plane = 2049, .plane_b = 2049 },
		{ .m = 300, .n = 33, .taps = 4, .samples = 1, .plane = 64, .plane_b = 10 },
		{ .m = 300, .n = 33, .taps = 2, .samples = 1, .plane = 1000, .plane_b = 10 },
	};
	(void)state;
	uint32_t seed = 1;
	if (!tiles_available()) {
		print_message("no tiles here\n");
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct arena arena;
		arena_init(&arena);
		struct tiles t = sizes[i];
		if (t.taps > 1 || t.plane != t.plane_b)
			t.row = rows(&arena, &t, &seed);
		const uint16_t *a = numbers(&arena, t.samples * t.plane * t.m, &seed);
		const uint16_t *b = numbers(&arena, t.samples * t.plane_b * t.n, &seed);
		float *c = run(&arena, &t, 2, a, b);
		check(&t, a, b, c);
		for (int threads = 1; threads <= 5; threads += 2)
			assert_memory_equal(run(&arena, &t, threads, a, b), c,
					    (size_t)(t.m * t.taps * t.n) * sizeof *c);
		arena_release(&arena);
	}
}

#define GAP 5 /* elements behind each row */

static float product_element(const struct tiles_product *p, const uint16_t *a, const uint16_t *b,
			     int64_t i, int64_t j)
{
	double sum = 0;
	for (int64_t r = 0; r < p->k; r++)
		sum += (double)bf16_to_float(a[p->trans_a ? r * p->lda + i : i * p->lda + r]) *
		       bf16_to_float(b[p->trans_b ? j * p->ldb + r : r * p->ldb + j]);
	return (float)(p->alpha * sum);
}

/* Rows of c, and what is behind them. */
static void check_product(const struct tiles_product *p, const uint16_t *a, const uint16_t *b,
			  const void *c)
{
	for (int64_t i = 0; i < p->m; i++)
		for (int64_t j = 0; j < p->ldc; j++) {
			int64_t at = i * p->ldc + j;
			float got = p->wide ? ((const float *)c)[at]
					    : bf16_to_float(((const uint16_t *)c)[at]);
			float expected = j < p->n ? product_element(p, a, b, i, j) : 7;
			if (!p->wide)
				expected = bf16_to_float(float_to_bf16(expected));
			if (got != expected)
				fail_msg("[%d, %d, %d] %d%d%d: c[%d, %d] is %g, not %g", (int)p->m,
					 (int)p->n, (int)p->k, p->trans_a, p->trans_b, p->wide,
					 (int)i, (int)j, (double)got, (double)expected);
		}
}

static void test_products(void **state)
{
	static const int64_t sizes[][3] = { { 1, 1, 1 },    { 32, 32, 32 },  { 33, 16, 65 },
					    { 70, 17, 31 }, { 19, 197, 64 }, { 100, 48, 197 } };
	(void)state;
	uint32_t seed = 1;
	for (unsigned i = 0; tiles_available() && i < ARRAY_SIZE(sizes); i++)
		for (int form = 0; form < 8; form++) {
			struct arena arena;
			arena_init(&arena);
			struct tiles_product p = { .trans_a = form & 1 };
			p.trans_b = form & 2;
			p.wide = form & 4;
			p.m = sizes[i][0];
			p.n = sizes[i][1];
			p.k = sizes[i][2];
			p.alpha = form & 1 ? 0.5f : 1;
			p.lda = (p.trans_a ? p.m : p.k) + GAP;
			p.ldb = (p.trans_b ? p.k : p.n) + GAP;
			p.ldc = p.n + GAP;
			const uint16_t *a = numbers(&arena, (p.trans_a ? p.k : p.m) * p.lda, &seed);
			const uint16_t *b = numbers(&arena, (p.trans_b ? p.n : p.k) * p.ldb, &seed);
			float *c = arena_alloc(&arena, (size_t)(p.m * p.ldc) * sizeof *c);
			for (int64_t k = 0; k < p.m * p.ldc; k++)
				if (p.wide)
					c[k] = 7;
				else
					((uint16_t *)c)[k] = float_to_bf16(7);
			size_t bytes = (tiles_product_workspace(&p) + 63) / 64 * 64;
			void *workspace = aligned_alloc(64, bytes);
			memset(workspace, 0xff, bytes);
			tiles_product_run(&p, a, b, c, workspace);
			check_product(&p, a, b, c);
			free(workspace);
			arena_release(&arena);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sums),
					    cmocka_unit_test(test_products) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
