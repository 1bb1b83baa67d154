/*
 * optimizer.h - which operator (src/ops) updates a parameter, with which moments.
 */
#ifndef ONNXTUNE_PASSES_OPTIMIZER_H
#define ONNXTUNE_PASSES_OPTIMIZER_H

#include "ops/build.h"
#include "passes/groups.h"

enum optimizer_kind {
	OPTIMIZER_SGD,
	OPTIMIZER_ADAM,
	OPTIMIZER_ADAMW,
	OPTIMIZER_RMSPROP,
	OPTIMIZER_ADAGRAD,
	OPTIMIZER_NADAM,
	OPTIMIZER_LAMB,
	OPTIMIZER_LION,
	OPTIMIZER_ADAFACTOR,
};

struct optimizer_options {
	enum optimizer_kind optimizer;
	double momentum; /* SGD, RMSprop */
	bool nesterov;   /* SGD */
	bool centered;   /* RMSprop: by the variance of the gradient instead of its square's mean */
	/* the means of the gradient and of its square; RMSprop's alpha is beta2, Adagrad and
	 * Adafactor have none */
	double beta1, beta2;
	double epsilon; /* all but SGD and Lion; Adafactor: 0 is that of the type */
	double decay;   /* weight decay of weights */
	bool decay_all; /* also of biases and norms (parameters with at most one axis) */
};

/*
 * Appends the node that updates the parameter from its gradient, and its moments as STATE values
 * "m:NAME" (the gradient's mean, or momentum), "v:NAME" (its square's), "average:NAME" (its mean in centered RMSprop), "row:NAME" and
 * "column:NAME" (Adafactor), "product:NAME" (NAdam). step and rates: see ops/optimizer.h; decay: of
 * the parameter's group. Returns the updated parameter.
 */
uint32_t optimizer_build(struct builder *b, const struct optimizer_options *options,
			 enum group_decay decay, uint32_t step, uint32_t rates, uint32_t parameter,
			 uint32_t gradient);

#endif
