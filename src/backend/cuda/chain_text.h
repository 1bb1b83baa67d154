/* chain_text.h - the CUDA C of a pointwise call or a Fused node. */
#ifndef ONNXTUNE_BACKEND_CUDA_CHAIN_TEXT_H
#define ONNXTUNE_BACKEND_CUDA_CHAIN_TEXT_H

#include "backend/cuda/chain.h"
#include "backend/loop.h"

/* Whether there is an expression for the call, which is no Fused; costly may be NULL. */
bool chain_expression(const struct op_call *call, bool *costly);

/* A call as a kernel: its text (arena), and the arguments but for the addresses. */
struct chain_text {
	const char *text;
	struct chain_args args;
};

/* False, with a constant text, when something in it has no expression or layouts differ. */
bool chain_text_make(const struct op_call *call, struct arena *arena, struct chain_text *out,
		     const char **why);

/* The layouts that all operands of the size of the space should have. */
void chain_propose(const struct op_call *call, enum layout *in, enum layout *out);

#endif
