/*
 * gradient.h - reverse-mode differentiation: appends the backward pass to a graph as more nodes.
 *
 * Given values y with gradients dy, finds dx = sum over y of dy * dy/dx for each x asked for. The
 * walk stops at the x: nothing before them is differentiated. Here, and nowhere else, gradients of
 * values with several readers are added and those of broadcast operands reduced.
 */
#ifndef ONNXTUNE_PASSES_GRADIENT_H
#define ONNXTUNE_PASSES_GRADIENT_H

#include "ops/build.h"

enum gradient_width {
	GRADIENT_AS_VALUES, /* each has the type of its value */
	/* Those of x have at least float32: contractions and reductions form and write the sum in
	 * float32 instead of rounding it to the type of their inputs. */
	GRADIENT_WIDE_ENDS,
	/* All have at least float32, and Casts to half precision are passed without rounding; only
	 * where a node computes in half precision its gradient is rounded. */
	GRADIENT_WIDE,
};

/*
 * dx[k] (0 when no gradient reaches x[k]) has the shape of x[k].
 *
 * A node without a gradient rule that a gradient must pass adds to problems (all of them are
 * found) and the result is ERR_UNSUPPORTED.
 */
enum status MUST_CHECK gradient_build(struct builder *b, const uint32_t *y, const uint32_t *dy,
				      uint32_t n_y, const uint32_t *x, uint32_t n_x,
				      enum gradient_width width, uint32_t *dx,
				      struct problems *problems);

#endif
