/*
 * loss_root.c - LossRoot: the gradient of the loss sum, loss scale / W. With W the weight of the
 * whole window, this one scalar is loss scaling, accumulation and the mean, exact for micro-batches
 * of unequal weight.
 */
#include "ops/op.h"

#include "ops/step.h"

#include <string.h>

static enum status infer(struct op_io *io)
{
	return infer_set(io, 0, (enum dtype)node_int(io->node, "dtype"), &SHAPE_SCALAR);
}

static enum status ref(struct op_io *io)
{
	struct step_block step;
	memcpy(&step, io->in[0]->data, sizeof step);
	tensor_set(&io->out[0], 0, (double)step.scale / tensor_get(io->in[1], 0));
	return OK;
}

static const struct op_attr attrs[] = { { "dtype", ATTR_INT, 0, DT_F32, 0, NULL }, { 0 } };
static const struct op_arg in[] = { { "Step", ARG_KEEP, 0 }, { "W", ARG_KEEP, 0 }, { 0 } };
static const struct op_arg out[] = { { "Root", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_loss_root = {
	.domain = "onnxtune",
	.name = "LossRoot",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = infer,
	.ref = ref,
};
