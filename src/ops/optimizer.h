/*
 * optimizer.h - what optimizers share. An optimizer is an operator of ours with the inputs step
 * block, learning rates (F64 list, by good step), parameter, accumulated gradient, moments..., and
 * the outputs parameter, moments..., updated in place. In a skipped step (found_inf) nothing
 * changes. Parameters and moments have one type, F32 or F64, and start from zeros.
 */
#ifndef ONNXTUNE_OPS_OPTIMIZER_H
#define ONNXTUNE_OPS_OPTIMIZER_H

#include "ops/op.h"
#include "ops/step.h"

/* Checks the operands and types the outputs: parameter and moments. */
enum status optimizer_infer(struct op_io *io);
/* The same where only the first moments are like the parameter; the others are the caller's. */
enum status optimizer_infer_moments(struct op_io *io, uint32_t moments);

/* The step block and this step's learning rate; copies inputs to outputs when not in place.
 * Returns false in a skipped step: nothing is left to do. */
bool optimizer_begin(struct op_io *io, struct step_block *step, double *rate);

/* The learning rate of the step after `good_steps` good ones; the last one holds for ever. */
static inline double optimizer_rate(const double *rates, int64_t n, int64_t good_steps)
{
	return rates[good_steps < n ? good_steps : n - 1];
}

/*
 * NAdam's factors of gradient and first moment in the step after `good_steps` good ones; moves the
 * product of all momenta on, which is 1 before the first.
 */
struct nadam_factors {
	double gradient, moment;
};
struct nadam_factors nadam_factors(double beta1, double momentum_decay, int64_t good_steps,
				   double *product);

/* How Adafactor keeps the second moment of a parameter: matrices of its last two axes, with a mean
 * for each row and each column; or, of lower rank, whole (row has the parameter's shape). */
struct adafactor_form {
	bool factored;
	int64_t matrices, rows, columns;
	struct shape row, column;
};
struct adafactor_form adafactor_form(const struct shape *parameter);

/* The factor of Adafactor's update u in step t >= 1, from the sums of squares of the parameter's and
 * the update's n elements. */
double adafactor_step(double rate, double t, double pp, double uu, int64_t n);

#define OPTIMIZER_INPUTS                                                                           \
	{ "Step", ARG_KEEP, 0 }, { "Rates", ARG_KEEP, 0 }, { "P", ARG_KEEP, 0 },                   \
	{                                                                                          \
		"G", ARG_KEEP, 0                                                                   \
	}

#endif
