/*
 * gemm.c - a matrix product of float32 (see gemm.h). For each slice of at most `depth` of the k
 * products that make up an element:
 *
 * 1. alpha b' is copied to strips of `strip` columns, [strip][k][columns], and a' to panels of `rows`
 *    rows, [panel][row][k] or, where it is stored transposed, [panel][k][row];
 * 2. c is cut into tiles, which the threads take as they come. In a tile each strip of b' meets all
 *    panels of a'; both stay in the first two levels of the cache;
 * 3. where strip and panel meet, rows x strip sums are held in registers.
 *
 * What the last strip and panel lack is zeros.
 */
#include "backend/cpu/gemm.h"
#include "backend/cpu/simd.h"

#include <string.h>

enum {
	ROWS = 6, /* with two vectors of STRIP, their sums fill the registers of AVX2 */
	STRIP = 16,
	WIDE_ROWS = 12, /* and of AVX-512 */
	WIDE_STRIP = 32,
	TILE_ROWS = 96,
	TILE_COLUMNS = 128,
	LANES = 8,
	LINE = 16, /* elements in a line of the cache */
};

typedef float vector __attribute__((vector_size(LANES * sizeof(float))));
typedef vector vector_at __attribute__((aligned(4), may_alias)); /* anywhere in memory */
typedef float wide __attribute__((vector_size(2 * LANES * sizeof(float))));
typedef wide wide_at __attribute__((aligned(4), may_alias));

