/*
 * sgd.c - SGD, the optimizer, as torch.optim.SGD without dampening:
 *	g = g * inverse * clip + decay * p
 *	m = momentum * m + g;  g = nesterov ? g + momentum * m : m   (with momentum)
 *	p = p - rate * g
 */
#include "ops/optimizer.h"

static enum status ref(struct op_io *io)
{
	struct step_block step;
	double rate, momentum = node_double(io->node, "momentum");
	double decay = node_double(io->node, "decay");
	bool nesterov = node_int(io->node, "nesterov") != 0;
	if (!optimizer_begin(io, &step, &rate))
		return OK;
	struct tensor *p = &io->out[0], *m = optimizer_output(io, 1);
	for (int64_t i = 0, n = shape_elements(&p->shape); i < n; i++) {
		double w = tensor_get(p, i);
		double g = tensor_get(io->in[3], i) * step.inverse * step.clip + decay * w;
		if (m) {
			double v = momentum * tensor_get(m, i) + g;
			tensor_set(m, i, v);
			g = nesterov ? g + momentum * v : v;
		}
		tensor_set(p, i, w - rate * g);
	}
	return optimizer_end(io);
}

static const struct op_attr attrs[] = {
	{ "momentum", ATTR_DOUBLE, 0, 0, 0, NULL },
	{ "decay", ATTR_DOUBLE, 0, 0, 0, NULL },
	{ "nesterov", ATTR_INT, 0, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg in[] = {
	OPTIMIZER_INPUTS, { "M", ARG_KEEP | ARG_OPTIONAL, 0 }, OPTIMIZER_COPY_INPUT, { 0 }
};
static const struct op_arg out[] = {
	{ "P", 0, 3 }, { "M", 0, 5 }, OPTIMIZER_COPY_OUTPUT(6), { 0 }
};

const struct op_def op_onnxtune_sgd = {
	.domain = "onnxtune",
	.name = "SGD",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = optimizer_infer,
	.ref = ref,
};
