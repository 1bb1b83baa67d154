/*
 * nadam.c - NAdam, the optimizer, as torch.optim.NAdam (Dozat 2016), decay added to the gradient:
 *	g = g * inverse * clip + decay * p
 *	mu(t) = beta1 (1 - 0.96^(t momentum_decay) / 2);  product = product * mu(t)
 *	m = m + (g - m) (1 - beta1);  v = beta2 v + (1 - beta2) g^2
 *	d = sqrt(v / (1 - beta2^t)) + epsilon
 *	p = p - rate * ((1 - mu(t)) / (1 - product) g + mu(t+1) / (1 - product mu(t+1)) m) / d
 * with t = 1 and a product of 1 before it in the first good step. The product is a scalar in F64.
 */
#include "ops/optimizer.h"

#include <math.h>

static enum status infer(struct op_io *io)
{
	const struct tensor *product = io->in[6];
	if (product->dtype != DT_F64 || product->shape.rank)
		return fail(io->err, ERR_INTERNAL, "the product is no scalar in float64");
	TRY(optimizer_infer_moments(io, 2));
	return infer_set(io, 3, DT_F64, &SHAPE_SCALAR);
}

static enum status ref(struct op_io *io)
{
	struct step_block step;
	double rate, beta1 = node_double(io->node, "beta1"), beta2 = node_double(io->node, "beta2");
	double epsilon = node_double(io->node, "epsilon"), decay = node_double(io->node, "decay");
	if (!optimizer_begin(io, &step, &rate))
		return OK;
	struct tensor *p = &io->out[0];
	struct nadam_factors f = nadam_factors(beta1, node_double(io->node, "momentum_decay"),
					       step.good_steps, io->out[3].data);
	double correction = 1 - pow(beta2, (double)step.good_steps + 1);
	for (int64_t i = 0, n = shape_elements(&p->shape); i < n; i++) {
		double w = tensor_get(p, i);
		double g = tensor_get(io->in[3], i) * step.inverse * step.clip + decay * w;
		double m1, v1;
		optimizer_moments(io, i, g, &m1, &v1);
		tensor_set(p, i,
			   w - rate * (f.gradient * g + f.moment * m1) /
					   (sqrt(v1 / correction) + epsilon));
	}
	return optimizer_end(io);
}

static const struct op_attr attrs[] = {
	{ "beta1", ATTR_DOUBLE, 0, 0, 0.9, NULL },
	{ "beta2", ATTR_DOUBLE, 0, 0, 0.999, NULL },
	{ "epsilon", ATTR_DOUBLE, 0, 0, 1e-8, NULL },
	{ "decay", ATTR_DOUBLE, 0, 0, 0, NULL },
	{ "momentum_decay", ATTR_DOUBLE, 0, 0, 0.004, NULL },
	{ 0 },
};
static const struct op_arg in[] = { OPTIMIZER_INPUTS,     { "M", ARG_KEEP, 0 },
				    { "V", ARG_KEEP, 0 }, { "Product", ARG_KEEP, 0 },
				    OPTIMIZER_COPY_INPUT, { 0 } };
static const struct op_arg out[] = {
	{ "P", 0, 3 }, { "M", 0, 5 }, { "V", 0, 6 }, { "Product", 0, 7 }, OPTIMIZER_COPY_OUTPUT(8),
	{ 0 }
};

const struct op_def op_onnxtune_nadam = {
	.domain = "onnxtune",
	.name = "NAdam",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = infer,
	.ref = ref,
};
