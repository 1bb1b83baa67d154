/*
 * layer_norm.h - for backends: LayerNormalization and LayerNormGrad as rows that lie side by side.
 */
#ifndef ONNXTUNE_BACKEND_LAYER_NORM_H
#define ONNXTUNE_BACKEND_LAYER_NORM_H

#include "backend/backend.h"

bool layer_norm_is_grad(const struct op_call *call);

/* Elements of x in a row, from `axis` on. */
int64_t layer_norm_row(const struct op_call *call);

/*
 * The part of supports (struct kernel) that all kernels have: plain layouts, types that has_type knows
 * (types: which ones, for *why), scale and bias that hold one number for each element of a row, and not
 * an empty tensor.
 */
bool layer_norm_supports(const struct op_call *call, bool (*has_type)(enum dtype dtype),
			 const char *types, const char **why);

#endif
