/*
 * optimizer.cu - SGD and Adam on float32 masters (src/ops has the formulas), in double for each
 * element. Nothing changes in a skipped step; the learning rate is read from the device.
 */
#include "kernels/cuda.h"

extern "C" {
#include "ops/optimizer.h"
}

#include <stdlib.h>
#include <string.h>

struct update {
	int64_t n, rates;
	double momentum, beta1, beta2, epsilon, decay;
	bool nesterov, decoupled, moment;
};

static __global__ void update_sgd(const struct step_block *step, const double *rates, float *p,
				  const float *gradient, float *moment, struct update u)
{
	if (step->found_inf)
		return;
	int64_t s = step->good_steps;
	double rate = rates[s < u.rates ? s : u.rates - 1];
	EACH(i, u.n)
	{
		double w = p[i];
		double g = (double)gradient[i] * step->inverse * step->clip + u.decay * w;
		if (moment) {
			double v = u.momentum * moment[i] + g;
			moment[i] = (float)v;
			g = u.nesterov ? g + u.momentum * v : v;
		}
		p[i] = (float)(w - rate * g);
	}
}

static __global__ void update_adam(const struct step_block *step, const double *rates, float *p,
				   const float *gradient, float *m, float *v, struct update u)
{
	if (step->found_inf)
		return;
	int64_t s = step->good_steps;
	double rate = rates[s < u.rates ? s : u.rates - 1], t = (double)s + 1;
	double correction1 = 1 - pow(u.beta1, t), correction2 = sqrt(1 - pow(u.beta2, t));
	EACH(i, u.n)
	{
		double w = p[i], g = (double)gradient[i] * step->inverse * step->clip;
		if (u.decoupled)
			w *= 1 - rate * u.decay;
		else
			g += u.decay * w;
		double m1 = m[i], v1 = v[i];
		m1 += (g - m1) * (1 - u.beta1);
		v1 = u.beta2 * v1 + (1 - u.beta2) * g * g;
		m[i] = (float)m1;
		v[i] = (float)v1;
		p[i] = (float)(w - rate / correction1 * m1 / (sqrt(v1) / correction2 + u.epsilon));
	}
}

static bool supports(const struct op_call *call, const char **why)
{
	*why = "for float32";
	for (uint32_t k = 2; k < call->n_in; k++)
		if (call->in[k].t.dtype && call->in[k].t.dtype != DT_F32)
			return false;
	return true;
}

static struct update *update_new(const struct op_call *call)
{
	struct update *u = (struct update *)mem_alloc(sizeof *u);
	u->n = shape_elements(&call->in[2].t.shape);
	u->rates = shape_elements(&call->in[1].t.shape);
	u->decay = node_double(call->node, "decay");
	return u;
}

static enum status create_sgd(struct device *device, const struct op_call *call, void **state,
			      size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct update *u = update_new(call);
	u->momentum = node_double(call->node, "momentum");
	u->nesterov = node_int(call->node, "nesterov") != 0;
	u->moment = call->n_out > 1 && call->out[1].t.dtype;
	*state = u;
	return OK;
}

static enum status create_adam(struct device *device, const struct op_call *call, void **state,
			       size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct update *u = update_new(call);
	u->beta1 = node_double(call->node, "beta1");
	u->beta2 = node_double(call->node, "beta2");
	u->epsilon = node_double(call->node, "epsilon");
	u->decoupled = node_int(call->node, "decoupled") != 0;
	*state = u;
	return OK;
}

static enum status run_sgd(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct update *u = (const struct update *)state;
	LAUNCH(update_sgd, blocks_for(u->n), THREADS, 0, work_handle(stream),
	       (const struct step_block *)io->in[0], (const double *)io->in[1], (float *)io->out[0],
	       (const float *)io->in[3], (float *)(u->moment ? io->out[1] : NULL), *u);
	return launched();
}

static enum status run_adam(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct update *u = (const struct update *)state;
	LAUNCH(update_adam, blocks_for(u->n), THREADS, 0, work_handle(stream),
	       (const struct step_block *)io->in[0], (const double *)io->in[1], (float *)io->out[0],
	       (const float *)io->in[3], (float *)io->out[1], (float *)io->out[2], *u);
	return launched();
}

extern "C" const struct kernel cuda_kernel_sgd = {
	.op = "SGD",
	.name = "CUDA",
	.rank = 0,
	.supports = supports,
	.propose = NULL,
	.create = create_sgd,
	.run = run_sgd,
	.destroy = free,
};

extern "C" const struct kernel cuda_kernel_adam = {
	.op = "Adam",
	.name = "CUDA",
	.rank = 0,
	.supports = supports,
	.propose = NULL,
	.create = create_adam,
	.run = run_adam,
	.destroy = free,
};
