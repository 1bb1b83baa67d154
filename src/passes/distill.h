/*
 * distill.h - the untuned model as teacher (Hinton et al. 2015): a second, frozen copy of the model in
 * the same graph, and a loss that keeps the trained one near to it.
 *
 *	loss = (1 - share) * loss + share * T^2 * H(teacher / T, model / T)
 *
 * H is the cross-entropy with the teacher's softmax, or sigmoid, as target; for losses of values it
 * is the squared error to the teacher's output, and T is 1. Weights of samples weigh both.
 */
#ifndef ONNXTUNE_PASSES_DISTILL_H
#define ONNXTUNE_PASSES_DISTILL_H

#include "passes/loss.h"

struct distill {
	double share;       /* of the teacher, up to 1; 0: there is none */
	double temperature; /* T > 0 */
};

/*
 * b->graph has its loss as only output (loss_build, of this head and kind); it is replaced. The
 * teacher is the loaded graph, bound at the same shapes without parameters, of which output number
 * `output` is taken; it reads the inputs of b->graph of the same names. Errors are those of bind_graph,
 * or the builder's.
 */
enum status MUST_CHECK distill_build(struct builder *b, const struct graph *loaded,
				     const struct shape *shapes, uint32_t output,
				     const struct loss_head *head, enum loss_kind kind,
				     const struct distill *distill, struct problems *problems);

#endif
