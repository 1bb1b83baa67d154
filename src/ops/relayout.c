/*
 * relayout.c - Relayout: the identity between two layouts of the same tensor. The layout pass puts
 * it where a kernel wants another order of the axes in memory than the value has; which, the
 * values say. The reference sees plain layouts alone, so it copies.
 */
#include "ops/op.h"

static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_relayout = {
	.domain = "onnxtune",
	.name = "Relayout",
	.since = 1,
	.in = in,
	.out = out,
	.infer = infer_same,
	.ref = ref_view,
};
