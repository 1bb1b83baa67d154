/*
 * gemm.c - a matrix product of float32 (see gemm.h). For each slice of at most DEPTH of the k
 * products that make up an element:
 *
 * 1. alpha b' is copied to strips of STRIP columns, [strip][k][STRIP], and a' to panels of ROWS rows,
 *    [panel][ROWS][k] or, where it is stored transposed, [panel][k][ROWS];
 * 2. c is cut into tiles, which the threads take as they come. In a tile each strip of b', which
 *    then stays in the first-level cache, meets all panels of a', which stay in the second-level one;
 * 3. where strip and panel meet, ROWS x STRIP sums are held in registers.
 *
 * What the last strip and panel lack is zeros.
 */
#include "backend/cpu/gemm.h"
#include "backend/cpu/simd.h"

#include <string.h>

enum {
	ROWS = 6, /* with two vectors of STRIP, their sums fill the registers of AVX2 */
	STRIP = 16,
	DEPTH = 384, /* a strip of b' takes 24 KiB of the first-level cache */
	TILE_ROWS = 96,
	TILE_COLUMNS = 128,
	LANES = 8,
};

typedef float vector __attribute__((vector_size(LANES * sizeof(float))));
typedef vector vector_at __attribute__((aligned(4), may_alias)); /* anywhere in memory */

static int64_t round_up(int64_t n, int64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Slices of one size, as nearly as can be. */
static int64_t depth_of(int64_t k)
{
	int64_t slices = (k + DEPTH - 1) / DEPTH;
	return (k + slices - 1) / slices;
}

/* ---- sums in registers ---- */

/* Rows of a' begin `row` apart, their elements are `next` apart; b is a strip. */
struct panel {
	const float *a;
	int64_t row, next, depth;
	const float *b;
};

#define ROW(i, at)                                                                                 \
	{                                                                                          \
		float x = (at);                                                                    \
		vector all = { x, x, x, x, x, x, x, x };                                           \
		left##i += all * b0;                                                               \
		right##i += all * b1;                                                              \
	}
#define FINISH(i)                                                                                  \
	{                                                                                          \
		vector_at *to = (vector_at *)(c + i * ldc);                                        \
		if (add) {                                                                         \
			left##i += to[0];                                                          \
			right##i += to[1];                                                         \
		}                                                                                  \
		to[0] = left##i;                                                                   \
		to[1] = right##i;                                                                  \
	}

/* c[ROWS][STRIP] = the sums, or += them. Written out, so that none leaves its register. */
SIMD static void meet(const struct panel *p, float *c, int64_t ldc, bool add)
{
	vector left0 = { 0 }, left1 = { 0 }, left2 = { 0 }, left3 = { 0 }, left4 = { 0 },
	       left5 = { 0 }, right0 = { 0 }, right1 = { 0 }, right2 = { 0 }, right3 = { 0 },
	       right4 = { 0 }, right5 = { 0 };
	const float *a = p->a, *a3 = a + 3 * p->row, *b = p->b;
	const int64_t row = p->row, next = p->next;
	for (int64_t k = 0; k < p->depth; k++) {
		vector b0 = *(const vector_at *)b, b1 = *(const vector_at *)(b + LANES);
		ROW(0, a[0])
		ROW(1, a[row])
		ROW(2, a[2 * row])
		ROW(3, a3[0])
		ROW(4, a3[row])
		ROW(5, a3[2 * row])
		a += next;
		a3 += next;
		b += STRIP;
	}
	FINISH(0)
	FINISH(1)
	FINISH(2)
	FINISH(3)
	FINISH(4)
	FINISH(5)
}

/* The same for what is left of c at its edges: rows x columns of it. */
static void meet_edge(const struct panel *p, float *c, int64_t ldc, bool add, int64_t rows,
		      int64_t columns)
{
	float sums[ROWS * STRIP];
	meet(p, sums, STRIP, false);
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < columns; j++)
			c[i * ldc + j] = (add ? c[i * ldc + j] : 0) + sums[i * STRIP + j];
}

