/*
 * lion.c - Lion, the optimizer (Chen et al. 2023, program 1), decay decoupled:
 *	g = g * inverse * clip
 *	p = p - rate * (sign(beta1 m + (1 - beta1) g) + decay * p)
 *	m = beta2 m + (1 - beta2) g
 */
#include "ops/optimizer.h"

static enum status ref(struct op_io *io)
{
	struct step_block step;
	double rate, beta1 = node_double(io->node, "beta1"), beta2 = node_double(io->node, "beta2");
	double decay = node_double(io->node, "decay");
	if (!optimizer_begin(io, &step, &rate))
		return OK;
	struct tensor *p = &io->out[0], *m = &io->out[1];
	for (int64_t i = 0, n = shape_elements(&p->shape); i < n; i++) {
		double w = tensor_get(p, i), m1 = tensor_get(m, i);
		double g = tensor_get(io->in[3], i) * step.inverse * step.clip;
		double c = beta1 * m1 + (1 - beta1) * g;
		tensor_set(p, i, w - rate * ((c > 0) - (c < 0) + decay * w));
		tensor_set(m, i, beta2 * m1 + (1 - beta2) * g);
	}
	return optimizer_end(io);
}

static const struct op_attr attrs[] = {
	{ "beta1", ATTR_DOUBLE, 0, 0, 0.9, NULL },
	{ "beta2", ATTR_DOUBLE, 0, 0, 0.99, NULL },
	{ "decay", ATTR_DOUBLE, 0, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg in[] = {
	OPTIMIZER_INPUTS, { "M", ARG_KEEP, 0 }, OPTIMIZER_COPY_INPUT, { 0 }
};
static const struct op_arg out[] = {
	{ "P", 0, 3 }, { "M", 0, 5 }, OPTIMIZER_COPY_OUTPUT(6), { 0 }
};

const struct op_def op_onnxtune_lion = {
	.domain = "onnxtune",
	.name = "Lion",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = optimizer_infer,
	.ref = ref,
};
