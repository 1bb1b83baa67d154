/*
 * training.h - from a forward graph with a loss to a whole training step: gradients, accumulators,
 * clipping, optimizer, loss scale, all as nodes.
 *
 * The backward pass of a micro-batch ends at the values that enter MICRO from the parameters; each
 * has one accumulator of at least float32. From there to the masters the chain rule is linear and
 * runs once per window, in APPLY.
 */
#ifndef ONNXTUNE_PASSES_TRAINING_H
#define ONNXTUNE_PASSES_TRAINING_H

#include "passes/optimizer.h"

/* The moving average of the parameter whose name follows; it starts as the parameter does. */
#define AVERAGE_PREFIX "ema:"

struct training_options {
	struct optimizer_options update;
	const struct param_group *groups; /* parameters without one have the default's (group_of) */
	uint32_t n_groups;
	double ema;         /* decay of averages of the parameters, 0: none are kept */
	double clip_norm;   /* 0: none */
	bool dynamic_scale; /* loss scaling, semantics of torch.amp.GradScaler */
	int64_t growth_interval;
	float min_scale;
	int64_t rates; /* length of the table of learning rates: good steps planned */
};

/*
 * The graph's only output is the loss sum (passes/loss). Adds the state (ops/step.h: step block,
 * learning rates (passes/groups.h); "acc:..."; moments, see passes/optimizer; AVERAGE_PREFIX NAME)
 * and the inputs WINDOW_WEIGHT_NAME; the
 * outputs are then the gradients that the optimizer reads, in the order of *params.
 * *params (arena) lists the PARAM values that are trained, *n_params how many.
 * Parameters that the loss does not depend on are left alone.
 */
enum status MUST_CHECK training_build(struct graph *graph, const struct training_options *options,
				      uint32_t **params, uint32_t *n_params,
				      struct problems *problems, struct error *err);

#endif
