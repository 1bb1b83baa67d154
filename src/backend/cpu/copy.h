/*
 * copy.h - one strided copy for all operators that move elements: transpositions, slices, broadcasts,
 * parts of a whole. Elements are of 1, 2, 4 or 8 bytes.
 */
#ifndef ONNXTUNE_BACKEND_CPU_COPY_H
#define ONNXTUNE_BACKEND_CPU_COPY_H

#include "backend/cpu/loop.h"

/* dst[at_dst + i . strides of operand 0] = src[at_src + i . strides of operand 1] */
struct copy {
	struct loop loop;
	int64_t at_dst, at_src; /* in elements */
	unsigned size;          /* of an element, in bytes */
	bool tiled;             /* the two innermost axes are transposed */
};

/* From a loop with two operands in any order of axes. Strides of src may be 0 or negative. */
struct copy copy_prepare(const struct loop *loop, enum dtype dtype, int64_t at_dst, int64_t at_src);

/* Runs on all threads. dst and src must not overlap. */
void copy_run(const struct copy *copy, void *dst, const void *src);

/* n elements, each the one at `value`. */
void copy_fill(void *dst, int64_t n, const void *value, unsigned size);

#endif
