/*
 * product.h - for backends: what MatMul, Gemm and StridedMatMul multiply, as one batched product of
 * matrices that lie anywhere in their tensors, one element of a row or of a column beside the other.
 */
#ifndef ONNXTUNE_BACKEND_PRODUCT_H
#define ONNXTUNE_BACKEND_PRODUCT_H

#include "backend/loop.h"

/* A matrix in memory; down and across are the strides of its rows and columns in elements. */
struct matrix {
	int64_t rows, columns, down, across;
};

/* Whether the elements of a row lie side by side: else those of a column do. */
static inline bool matrix_is_by_rows(const struct matrix *m)
{
	return m->across == 1 || m->columns == 1;
}

/* The stride between rows of a matrix by rows, between columns of one by columns. */
static inline int64_t matrix_step(const struct matrix *m)
{
	return matrix_is_by_rows(m) ? m->down : m->across;
}

/*
 * y = alpha a b + beta c for every index of the batch. y lies by rows; where the node's does not, this is
 * y^T = b^T a^T of the node and `turned` says that input 1 is a and input 0 is b.
 */
struct product {
	struct matrix y, a, b;
	struct loop batch; /* operands y, a, b; merged, one axis at least */
	bool turned;
	float alpha, beta;   /* beta 0: there is no c, which is input 2 of Gemm, without batch */
	int64_t c_stride[2]; /* down and across y */
	bool c_row;          /* c is one row of y's columns */
};

/* False when there is nothing to multiply, or when no row and no column of a matrix is dense. */
bool product_read(const struct op_call *call, struct product *out);

#endif
