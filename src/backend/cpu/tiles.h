/*
 * tiles.h - gradients of weights from bfloat16 rows, in the tiles of AMX:
 *
 *	c[i, t, j] = sum over rows r of a[r, i] b[row(t, r), j]
 *
 * With one tap t this is c = a^T b, the gradient of a matrix product's weights. The taps of a convolution
 * meet other rows of b at the same rows of a. Products are exact, sums are formed in float32 in an order
 * that depends on the number of rows alone.
 */
#ifndef ONNXTUNE_BACKEND_CPU_TILES_H
#define ONNXTUNE_BACKEND_CPU_TILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tiles {
	int64_t m, n, taps;     /* 1 or more */
	int64_t samples, plane; /* rows of a: so many planes of so many */
	int64_t plane_b;        /* rows of b in a sample */
	const int32_t
		*row; /* [taps][plane]: row within the sample of b; -1: zeros. NULL: the same */
	int threads;
};

/* Whether this machine has such tiles, and lets the process use them. */
bool tiles_available(void);

/* Bytes that a run needs. */
size_t tiles_workspace(const struct tiles *t);

/* a [rows, m] and b [rows, n] without gaps; rows of c are taps * n long. The workspace is aligned to 64
 * bytes. */
void tiles_run(const struct tiles *t, const uint16_t *a, const uint16_t *b, float *c,
	       void *workspace);

#endif
