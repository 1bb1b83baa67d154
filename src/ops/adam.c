/*
 * adam.c - Adam, the optimizer, as torch.optim.Adam and, when decoupled, torch.optim.AdamW:
 *	g = g * inverse * clip  [+ decay * p]          (Adam)
 *	p = p * (1 - rate * decay)                     (AdamW)
 *	m = m + (g - m) (1 - beta1);  v = beta2 v + (1 - beta2) g^2
 *	p = p - rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
 * with t = 1 in the first good step.
 */
#include "ops/optimizer.h"

#include <math.h>

static enum status ref(struct op_io *io)
{
	struct step_block step;
	double rate, beta1 = node_double(io->node, "beta1"), beta2 = node_double(io->node, "beta2");
	double epsilon = node_double(io->node, "epsilon"), decay = node_double(io->node, "decay");
	bool decoupled = node_int(io->node, "decoupled") != 0;
	if (!optimizer_begin(io, &step, &rate))
		return OK;
	struct tensor *p = &io->out[0];
	double t = (double)step.good_steps + 1;
	double correction1 = 1 - pow(beta1, t), correction2 = sqrt(1 - pow(beta2, t));
	for (int64_t i = 0, n = shape_elements(&p->shape); i < n; i++) {
		double w = tensor_get(p, i);
		double g = tensor_get(io->in[3], i) * step.inverse * step.clip;
		if (decoupled)
			w *= 1 - rate * decay;
		else
			g += decay * w;
		double m1, v1;
		optimizer_moments(io, i, g, &m1, &v1);
		tensor_set(p, i, w - rate / correction1 * m1 / (sqrt(v1) / correction2 + epsilon));
	}
	return optimizer_end(io);
}

static const struct op_attr attrs[] = {
	{ "beta1", ATTR_DOUBLE, 0, 0, 0.9, NULL },    { "beta2", ATTR_DOUBLE, 0, 0, 0.999, NULL },
	{ "epsilon", ATTR_DOUBLE, 0, 0, 1e-8, NULL }, { "decay", ATTR_DOUBLE, 0, 0, 0, NULL },
	{ "decoupled", ATTR_INT, 0, 0, 0, NULL },     { 0 },
};
static const struct op_arg in[] = {
	OPTIMIZER_INPUTS, { "M", ARG_KEEP, 0 }, { "V", ARG_KEEP, 0 }, OPTIMIZER_COPY_INPUT, { 0 }
};
static const struct op_arg out[] = {
	{ "P", 0, 3 }, { "M", 0, 5 }, { "V", 0, 6 }, OPTIMIZER_COPY_OUTPUT(7), { 0 }
};

const struct op_def op_onnxtune_adam = {
	.domain = "onnxtune",
	.name = "Adam",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = optimizer_infer,
	.ref = ref,
};
