/*
 * tiles.h - products of bfloat16 in the tiles of AMX: gradients of weights, and small products. Products
 * of two elements are exact, sums are formed in float32 in an order that depends on their number alone.
 * Workspaces are aligned to 64 bytes.
 */
#ifndef ONNXTUNE_BACKEND_CPU_TILES_H
#define ONNXTUNE_BACKEND_CPU_TILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether this machine has such tiles, and lets the process use them. */
bool tiles_available(void);

/*
 *	c[i, t, j] = sum over rows r of a[r, i] b[row(t, r), j]
 *
 * With one tap t this is c = a^T b, the gradient of a matrix product's weights. The taps of a convolution
 * meet other rows of b at the same rows of a.
 */
struct tiles {
	int64_t m, n, taps;     /* 1 or more */
	int64_t samples, plane; /* rows of a: so many planes of so many */
	int64_t plane_b;        /* rows of b in a sample */
	const int32_t *row; /* [taps][plane]: row in the sample of b, -1: zeros; NULL: the same */
	int threads;
};

/* Bytes that a run needs. */
size_t tiles_workspace(const struct tiles *t);

/* a [rows, m] and b [rows, n] without gaps; rows of c are taps * n long. */
void tiles_run(const struct tiles *t, const uint16_t *a, const uint16_t *b, float *c,
	       void *workspace);

/*
 *	c = alpha a' b'	with a' [m, k], b' [k, n], c [m, n]
 *
 * Row-major with a leading dimension, in elements; a (b) is stored transposed where trans_a (trans_b) says
 * so. c is bfloat16, or float32 where `wide`.
 */
struct tiles_product {
	bool trans_a, trans_b, wide;
	int64_t m, n, k; /* 1 or more */
	int64_t lda, ldb, ldc;
	float alpha;
};

/* Bytes that a run needs: copies of b and of a part of a. */
size_t tiles_product_workspace(const struct tiles_product *p);

/* Runs on the caller's thread. */
void tiles_product_run(const struct tiles_product *p, const uint16_t *a, const uint16_t *b, void *c,
		       void *workspace);

#endif
