/*
 * fused_body.h - for backends: the body of a Fused node (ops/fused.c), its space and its sums.
 */
#ifndef ONNXTUNE_BACKEND_FUSED_BODY_H
#define ONNXTUNE_BACKEND_FUSED_BODY_H

#include "ops/target.h"

const struct graph *fused_body(const struct op_call *call);

/* The shape that a body computes in. */
const struct shape *fused_space(const struct graph *body);

/* The ReduceSum that makes an output of a body, perhaps with a Cast after it; NULL: none. */
const struct node *fused_sum(const struct graph *body, uint32_t id);

/* The shape that a ReduceSum keeps, its axes as 1; false when they are not known. */
bool fused_sum_shape(const struct op_call *call, struct shape *kept);

/* propose: the layout of the full-size inputs, channels-last if any is; sums are plain. */
void fused_propose(const struct op_call *call, enum layout *in, enum layout *out);

/* The layout of the outputs that are not sums; false when they don't agree, or a sum isn't plain. */
bool fused_layout(const struct op_call *call, enum layout *layout);

#endif
