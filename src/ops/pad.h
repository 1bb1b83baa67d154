/*
 * pad.h - what Pad adds to each axis and takes for it, for its kernels.
 */
#ifndef ONNXTUNE_OPS_PAD_H
#define ONNXTUNE_OPS_PAD_H

#include "ops/op.h"

enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP, PAD_MODE_COUNT };

/* The attribute `mode`; PAD_MODE_COUNT: not known. */
enum pad_mode pad_mode(const struct node *node);

/*
 * Pads before and after each axis of x, from input 1 (begins, then ends) for the axes that input
 * `axes_input` names, all when it is absent. Negative ones take elements away.
 */
enum status MUST_CHECK pad_sizes(struct op_io *io, const struct shape *x, uint32_t axes_input,
				 int64_t begin[SHAPE_MAX_RANK], int64_t end[SHAPE_MAX_RANK]);

/* The element of an axis of size n that stands at position i, which may be outside; -1: none, the
 * constant. */
int64_t pad_source(enum pad_mode mode, int64_t i, int64_t n);

#endif
