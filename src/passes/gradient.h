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

/*
 * dx[k] (0 when no gradient reaches x[k]) has the shape of x[k]. Its type is that of x[k], or, when
 * `wide`, at least float32: contractions and reductions then form and write the sum in float32
 * instead of rounding it to the type of their inputs.
 *
 * A node without a gradient rule that a gradient must pass adds to problems (all of them are
 * found) and the result is ERR_UNSUPPORTED..
 */
enum status MUST_CHECK gradient_build(struct builder *b, const uint32_t *y, const uint32_t *dy,
				      uint32_t n_y, const uint32_t *x, uint32_t n_x, bool wide,
				      uint32_t *dx, struct problems *problems);

#endif
