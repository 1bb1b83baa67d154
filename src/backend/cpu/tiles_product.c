/*
 * tiles_product.c - a small product of bfloat16 in the tiles of AMX, on one thread (see tiles.h and
 * tile_parts.h): b' is copied to panels of columns, then a' panel by panel of its rows, each of which
 * meets all of b'. What last panels lack is zeros.
 */
#include "backend/cpu/tiles.h"

#if defined(__x86_64__) && defined(__linux__)
#include "backend/cpu/tile_parts.h"

#include <string.h>

static int64_t blocks_of(const struct tiles_product *p)
{
	return (p->k + ROWS - 1) / ROWS;
}

size_t tiles_product_workspace(const struct tiles_product *p)
{
	return (size_t)((panels_of(p->n) + 1) * blocks_of(p) * BLOCK) * sizeof(uint16_t);
}

/* One side of the product: k rows of n columns, stored so or transposed. */
struct side {
	const uint16_t *x;
	int64_t ld, n, k;
	bool transposed, left; /* `left`: to tiles of columns, otherwise of pairs of rows */
};

/* The panel from column i. */
AMX static void copy_panel(const struct side *s, int64_t i, uint16_t *to)
{
	for (int64_t r = 0; r < s->k; r += ROWS, to += BLOCK) {
		const uint16_t *line[ROWS];
		const int64_t lines = s->transposed ? s->n - i : s->k - r;
		const uint16_t *first = s->transposed ? s->x + i * s->ld + r : s->x + r * s->ld + i;
		for (int64_t l = 0; l < ROWS; l++)
			line[l] = l < lines ? first + l * s->ld : tile_zeros;
		if (s->transposed && s->left)
			tile_copy_columns(line, columns_of(s->k - r), false, to);
		else if (s->transposed)
			tile_copy_columns(line, columns_of(s->k - r), true, to);
		else if (s->left)
			tile_copy_block(line, columns_of(s->n - i), true, to);
		else
			tile_copy_block(line, columns_of(s->n - i), false, to);
	}
}

/* rows x columns of a block of sums times alpha. */
AMX static void write_sums(const float *sums, float alpha, int64_t rows, int64_t columns, bool wide,
			   void *c, int64_t at, int64_t ldc)
{
	const __mmask16 left = (__mmask16)columns_of(columns);
	const __mmask16 right = (__mmask16)(columns_of(columns) >> TILE);
	const __m512 factor = _mm512_set1_ps(alpha);
	for (int64_t i = 0; i < rows; i++, sums += PANEL, at += ldc) {
		__m512 x = _mm512_mul_ps(_mm512_loadu_ps(sums), factor);
		__m512 y = _mm512_mul_ps(_mm512_loadu_ps(sums + TILE), factor);
		if (wide) {
			_mm512_mask_storeu_ps((float *)c + at, left, x);
			_mm512_mask_storeu_ps((float *)c + at + TILE, right, y);
		} else {
			_mm512_mask_storeu_epi16((uint16_t *)c + at, columns_of(columns),
						 (__m512i)_mm512_cvtne2ps_pbh(y, x));
		}
	}
}

void tiles_product_run(const struct tiles_product *p, const uint16_t *a, const uint16_t *b, void *c,
		       void *workspace)
{
	const int64_t blocks = blocks_of(p), across = panels_of(p->n);
	const struct side left = { a, p->lda, p->m, p->k, !p->trans_a, true };
	const struct side right = { b, p->ldb, p->n, p->k, p->trans_b, false };
	uint16_t *of_b = workspace, *of_a = of_b + across * blocks * BLOCK;
	_Alignas(64) float sums[PANEL * PANEL];
	for (int64_t j = 0; j < across; j++)
		copy_panel(&right, j * PANEL, of_b + j * blocks * BLOCK);
	tile_begin();
	for (int64_t i = 0; i < p->m; i += PANEL) {
		copy_panel(&left, i, of_a);
		for (int64_t j = 0; j < across; j++) {
			int64_t rows = p->m - i, columns = p->n - j * PANEL;
			tile_meet(of_a, of_b + j * blocks * BLOCK, blocks, sums, PANEL, false);
			write_sums(sums, p->alpha, rows < PANEL ? rows : PANEL, columns, p->wide, c,
				   i * p->ldc + j * PANEL, p->ldc);
		}
	}
	tile_end();
}

#else

size_t tiles_product_workspace(const struct tiles_product *p)
{
	(void)p;
	return 0;
}

void tiles_product_run(const struct tiles_product *p, const uint16_t *a, const uint16_t *b, void *c,
		       void *workspace)
{
	(void)p, (void)a, (void)b, (void)c, (void)workspace;
}

#endif
