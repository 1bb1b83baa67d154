/*
 * slice.h - what a Slice takes of its input, for its kernels.
 */
#ifndef ONNXTUNE_OPS_SLICE_H
#define ONNXTUNE_OPS_SLICE_H

#include "ops/op.h"

/* Along each axis the output reads start, start + step, ... of the input. */
struct slice_ranges {
	int64_t start[SHAPE_MAX_RANK], step[SHAPE_MAX_RANK];
	struct shape shape; /* of the output */
};

/* From the inputs of the newest Slice, whose content but for the first must be known. */
enum status MUST_CHECK slice_ranges(struct op_io *io, struct slice_ranges *out);

#endif
