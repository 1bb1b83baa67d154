/*
 * rmsprop.c - RMSprop, the optimizer, as torch.optim.RMSprop:
 *	g = g * inverse * clip + decay * p
 *	v = alpha v + (1 - alpha) g^2
 *	a = a + (g - a) (1 - alpha)     (centered)
 *	d = g / (sqrt(v - a^2) + epsilon)
 *	m = momentum * m + d;  d = m    (with momentum)
 *	p = p - rate * d
 * Where rounding makes v - a^2 negative it is taken as 0; PyTorch has NaN there. Without `centered` M
 * stands in A's place.
 */
#include "ops/optimizer.h"

#include <math.h>

static enum status ref(struct op_io *io)
{
	struct step_block step;
	double rate, alpha = node_double(io->node, "alpha");
	double epsilon = node_double(io->node, "epsilon"), decay = node_double(io->node, "decay");
	double momentum = node_double(io->node, "momentum");
	if (!optimizer_begin(io, &step, &rate))
		return OK;
	struct tensor *p = &io->out[0], *v = &io->out[1];
	struct tensor *a = node_int(io->node, "centered") ? &io->out[2] : NULL;
	struct tensor *m = optimizer_output(io, a ? 3 : 2);
	for (int64_t i = 0, n = shape_elements(&p->shape); i < n; i++) {
		double w = tensor_get(p, i);
		double g = tensor_get(io->in[3], i) * step.inverse * step.clip + decay * w;
		double v1 = alpha * tensor_get(v, i) + (1 - alpha) * g * g;
		double spread = v1;
		if (a) {
			double a0 = tensor_get(a, i), a1 = a0 + (g - a0) * (1 - alpha);
			spread = v1 < a1 * a1 ? 0 : v1 - a1 * a1;
			tensor_set(a, i, a1);
		}
		double d = g / (sqrt(spread) + epsilon);
		tensor_set(v, i, v1);
		if (m) {
			d += momentum * tensor_get(m, i);
			tensor_set(m, i, d);
		}
		tensor_set(p, i, w - rate * d);
	}
	return optimizer_end(io);
}

static const struct op_attr attrs[] = {
	{ "alpha", ATTR_DOUBLE, 0, 0, 0.99, NULL }, { "epsilon", ATTR_DOUBLE, 0, 0, 1e-8, NULL },
	{ "momentum", ATTR_DOUBLE, 0, 0, 0, NULL }, { "decay", ATTR_DOUBLE, 0, 0, 0, NULL },
	{ "centered", ATTR_INT, 0, 0, 0, NULL },    { 0 },
};
static const struct op_arg in[] = { OPTIMIZER_INPUTS,
				    { "V", ARG_KEEP, 0 },
				    { "A", ARG_KEEP | ARG_OPTIONAL, 0 },
				    { "M", ARG_KEEP | ARG_OPTIONAL, 0 },
				    OPTIMIZER_COPY_INPUT,
				    { 0 } };
static const struct op_arg out[] = {
	{ "P", 0, 3 }, { "V", 0, 5 }, { "A", 0, 6 }, { "M", 0, 7 }, OPTIMIZER_COPY_OUTPUT(8), { 0 }
};

const struct op_def op_onnxtune_rmsprop = {
	.domain = "onnxtune",
	.name = "RMSprop",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = optimizer_infer,
	.ref = ref,
};
