/* chain_text.h - the CUDA C of a pointwise call or a Fused node. */
#ifndef ONNXTUNE_BACKEND_CUDA_CHAIN_TEXT_H
#define ONNXTUNE_BACKEND_CUDA_CHAIN_TEXT_H

#include "backend/cuda/chain.h"
#include "backend/cuda/launch.h"
#include "backend/loop.h"

/*
 * A kernel: its text (arena), and the arguments but for the addresses. Where it has sums it leaves, in
 * args.sums, args.parts times args.kept doubles for each, to be added up.
 */
struct chain_text {
	const char *text;
	struct chain_args args;
	bool writes; /* the outputs that are no sums */
	uint32_t n_sums;
	uint32_t sum[FUSED_OUTPUTS]; /* their outputs */
	struct chain_sums to;        /* where they lie in those */
};

/* Whether a call can be printed; why not is a constant text. */
bool chain_fits(const struct op_call *call, const char **why);

/*
 * The kernels of a call that fits, in the order in which they run; returns how many: one for each set
 * of axes that is summed over, or one; 0 when there is no memory. Only the last one writes outputs
 * that are no sums, since these may be in place of inputs.
 */
uint32_t chain_text_make(const struct op_call *call, struct arena *arena,
			 struct chain_text out[FUSED_OUTPUTS]);

/* The layouts that all operands of the size of the space should have. */
void chain_propose(const struct op_call *call, enum layout *in, enum layout *out);

#endif
