/*
 * gather.h - how Gather and its kernels see their tensors: data [before, size, after], indices [n],
 * output [before, n, after].
 */
#ifndef ONNXTUNE_OPS_GATHER_H
#define ONNXTUNE_OPS_GATHER_H

#include "ops/op.h"

struct gather_sizes {
	int64_t before, size, after, n;
};

/* Of a Gather or GatherGrad whose axis was checked (infer): the shapes of data and indices. */
struct gather_sizes gather_sizes(const struct node *node, const struct shape *data,
				 const struct shape *indices);

#endif
