/*
 * gemm.h - a matrix product of float32 in loops of our own.
 *
 *	c = alpha a' b'	with a' [m, k], b' [k, n], c [m, n]
 *
 * Matrices are row-major with a leading dimension, in elements; a (b) is stored transposed where
 * trans_a (trans_b) says so. Sums are formed in an order that depends on k alone, so results depend
 * neither on the number of threads nor on the shape around an element.
 *
 * After Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008). Large products
 * take up to a tenth more time than oneDNN's with AVX2, and a fifth more with AVX-512; it is for matrices
 * that lie in pieces of a tensor, which are copied by it anyway, so that nothing has to be permuted
 * before and after.
 */
#ifndef ONNXTUNE_BACKEND_CPU_GEMM_H
#define ONNXTUNE_BACKEND_CPU_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many sums are held in registers at a time: those of AVX-512 hold more. */
enum gemm_tile { GEMM_BEST, GEMM_NARROW, GEMM_WIDE };

struct gemm {
	bool trans_a, trans_b;
	int64_t m, n, k; /* 1 or more */
	const float *a, *b;
	float *c;
	int64_t lda, ldb, ldc;
	float alpha;
	enum gemm_tile tile; /* both run on every machine; tests choose */
};

/* Bytes that a run needs. */
size_t gemm_workspace(const struct gemm *g);

/* Uses all threads, or that of the caller inside of a parallel region. The workspace is aligned to
 * 64 bytes. */
void gemm_run(const struct gemm *g, void *workspace);

#endif
