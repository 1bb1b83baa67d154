/*
 * lamb.c - LAMB, the optimizer (You et al. 2019, algorithm 2, phi(x) = x):
 *	g = g * inverse * clip
 *	m = m + (g - m) (1 - beta1);  v = beta2 v + (1 - beta2) g^2
 *	r = m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) + decay * p
 *	p = p - rate * |p| / |r| * r
 * with t = 1 in the first good step. Where |p| or |r| is 0 their ratio is 1.
 */
#include "ops/optimizer.h"

#include <math.h>

static enum status ref(struct op_io *io)
{
	struct step_block step;
	double rate, beta1 = node_double(io->node, "beta1"), beta2 = node_double(io->node, "beta2");
	double epsilon = node_double(io->node, "epsilon"), decay = node_double(io->node, "decay");
	if (!optimizer_begin(io, &step, &rate))
		return OK;
	struct tensor *p = &io->out[0];
	double t = (double)step.good_steps + 1;
	double correction1 = 1 - pow(beta1, t), correction2 = 1 - pow(beta2, t);
	int64_t n = shape_elements(&p->shape);
	double *r = arena_alloc(io->arena, (size_t)n * sizeof *r), pp = 0, rr = 0;
	for (int64_t i = 0; i < n; i++) {
		double w = tensor_get(p, i);
		double g = tensor_get(io->in[3], i) * step.inverse * step.clip;
		double m1, v1;
		optimizer_moments(io, i, g, &m1, &v1);
		r[i] = m1 / correction1 / (sqrt(v1 / correction2) + epsilon) + decay * w;
		pp += w * w;
		rr += r[i] * r[i];
	}
	double trust = pp > 0 && rr > 0 ? sqrt(pp / rr) : 1;
	for (int64_t i = 0; i < n; i++)
		tensor_set(p, i, tensor_get(p, i) - rate * trust * r[i]);
	return optimizer_end(io);
}

static const struct op_attr attrs[] = {
	{ "beta1", ATTR_DOUBLE, 0, 0, 0.9, NULL },
	{ "beta2", ATTR_DOUBLE, 0, 0, 0.999, NULL },
	{ "epsilon", ATTR_DOUBLE, 0, 0, 1e-6, NULL },
	{ "decay", ATTR_DOUBLE, 0, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg in[] = {
	OPTIMIZER_INPUTS, { "M", ARG_KEEP, 0 }, { "V", ARG_KEEP, 0 }, OPTIMIZER_COPY_INPUT, { 0 }
};
static const struct op_arg out[] = {
	{ "P", 0, 3 }, { "M", 0, 5 }, { "V", 0, 6 }, OPTIMIZER_COPY_OUTPUT(7), { 0 }
};

const struct op_def op_onnxtune_lamb = {
	.domain = "onnxtune",
	.name = "LAMB",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = optimizer_infer,
	.ref = ref,
};
