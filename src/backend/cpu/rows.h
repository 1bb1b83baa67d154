/*
 * rows.h - operators that treat a tensor as rows along one axis, each for itself: softmax, losses.
 * The driver gives every row as contiguous float32: where the axis is the innermost one and the
 * type float32, in place, else gathered and converted in the workspace, 16 rows at a time.
 */
#ifndef ONNXTUNE_BACKEND_CPU_ROWS_H
#define ONNXTUNE_BACKEND_CPU_ROWS_H

#include "backend/cpu/cpu.h"

#define ROWS_INPUTS 2

/* Rows of n elements, `inner` apart, in each of `outer` blocks; row i is in block i / inner. */
struct rows {
	int64_t outer, n, inner;
	int inputs;
	enum dtype in[ROWS_INPUTS], out; /* f32, f16 or bf16; out DT_NONE: there is no output */
	int64_t slots;                   /* parts that may run at the same time */
};

/* The rows along an axis of a dense tensor. */
struct rows rows_along(const struct op_operand *x, int axis);

/* Says what is read and written, and how costly an element is (1: a sum, 8: an exponential). */
void rows_operands(struct rows *rows, const struct device *device, int inputs,
		   const struct op_operand *in, enum dtype out, int64_t cost);

size_t rows_workspace(const struct rows *rows);

/* Computes row `row` of y (NULL without output) from the rows of x. y may be one of them. */
typedef void rows_fn(const void *ctx, int64_t row, const float *const *x, float *y, int64_t n);
void rows_run(const struct rows *rows, void *const *in, void *out, void *workspace, rows_fn *f,
	      const void *ctx);

#endif