/* ---- copies ---- */

typedef int lanes __attribute__((vector_size(LANES * sizeof(int))));
#define MIX(a, b, ...) __builtin_shuffle(a, b, (lanes){ __VA_ARGS__ })

/* [LANES][LANES], rows `ld` apart, to its transpose with rows STRIP apart. */
SIMD_INLINE void transpose(float *restrict to, const float *restrict from, int64_t ld)
{
	vector x[LANES], y[LANES];
	for (int i = 0; i < LANES; i++)
		x[i] = *(const vector_at *)(from + i * ld);
	for (int i = 0; i < LANES; i += 2) { /* 2 x 2, in each half of a vector */
		y[i] = MIX(x[i], x[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
		y[i + 1] = MIX(x[i], x[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
	}
	for (int i = 0; i < LANES; i += 4)
		for (int j = 0; j < 2; j++) { /* 4 x 4 */
			x[i + 2 * j] = MIX(y[i + j], y[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
			x[i + 2 * j + 1] = MIX(y[i + j], y[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
		}
	for (int i = 0; i < LANES / 2; i++) { /* the halves */
		*(vector_at *)(to + i * STRIP) = MIX(x[i], x[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
		*(vector_at *)(to + (i + 4) * STRIP) = MIX(x[i], x[i + 4], 4, 5, 6, 7, 12, 13, 14,
							   15);
	}
}

/* A whole strip of a b' that is stored transposed: [STRIP][depth] to [depth][STRIP] */
SIMD static void copy_columns(float *to, const float *from, int64_t ld, int64_t depth)
{
	int64_t k = 0;
	for (; k + LANES <= depth; k += LANES) {
		transpose(to + k * STRIP, from + k, ld);
		transpose(to + k * STRIP + LANES, from + LANES * ld + k, ld);
	}
	for (; k < depth; k++)
		for (int j = 0; j < STRIP; j++)
			to[k * STRIP + j] = from[j * ld + k];
}

/* [depth][n] to [depth][width], zeros behind the n. */
SIMD_INLINE void copy_rows(float *restrict to, const float *restrict from, int64_t ld,
			   int64_t depth, int64_t n, const int width)
{
	if (n == width)
		for (int64_t k = 0; k < depth; k++)
			memcpy(to + k * width, from + k * ld, (size_t)width * sizeof *to);
	else
		for (int64_t k = 0; k < depth; k++)
			for (int64_t i = 0; i < width; i++)
				to[k * width + i] = i < n ? from[k * ld + i] : 0;
}

SIMD static void copy_strip_rows(float *to, const float *from, int64_t ld, int64_t depth, int64_t n)
{
	copy_rows(to, from, ld, depth, n, STRIP);
}

SIMD static void copy_panel_rows(float *to, const float *from, int64_t ld, int64_t depth, int64_t n)
{
	copy_rows(to, from, ld, depth, n, ROWS);
}

/* [n][depth] to [depth][width], zeros behind the n. */
static void copy_edge(float *to, const float *from, int64_t ld, int64_t depth, int64_t n, int width)
{
	for (int64_t k = 0; k < depth; k++)
		for (int64_t i = 0; i < width; i++)
			to[k * width + i] = i < n ? from[i * ld + k] : 0;
}

SIMD static void scale(float *x, int64_t n, float factor)
{
	for (int64_t i = 0; i < n; i++)
		x[i] *= factor;
}

/* ---- slices ---- */

/* Slice [first, first + depth) of the k; copies of its operands. */
struct slice {
	int64_t first, depth;
	float *a, *b;
};

static void copy_strip(const struct gemm *g, const struct slice *s, int64_t j)
{
	int64_t n = least(STRIP, g->n - j);
	float *to = s->b + j * s->depth;
	const float *from = g->trans_b ? g->b + j * g->ldb + s->first
				       : g->b + s->first * g->ldb + j;
	if (!g->trans_b)
		copy_strip_rows(to, from, g->ldb, s->depth, n);
	else if (n == STRIP)
		copy_columns(to, from, g->ldb, s->depth);
	else
		copy_edge(to, from, g->ldb, s->depth, n, STRIP);
	if (g->alpha != 1)
		scale(to, s->depth * STRIP, g->alpha);
}

/* The copy of the panel from row i. */
static float *panel_copy(const struct slice *s, int64_t i)
{
	return s->a + i * s->depth;
}

static bool panel_is_transposed(const struct gemm *g, int64_t i)
{
	return g->trans_a || g->m - i < ROWS;
}

static void copy_panel(const struct gemm *g, const struct slice *s, int64_t i)
{
	int64_t n = least(ROWS, g->m - i);
	float *to = panel_copy(s, i);
	if (g->trans_a) {
		copy_panel_rows(to, g->a + s->first * g->lda + i, g->lda, s->depth, n);
		return;
	}
	const float *from = g->a + i * g->lda + s->first;
	if (n < ROWS)
		copy_edge(to, from, g->lda, s->depth, n, ROWS);
	else
		for (int64_t r = 0; r < n; r++)
			memcpy(to + r * s->depth, from + r * g->lda, (size_t)s->depth * sizeof *to);
}

/* Asks for the place of the sums, early enough. */
static void fetch_result(const float *c, int64_t ldc)
{
	for (int64_t r = 0; r < ROWS; r++) {
		__builtin_prefetch(c + r * ldc, 1);
		__builtin_prefetch(c + r * ldc + STRIP - 1, 1);
	}
}

static void multiply(const struct gemm *g, const struct slice *s, int64_t i, int64_t j)
{
	int64_t rows = least(ROWS, g->m - i), columns = least(STRIP, g->n - j);
	float *c = g->c + i * g->ldc + j;
	bool transposed = panel_is_transposed(g, i);
	struct panel p = { .a = panel_copy(s, i),
			   .row = transposed ? 1 : s->depth,
			   .next = transposed ? ROWS : 1,
			   .depth = s->depth,
			   .b = s->b + j * s->depth };
	if (rows == ROWS)
		fetch_result(c, g->ldc);
	if (rows == ROWS && columns == STRIP)
		meet(&p, c, g->ldc, s->first > 0);
	else
		meet_edge(&p, c, g->ldc, s->first > 0, rows, columns);
}

static void multiply_tile(const struct gemm *g, const struct slice *s, int64_t i, int64_t j)
{
	int64_t end_i = least(i + TILE_ROWS, g->m), end_j = least(j + TILE_COLUMNS, g->n);
	for (int64_t strip = j; strip < end_j; strip += STRIP)
		for (int64_t panel = i; panel < end_i; panel += ROWS)
			multiply(g, s, panel, strip);
}

static size_t bytes_of_a(int64_t m, int64_t k)
{
	return (size_t)(round_up(m, ROWS) * round_up(depth_of(k), 16)) * sizeof(float);
}

size_t gemm_workspace(int64_t m, int64_t n, int64_t k)
{
	return bytes_of_a(m, k) +
	       (size_t)(round_up(n, STRIP) * round_up(depth_of(k), 16)) * sizeof(float);
}

void gemm_run(const struct gemm *g, void *workspace)
{
	float *b = (float *)((char *)workspace + bytes_of_a(g->m, g->k));
	int64_t depth = depth_of(g->k);
#pragma omp parallel if (g->m * g->n * g->k > 65536)
	for (int64_t first = 0; first < g->k; first += depth) {
		struct slice s = { first, least(depth, g->k - first), workspace, b };
#pragma omp for schedule(static) nowait
		for (int64_t i = 0; i < g->m; i += ROWS)
			copy_panel(g, &s, i);
#pragma omp for schedule(static)
		for (int64_t j = 0; j < g->n; j += STRIP)
			copy_strip(g, &s, j);
#pragma omp for schedule(dynamic) collapse(2)
		for (int64_t i = 0; i < g->m; i += TILE_ROWS)
			for (int64_t j = 0; j < g->n; j += TILE_COLUMNS)
				multiply_tile(g, &s, i, j);
	}
}
