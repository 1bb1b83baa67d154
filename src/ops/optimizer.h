/*
 * optimizer.h - what optimizers share. An optimizer is an operator of ours with the inputs step
 * block, learning rates (F64 list, by good step), parameter, accumulated gradient, moments..., and
 * the outputs parameter, moments..., updated in place. In a skipped step (found_inf) nothing
 * changes. Parameters and moments have one type, F32 or F64.
 */
#ifndef ONNXTUNE_OPS_OPTIMIZER_H
#define ONNXTUNE_OPS_OPTIMIZER_H

#include "ops/op.h"
#include "ops/step.h"

/* Checks the operands and types the outputs: parameter and moments. */
enum status optimizer_infer(struct op_io *io);

/* The step block and this step's learning rate; copies inputs to outputs when not in place.
 * Returns false in a skipped step: nothing is left to do. */
bool optimizer_begin(struct op_io *io, struct step_block *step, double *rate);

/* The learning rate of the step after `good_steps` good ones; the last one holds for ever. */
static inline double optimizer_rate(const double *rates, int64_t n, int64_t good_steps)
{
	return rates[good_steps < n ? good_steps : n - 1];
}

#define OPTIMIZER_INPUTS                                                                           \
	{ "Step", ARG_KEEP, 0 }, { "Rates", ARG_KEEP, 0 }, { "P", ARG_KEEP, 0 },                   \
	{                                                                                          \
		"G", ARG_KEEP, 0                                                                   \
	}

#endif
