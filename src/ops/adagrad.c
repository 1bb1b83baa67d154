/*
 * adagrad.c - Adagrad, the optimizer, as torch.optim.Adagrad without a decay of the rate of its own:
 *	g = g * inverse * clip + decay * p
 *	v = v + g^2
 *	p = p - rate * g / (sqrt(v) + epsilon)
 */
#include "ops/optimizer.h"

#include <math.h>

static enum status ref(struct op_io *io)
{
	struct step_block step;
	double rate, epsilon = node_double(io->node, "epsilon");
	double decay = node_double(io->node, "decay");
	if (!optimizer_begin(io, &step, &rate))
		return OK;
	struct tensor *p = &io->out[0], *v = &io->out[1];
	for (int64_t i = 0, n = shape_elements(&p->shape); i < n; i++) {
		double w = tensor_get(p, i);
		double g = tensor_get(io->in[3], i) * step.inverse * step.clip + decay * w;
		double v1 = tensor_get(v, i) + g * g;
		tensor_set(v, i, v1);
		tensor_set(p, i, w - rate * g / (sqrt(v1) + epsilon));
	}
	return optimizer_end(io);
}

static const struct op_attr attrs[] = { { "epsilon", ATTR_DOUBLE, 0, 0, 1e-10, NULL },
					{ "decay", ATTR_DOUBLE, 0, 0, 0, NULL },
					{ 0 } };
static const struct op_arg in[] = {
	OPTIMIZER_INPUTS, { "V", ARG_KEEP, 0 }, OPTIMIZER_COPY_INPUT, { 0 }
};
static const struct op_arg out[] = {
	{ "P", 0, 3 }, { "V", 0, 5 }, OPTIMIZER_COPY_OUTPUT(6), { 0 }
};

const struct op_def op_onnxtune_adagrad = {
	.domain = "onnxtune",
	.name = "Adagrad",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = optimizer_infer,
	.ref = ref,
};
