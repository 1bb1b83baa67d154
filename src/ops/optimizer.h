/*
 * optimizer.h - what optimizers share. An optimizer is an operator of ours with the inputs step
 * block, learning rates (F64 list, by good step), parameter, accumulated gradient, moments..., and
 * the outputs parameter, moments..., updated in place. In a skipped step (found_inf) nothing
 * changes. Parameters and moments have one type, F32 or F64, and start from zeros.
 *
 * The last row of inputs and outputs is a copy of the parameter in a half type, which is written with
 * it (passes/copies.h); before the first step it is the caller's.
 */
#ifndef ONNXTUNE_OPS_OPTIMIZER_H
#define ONNXTUNE_OPS_OPTIMIZER_H

#include "ops/op.h"
#include "ops/step.h"

#include <math.h>

/* What kernels on a GPU call as well; they include math.h themselves, as C++. */
#ifdef __CUDACC__
#define OPTIMIZER_INLINE static inline __host__ __device__
#else
#define OPTIMIZER_INLINE static inline
#endif

/* Checks the operands and types the outputs: parameter and moments. */
enum status optimizer_infer(struct op_io *io);
/* The same where only the first moments are like the parameter; the others are the caller's. */
enum status optimizer_infer_moments(struct op_io *io, uint32_t moments);

/* The step block and this step's learning rate; copies inputs to outputs when not in place.
 * Returns false in a skipped step: nothing is left to do. */
bool optimizer_begin(struct op_io *io, struct step_block *step, double *rate);

/* The output that is the parameter's copy, of all that the operator can have. */
uint32_t optimizer_copy(const struct op_def *def);

/* Output k, or NULL where it is absent. */
struct tensor *optimizer_output(struct op_io *io, uint32_t k);

/* What a ref ends with: writes the copy, where there is one. */
enum status optimizer_end(struct op_io *io);

/*
 * Moves Adam's moments, outputs 1 and 2, on by element i of the gradient:
 *	m = m + (g - m) (1 - beta1);  v = beta2 v + (1 - beta2) g^2
 */
void optimizer_moments(struct op_io *io, int64_t i, double g, double *m, double *v);

/* The learning rate of the step after `good_steps` good ones; the last one holds for ever. */
OPTIMIZER_INLINE double optimizer_rate(const double *rates, int64_t n, int64_t good_steps)
{
	return rates[good_steps < n ? good_steps : n - 1];
}

/* ---- the statistics of a step ---- */

/* Attribute "part" of GradStats. */
enum grad_stats_part {
	GRAD_STATS_ALL,   /* of all gradients at once */
	GRAD_STATS_FIRST, /* of the first gradients that are known */
	GRAD_STATS_MORE,  /* of further ones: the statistics go on */
};

/*
 * The end of GradStats, from the sum of squares of the gradients as they are, not finite where one of
 * them is not, and the loss. A step that is updated in parts is skipped where its loss is not finite.
 */
OPTIMIZER_INLINE void grad_stats_end(struct step_block *step, double sum, double loss,
				     double max_norm, enum grad_stats_part part)
{
	bool finite = sum - sum == 0 && (part == GRAD_STATS_ALL || loss - loss == 0);
	double norm;
	step->inverse = (float)(1.0 / (double)step->scale);
	norm = sqrt(sum) * (double)step->inverse;
	if (part == GRAD_STATS_MORE) {
		norm = sqrt(step->norm * step->norm + norm * norm);
		finite = finite && !step->found_inf;
	}
	step->found_inf = !finite;
	step->norm = norm;
	step->clip = 1;
	if (max_norm > 0 && max_norm / (norm + 1e-6) < 1)
		step->clip = (float)(max_norm / (norm + 1e-6));
	step->loss = loss;
}

/* ---- what kernels need once per step ---- */

enum { OPTIMIZER_ATTRS = 5, OPTIMIZER_FACTORS = 8 };

/* The attributes of an optimizer as numbers, in the order of its table. */
void optimizer_attributes(const struct op_def *def, const struct node *node,
			  double attr[OPTIMIZER_ATTRS]);

/*
 * NAdam's factors of gradient and first moment in the step after `good_steps` good ones; moves the
 * product of all momenta on, which is 1 before the first.
 */
struct nadam_factors {
	double gradient, moment;
};
OPTIMIZER_INLINE double nadam_momentum(double beta1, double momentum_decay, double t)
{
	return beta1 * (1 - 0.5 * pow(0.96, t * momentum_decay));
}

OPTIMIZER_INLINE struct nadam_factors nadam_factors(double beta1, double momentum_decay,
						    int64_t good_steps, double *product)
{
	double t = (double)good_steps + 1;
	double mu = nadam_momentum(beta1, momentum_decay, t);
	double next = nadam_momentum(beta1, momentum_decay, t + 1);
	*product = (good_steps ? *product : 1) * mu;
	struct nadam_factors f = { (1 - mu) / (1 - *product), next / (1 - *product * next) };
	return f;
}

/*
 * What is the same for all elements of a parameter, in the type that kernels compute in, from the
 * optimizer's attributes, this step's rate and the good steps before it.
 */

