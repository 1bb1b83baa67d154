/*
 * strided_matmul.h - what StridedMatMul's kernels and the pass that makes it read of its attributes.
 */
#ifndef ONNXTUNE_OPS_STRIDED_MATMUL_H
#define ONNXTUNE_OPS_STRIDED_MATMUL_H

#include "ops/op.h"

/*
 * Strides of a', b' and y' (see strided_matmul.c) in the memory of a, b and y, in elements; the
 * last two axes are those of the matrices. ERR_INPUT when a permutation is none.
 */
struct strided_matmul {
	struct shape a, b, y; /* of a', b', y' */
	int64_t stride_a[SHAPE_MAX_RANK], stride_b[SHAPE_MAX_RANK], stride_y[SHAPE_MAX_RANK];
};
enum status MUST_CHECK strided_matmul_read(const struct node *node, const struct shape *a,
					   const struct shape *b, struct strided_matmul *out,
					   struct error *err);

#endif
