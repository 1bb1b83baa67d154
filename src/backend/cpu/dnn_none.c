/*
 * dnn_none.c - dnn.h in a build without oneDNN: nothing of it, but a matrix product in plain C that
 * the kernels built on one can live with. Rows of c are divided among threads; a strip of b as wide
 * as a few vectors stays in the first-level cache while it meets all of them.
 */
#include "backend/cpu/dnn.h"

#ifndef HAVE_ONEDNN
#include "backend/cpu/simd.h"

#include <stddef.h>

#define STRIP 16  /* columns of c at once: with ROWS, what registers hold */
#define DEPTH 128 /* products that are summed at once */
#define ROWS 4    /* rows of c that share what is read of b */

enum status dnn_open(struct dnn **out, struct error *err)
{
	(void)err;
	*out = NULL;
	return OK;
}

void dnn_close(struct dnn *dnn)
{
	(void)dnn;
}

bool dnn_supports(enum dtype dtype)
{
	(void)dtype;
	return false;
}

bool dnn_wide(void)
{
	return false;
}

bool dnn_batch_reduces(void)
{
	return false;
}

enum status dnn_conv_new(struct dnn *dnn, const struct dnn_conv *conv, struct dnn_op **out,
			 struct error *err)
{
	(void)dnn, (void)conv, (void)out;
	return fail(err, ERR_UNSUPPORTED, "built without oneDNN");
}

enum status dnn_matmul_new(struct dnn *dnn, const struct dnn_matmul *matmul, struct dnn_op **out,
			   struct error *err)
{
	(void)dnn, (void)matmul, (void)out;
	return fail(err, ERR_UNSUPPORTED, "built without oneDNN");
}

void dnn_op_free(struct dnn_op *op)
{
	(void)op;
}

size_t dnn_op_workspace(const struct dnn_op *op)
{
	(void)op;
	return 0;
}

const char *dnn_op_name(const struct dnn_op *op)
{
	(void)op;
	return "";
}

enum status dnn_op_run(struct dnn_op *op, void *const *data, void *workspace)
{
	(void)op, (void)data, (void)workspace;
	return ERR_INTERNAL;
}

/* c[0..rows) += a b for one strip: a [rows][depth], b [depth][STRIP], both packed */
SIMD_INLINE void add_rows(float *c, int64_t ldc, const float *a, const float *b, int64_t depth,
			  int64_t n, const int rows)
{
	float sum[ROWS][STRIP] = { { 0 } };
	for (int64_t k = 0; k < depth; k++)
		for (int r = 0; r < rows; r++)
			for (int j = 0; j < STRIP; j++)
				sum[r][j] += a[r * DEPTH + k] * b[k * STRIP + j];
	for (int r = 0; r < rows; r++)
		for (int64_t j = 0; j < n; j++)
			c[r * ldc + j] += sum[r][j];
}

SIMD static void add_strip(float *c, int64_t ldc, const float *a, const float *b, int64_t depth,
			   int64_t n, int64_t rows)
{
	if (rows == ROWS)
		add_rows(c, ldc, a, b, depth, n, ROWS);
	else
		for (int64_t r = 0; r < rows; r++)
			add_rows(c + r * ldc, ldc, a + r * DEPTH, b, depth, n, 1);
}

/* The rows [first, last) of c. */
static void multiply(const struct dnn_gemm *g, int64_t first, int64_t last)
{
	float a[ROWS * DEPTH], b[DEPTH * STRIP];
	int64_t a_row = g->trans_a ? 1 : g->lda, a_column = g->trans_a ? g->lda : 1;
	int64_t b_row = g->trans_b ? 1 : g->ldb, b_column = g->trans_b ? g->ldb : 1;
	for (int64_t i = first; i < last; i++)
		for (int64_t j = 0; j < g->n; j++)
			g->c[i * g->ldc + j] = g->beta == 0 ? 0 : g->c[i * g->ldc + j] * g->beta;
	for (int64_t k = 0; k < g->k; k += DEPTH)
		for (int64_t j = 0; j < g->n; j += STRIP) {
			int64_t depth = g->k - k < DEPTH ? g->k - k : DEPTH;
			int64_t n = g->n - j < STRIP ? g->n - j : STRIP;
			for (int64_t p = 0; p < depth; p++)
				for (int64_t q = 0; q < STRIP; q++)
					b[p * STRIP + q] =
						q < n ? g->b[(k + p) * b_row + (j + q) * b_column]
						      : 0;
			for (int64_t i = first; i < last; i += ROWS) {
				int64_t rows = last - i < ROWS ? last - i : ROWS;
				for (int64_t r = 0; r < rows; r++)
					for (int64_t p = 0; p < depth; p++)
						a[r * DEPTH + p] =
							g->a[(i + r) * a_row + (k + p) * a_column];
				add_strip(g->c + i * g->ldc + j, g->ldc, a, b, depth, n, rows);
			}
		}
}

enum status dnn_gemm(const struct dnn_gemm *g)
{
	int64_t part = 32; /* rows: packing b must pay */
#pragma omp parallel for schedule(static)
	for (int64_t i = 0; i < g->m; i += part)
		multiply(g, i, i + part < g->m ? i + part : g->m);
	return OK;
}

#endif