/* rate, decay, momentum, and with it the shares of gradient and moment in the step */
OPTIMIZER_INLINE void sgd_factors(const double *attr, double rate, float *f)
{
	f[0] = (float)rate;
	f[1] = (float)attr[1];
	f[2] = (float)attr[0];
	f[3] = attr[2] != 0 ? 1.f : 0.f;
	f[4] = attr[2] != 0 ? (float)attr[0] : 1.f;
}

/* decay in the gradient, factor of the parameter, 1 - beta1, beta2, 1 - beta2, size of the step,
 * correction of sqrt(v), epsilon */
OPTIMIZER_INLINE void adam_factors(const double *attr, double rate, int64_t good_steps, float *f)
{
	double t = (double)good_steps + 1, decay = attr[3];
	bool decoupled = attr[4] != 0;
	f[0] = decoupled ? 0.f : (float)decay;
	f[1] = decoupled ? (float)(1 - rate * decay) : 1.f;
	f[2] = (float)(1 - attr[0]);
	f[3] = (float)attr[1];
	f[4] = (float)(1 - attr[1]);
	f[5] = (float)(rate / (1 - pow(attr[0], t)));
	f[6] = (float)sqrt(1 - pow(attr[1], t));
	f[7] = (float)attr[2];
}

/* alpha, 1 - alpha, epsilon, decay, rate, momentum, centered */
OPTIMIZER_INLINE void rmsprop_factors(const double *attr, double rate, float *f)
{
	f[0] = (float)attr[0];
	f[1] = (float)(1 - attr[0]);
	f[2] = (float)attr[1];
	f[3] = (float)attr[3];
	f[4] = (float)rate;
	f[5] = (float)attr[2];
	f[6] = attr[4] != 0 ? 1.f : 0.f;
}

/* epsilon, decay, rate */
OPTIMIZER_INLINE void adagrad_factors(const double *attr, double rate, float *f)
{
	f[0] = (float)attr[0];
	f[1] = (float)attr[1];
	f[2] = (float)rate;
}

/* 1 - beta1, beta2, 1 - beta2, correction of v, epsilon, decay, share of gradient and of moment;
 * moves the product on */
OPTIMIZER_INLINE void nadam_all_factors(const double *attr, double rate, int64_t good_steps,
					double *product, float *f)
{
	struct nadam_factors share = nadam_factors(attr[0], attr[4], good_steps, product);
	f[0] = (float)(1 - attr[0]);
	f[1] = (float)attr[1];
	f[2] = (float)(1 - attr[1]);
	f[3] = (float)(1 / (1 - pow(attr[1], (double)good_steps + 1)));
	f[4] = (float)attr[2];
	f[5] = (float)attr[3];
	f[6] = (float)(rate * share.gradient);
	f[7] = (float)(rate * share.moment);
}

/* beta1, 1 - beta1, beta2, 1 - beta2, factor of the parameter, rate */
OPTIMIZER_INLINE void lion_factors(const double *attr, double rate, float *f)
{
	f[0] = (float)attr[0];
	f[1] = (float)(1 - attr[0]);
	f[2] = (float)attr[1];
	f[3] = (float)(1 - attr[1]);
	f[4] = (float)(1 - rate * attr[2]);
	f[5] = (float)rate;
}

/* 1 - beta1, beta2, 1 - beta2, corrections of m and v, epsilon, decay */
OPTIMIZER_INLINE void lamb_factors(const double *attr, int64_t good_steps, float *f)
{
	double t = (double)good_steps + 1;
	f[0] = (float)(1 - attr[0]);
	f[1] = (float)attr[1];
	f[2] = (float)(1 - attr[1]);
	f[3] = (float)(1 / (1 - pow(attr[0], t)));
	f[4] = (float)(1 / (1 - pow(attr[1], t)));
	f[5] = (float)attr[2];
	f[6] = (float)attr[3];
}

/* LAMB's factor of the update r, from the sums of squares of parameter and update. */
OPTIMIZER_INLINE double lamb_step(double rate, double pp, double rr)
{
	return pp > 0 && rr > 0 ? rate * sqrt(pp / rr) : rate;
}

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
OPTIMIZER_INLINE double adafactor_step(double rate, double t, double pp, double uu, int64_t n)
{
	double alpha = fmax(1e-3, sqrt(pp / (double)n)) * fmin(rate, 1 / sqrt(t));
	return alpha / fmax(1.0, sqrt(uu / (double)n));
}

/* The copy; the output's row needs one more than the number of the input. */
#define OPTIMIZER_COPY_INPUT                                                                       \
	{                                                                                          \
		"Copy", ARG_KEEP | ARG_OPTIONAL, 0                                                 \
	}
#define OPTIMIZER_COPY_OUTPUT(input)                                                               \
	{                                                                                          \
		"Copy", 0, input                                                                   \
	}

#define OPTIMIZER_INPUTS                                                                           \
	{ "Step", ARG_KEEP, 0 }, { "Rates", ARG_KEEP, 0 }, { "P", ARG_KEEP, 0 },                   \
	{                                                                                          \
		"G", ARG_KEEP, 0                                                                   \
	}

#endif
