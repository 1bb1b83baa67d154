/*
 * moving_average.c - MovingAverage: the exponential average of a parameter over the good steps, as
 * torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn:
 *	a = p in the first good step, then a + (p - a) (1 - decay)
 * Inputs: the step block as the optimizer read it, a, p after the update.
 */
#include "ops/op.h"

#include "ops/step.h"

#include <string.h>

static enum status infer(struct op_io *io)
{
	const struct tensor *a = io->in[1], *p = io->in[2];
	if (a->dtype != p->dtype || !shape_equal(&a->shape, &p->shape))
		return fail(io->err, ERR_INTERNAL, "average and parameter differ in type");
	return infer_set(io, 0, a->dtype, &a->shape);
}

static enum status ref(struct op_io *io)
{
	struct step_block step;
	memcpy(&step, io->in[0]->data, sizeof step);
	double take = 1 - node_double(io->node, "decay");
	for (int64_t i = 0, n = shape_elements(&io->out[0].shape); i < n; i++) {
		double a = tensor_get(io->in[1], i), p = tensor_get(io->in[2], i);
		tensor_set(&io->out[0], i,
			   step.found_inf     ? a
			   : !step.good_steps ? p
					      : a + (p - a) * take);
	}
	return OK;
}

static const struct op_attr attrs[] = { { "decay", ATTR_DOUBLE, 0, 0, 0.999, NULL }, { 0 } };
static const struct op_arg in[] = {
	{ "Step", ARG_KEEP, 0 }, { "A", ARG_KEEP, 0 }, { "P", ARG_KEEP, 0 }, { 0 }
};
static const struct op_arg out[] = { { "A", 0, 2 }, { 0 } };

const struct op_def op_onnxtune_moving_average = {
	.domain = "onnxtune",
	.name = "MovingAverage",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = infer,
	.ref = ref,
};