static int64_t round_up(int64_t n, int64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- sums in registers ---- */

/* Rows of a' begin `row` apart, their elements are `next` apart; b is a strip. */
struct panel {
	const float *a;
	int64_t row, next, depth;
	const float *b;
};

#define DECLARE(T, i, base, n) T left##i = { 0 }, right##i = { 0 };
#define ADD(T, i, base, n)                                                                         \
	left##i += base[n * row] * b0;                                                             \
	right##i += base[n * row] * b1;
#define FINISH(T, i, base, n)                                                                      \
	{                                                                                          \
		T *to = (T *)(c + i * ldc);                                                        \
		if (add) {                                                                         \
			left##i += to[0];                                                          \
			right##i += to[1];                                                         \
		}                                                                                  \
		to[0] = left##i;                                                                   \
		to[1] = right##i;                                                                  \
	}
#define ROWS_OF(DO, T, a, i0, i1, i2) DO(T, i0, a, 0) DO(T, i1, a, 1) DO(T, i2, a, 2)
#define NARROW(DO, T) ROWS_OF(DO, T, a0, 0, 1, 2) ROWS_OF(DO, T, a1, 3, 4, 5)
#define WIDE(DO, T) NARROW(DO, T) ROWS_OF(DO, T, a2, 6, 7, 8) ROWS_OF(DO, T, a3, 9, 10, 11)

/* c[ROWS][STRIP] = the sums, or += them. Written out, so that none leaves its register. */
SIMD static void meet(const struct panel *p, float *c, int64_t ldc, bool add)
{
	const int64_t row = p->row, next = p->next;
	const float *a0 = p->a, *a1 = a0 + 3 * row, *b = p->b;
	NARROW(DECLARE, vector)
	for (int64_t k = 0; k < p->depth; k++) {
		vector b0 = *(const vector_at *)b, b1 = *(const vector_at *)(b + LANES);
		NARROW(ADD, vector)
		a0 += next;
		a1 += next;
		b += STRIP;
	}
	NARROW(FINISH, vector_at)
}

/* c[WIDE_ROWS][WIDE_STRIP] */
SIMD static void meet_wide(const struct panel *p, float *c, int64_t ldc, bool add)
{
	const int64_t row = p->row, next = p->next;
	const float *a0 = p->a, *a1 = a0 + 3 * row, *a2 = a1 + 3 * row, *a3 = a2 + 3 * row;
	const float *b = p->b;
	WIDE(DECLARE, wide)
	for (int64_t k = 0; k < p->depth; k++) {
		wide b0 = *(const wide_at *)b, b1 = *(const wide_at *)(b + 2 * LANES);
		WIDE(ADD, wide)
		a0 += next;
		a1 += next;
		a2 += next;
		a3 += next;
		b += WIDE_STRIP;
	}
	WIDE(FINISH, wide_at)
}

/* ---- copies ---- */

typedef int lanes __attribute__((vector_size(LANES * sizeof(int))));
#define MIX(a, b, ...) __builtin_shuffle(a, b, (lanes){ __VA_ARGS__ })

/* [LANES][LANES], rows `ld` apart, to its transpose with rows `strip` apart. */
SIMD_INLINE void transpose(float *restrict to, int strip, const float *restrict from, int64_t ld)
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
		*(vector_at *)(to + i * strip) = MIX(x[i], x[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
		*(vector_at *)(to + (i + 4) * strip) = MIX(x[i], x[i + 4], 4, 5, 6, 7, 12, 13, 14,
							   15);
	}
}

/* A whole strip of a b' that is stored transposed: [strip][depth] to [depth][strip] */
SIMD static void copy_columns(float *to, int strip, const float *from, int64_t ld, int64_t depth)
{
	int64_t k = 0;
	for (; k + LANES <= depth; k += LANES)
		for (int j = 0; j < strip; j += LANES)
			transpose(to + k * strip + j, strip, from + j * ld + k, ld);
	for (; k < depth; k++)
		for (int j = 0; j < strip; j++)
			to[k * strip + j] = from[j * ld + k];
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

SIMD static void copy_6(float *to, const float *from, int64_t ld, int64_t depth, int64_t n)
{
	copy_rows(to, from, ld, depth, n, 6);
}

SIMD static void copy_12(float *to, const float *from, int64_t ld, int64_t depth, int64_t n)
{
	copy_rows(to, from, ld, depth, n, 12);
}

SIMD static void copy_16(float *to, const float *from, int64_t ld, int64_t depth, int64_t n)
{
	copy_rows(to, from, ld, depth, n, 16);
}

SIMD static void copy_32(float *to, const float *from, int64_t ld, int64_t depth, int64_t n)
{
	copy_rows(to, from, ld, depth, n, 32);
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

/* ---- tiles ---- */

struct tile {
	int rows, strip;
	int64_t depth; /* of a slice, at most */
	void (*meet)(const struct panel *p, float *c, int64_t ldc, bool add);
	void (*copy_panel)(float *to, const float *from, int64_t ld, int64_t depth, int64_t n);
	void (*copy_strip)(float *to, const float *from, int64_t ld, int64_t depth, int64_t n);
};

static const struct tile *tile_of(const struct gemm *g)
{
	static const struct tile narrow = { ROWS, STRIP, 384, meet, copy_6, copy_16 };
	static const struct tile wide = { WIDE_ROWS, WIDE_STRIP, 320, meet_wide, copy_12, copy_32 };
	return g->tile == GEMM_WIDE || (g->tile == GEMM_BEST && simd_wide()) ? &wide : &narrow;
}

/* Slices of one size, as nearly as can be. */
static int64_t depth_of(const struct tile *tile, int64_t k)
{
	int64_t slices = (k + tile->depth - 1) / tile->depth;
	return (k + slices - 1) / slices;
}

/* Where strip and panel meet at the edges of c: rows x columns of it. */
SIMD static void meet_edge(const struct tile *tile, const struct panel *p, float *c, int64_t ldc,
			   bool add, int64_t rows, int64_t columns)
{
	float sums[WIDE_ROWS * WIDE_STRIP];
	tile->meet(p, sums, tile->strip, false);
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < columns; j++)
			c[i * ldc + j] = (add ? c[i * ldc + j] : 0) + sums[i * tile->strip + j];
}

/* ---- slices ---- */

/* Slice [first, first + depth) of the k; copies of its operands. */
struct slice {
	const struct tile *tile;
	int64_t first, depth;
	float *a, *b;
};

static void copy_strip(const struct gemm *g, const struct slice *s, int64_t j)
{
	const int width = s->tile->strip;
	int64_t n = least(width, g->n - j);
	float *to = s->b + j * s->depth;
	const float *from = g->trans_b ? g->b + j * g->ldb + s->first
				       : g->b + s->first * g->ldb + j;
	if (!g->trans_b)
		s->tile->copy_strip(to, from, g->ldb, s->depth, n);
	else if (n == width)
		copy_columns(to, width, from, g->ldb, s->depth);
	else
		copy_edge(to, from, g->ldb, s->depth, n, width);
	if (g->alpha != 1)
		scale(to, s->depth * width, g->alpha);
}

/* The copy of the panel from row i. */
static float *panel_copy(const struct slice *s, int64_t i)
{
	return s->a + i * s->depth;
}

static bool panel_is_transposed(const struct gemm *g, const struct slice *s, int64_t i)
{
	return g->trans_a || g->m - i < s->tile->rows;
}

static void copy_panel(const struct gemm *g, const struct slice *s, int64_t i)
{
	const int rows = s->tile->rows;
	int64_t n = least(rows, g->m - i);
	float *to = panel_copy(s, i);
	if (g->trans_a) {
		s->tile->copy_panel(to, g->a + s->first * g->lda + i, g->lda, s->depth, n);
		return;
	}
	const float *from = g->a + i * g->lda + s->first;
	if (n < rows)
		copy_edge(to, from, g->lda, s->depth, n, rows);
	else
		for (int64_t r = 0; r < n; r++)
			memcpy(to + r * s->depth, from + r * g->lda, (size_t)s->depth * sizeof *to);
}

/* Asks for the place of the sums, early enough. */
static void fetch_result(const struct tile *tile, const float *c, int64_t ldc)
{
	for (int64_t r = 0; r < tile->rows; r++)
		for (int j = 0; j < tile->strip; j += LINE)
			__builtin_prefetch(c + r * ldc + j, 1);
}

static void multiply(const struct gemm *g, const struct slice *s, int64_t i, int64_t j)
{
	const struct tile *tile = s->tile;
	int64_t rows = least(tile->rows, g->m - i), columns = least(tile->strip, g->n - j);
	float *c = g->c + i * g->ldc + j;
	bool transposed = panel_is_transposed(g, s, i);
	struct panel p = { .a = panel_copy(s, i),
			   .row = transposed ? 1 : s->depth,
			   .next = transposed ? tile->rows : 1,
			   .depth = s->depth,
			   .b = s->b + j * s->depth };
	if (rows == tile->rows)
		fetch_result(tile, c, g->ldc);
	if (rows == tile->rows && columns == tile->strip)
		tile->meet(&p, c, g->ldc, s->first > 0);
	else
		meet_edge(tile, &p, c, g->ldc, s->first > 0, rows, columns);
}

static void multiply_tile(const struct gemm *g, const struct slice *s, int64_t i, int64_t j)
{
	int64_t end_i = least(i + TILE_ROWS, g->m), end_j = least(j + TILE_COLUMNS, g->n);
	for (int64_t strip = j; strip < end_j; strip += s->tile->strip)
		for (int64_t panel = i; panel < end_i; panel += s->tile->rows)
			multiply(g, s, panel, strip);
}

static size_t bytes_of(int64_t n, int unit, int64_t depth)
{
	return (size_t)(round_up(n, unit) * round_up(depth, LINE)) * sizeof(float);
}

size_t gemm_workspace(const struct gemm *g)
{
	const struct tile *tile = tile_of(g);
	int64_t depth = depth_of(tile, g->k);
	return bytes_of(g->m, tile->rows, depth) + bytes_of(g->n, tile->strip, depth);
}

void gemm_run(const struct gemm *g, void *workspace)
{
	const struct tile *tile = tile_of(g);
	int64_t depth = depth_of(tile, g->k);
	float *b = (float *)((char *)workspace + bytes_of(g->m, tile->rows, depth));
#pragma omp parallel if (g->m * g->n * g->k > 65536)
	for (int64_t first = 0; first < g->k; first += depth) {
		struct slice s = { tile, first, least(depth, g->k - first), workspace, b };
#pragma omp for schedule(static) nowait
		for (int64_t i = 0; i < g->m; i += tile->rows)
			copy_panel(g, &s, i);
#pragma omp for schedule(static)
		for (int64_t j = 0; j < g->n; j += tile->strip)
			copy_strip(g, &s, j);
#pragma omp for schedule(dynamic) collapse(2)
		for (int64_t i = 0; i < g->m; i += TILE_ROWS)
			for (int64_t j = 0; j < g->n; j += TILE_COLUMNS)
				multiply_tile(g, &s, i, j);
	}
}
