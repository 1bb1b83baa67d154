/* optimizer.c - what optimizers share (see optimizer.h). */
#include "ops/optimizer.h"

#include <math.h>
#include <string.h>

enum status optimizer_infer_moments(struct op_io *io, uint32_t moments)
{
	const struct tensor *p = io->in[2];
	for (uint32_t k = 3; k < 4 + moments; k++)
		if (io->in[k]->dtype != p->dtype || !shape_equal(&io->in[k]->shape, &p->shape))
			return fail(io->err, ERR_INTERNAL,
				    "gradient or moment differs from its "
				    "parameter in type");
	for (uint32_t k = 0; k < 1 + moments; k++)
		infer_set(io, k, p->dtype, &p->shape);
	return OK;
}

enum status optimizer_infer(struct op_io *io)
{
	return optimizer_infer_moments(io, io->n_in - 4);
}

bool optimizer_begin(struct op_io *io, struct step_block *step, double *rate)
{
	/* Outputs are the parameter and its moments: inputs 2, 4, 5... */
	for (uint32_t k = 0; k < io->n_out; k++) {
		const struct tensor *in = io->in[k ? k + 3 : 2];
		if (io->out[k].data != in->data)
			memcpy(io->out[k].data, in->data, tensor_bytes(in));
	}
	memcpy(step, io->in[0]->data, sizeof *step);
	*rate = optimizer_rate(io->in[1]->data, io->in[1]->shape.dim[0], step->good_steps);
	return !step->found_inf;
}

static double nadam_momentum(double beta1, double momentum_decay, double t)
{
	return beta1 * (1 - 0.5 * pow(0.96, t * momentum_decay));
}

struct nadam_factors nadam_factors(double beta1, double momentum_decay, int64_t good_steps,
				   double *product)
{
	double t = (double)good_steps + 1;
	double mu = nadam_momentum(beta1, momentum_decay, t);
	double next = nadam_momentum(beta1, momentum_decay, t + 1);
	*product = (good_steps ? *product : 1) * mu;
	return (struct nadam_factors){ (1 - mu) / (1 - *product), next / (1 - *product * next) };
}

struct adafactor_form adafactor_form(const struct shape *parameter)
{
	struct adafactor_form f = { .matrices = 1, .row = *parameter, .column = *parameter };
	int rank = parameter->rank;
	f.factored = rank > 1;
	if (!f.factored)
		return f;
	f.rows = parameter->dim[rank - 2];
	f.columns = parameter->dim[rank - 1];
	f.row.dim[rank - 1] = 1;
	f.column.dim[rank - 2] = 1;
	for (int i = 0; i < rank - 2; i++)
		f.matrices *= parameter->dim[i];
	return f;
}

double adafactor_step(double rate, double t, double pp, double uu, int64_t n)
{
	double alpha = fmax(1e-3, sqrt(pp / (double)n)) * fmin(rate, 1 / sqrt(t));
	return alpha / fmax(1, sqrt(uu / (double)n));
}
