/*
 * step.h - the step block: all that changes from one optimizer step to the next, in device memory.
 *
 * Kernels read it through a pointer, so a captured step can be replayed without new arguments. In
 * the graph it is one STATE value of type U8 and this size, named STEP_NAME. The host writes it
 * once, at the start of a run or when resuming; afterwards only GradStats and ScaleUpdate do.
 */
#ifndef ONNXTUNE_OPS_STEP_H
#define ONNXTUNE_OPS_STEP_H

#include <stdint.h>

#define STEP_NAME "onnxtune.step"

/* Inputs that the session gives besides the model's own. */
#define WINDOW_WEIGHT_NAME "onnxtune.window_weight" /* F64 scalar: W, weight of the whole window */
#define SAMPLE_BASE_NAME                                                                           \
	"onnxtune.sample_base"        /* I64 scalar: index in the window of the
						       micro-batch's first sample */
#define LABELS_NAME "onnxtune.labels" /* see the loss operators */
#define WEIGHTS_NAME "onnxtune.weights"
/* The same for what is mixed in, where samples are mixed. */
#define MIXED_LABELS_NAME "onnxtune.mixed_labels"
#define MIXED_WEIGHTS_NAME "onnxtune.mixed_weights"
#define LEARNING_RATE_NAME "onnxtune.learning_rate" /* F64 list: rate of the n-th good step */

struct step_block {
	float scale;            /* loss scale; 1 when losses are not scaled */
	int32_t growth_tracker; /* good steps since the scale last changed */
	uint32_t found_inf;     /* 1: a gradient of this step was not finite, it is skipped */
	int32_t skips;          /* steps skipped in a row */
	int64_t good_steps;     /* steps that changed the parameters */
	int64_t steps;          /* all steps */
	uint64_t seed;
	float inverse; /* 1 / scale, of this step */
	float clip;    /* factor that clips this step's gradients, at most 1 */
	double norm;   /* L2 norm of this step's unscaled gradients, before clipping */
	double loss;   /* of this step: weighted mean over the window */
};

#endif
