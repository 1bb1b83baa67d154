/*
 * scale_update.c - ScaleUpdate: the end of a step. Counts it and moves the loss scale exactly as
 * torch.amp.GradScaler.update: back off after a skipped step, grow after `growth_interval` good
 * ones unless that would not be finite; `floor` is ours (GradScaler has none).
 */
#include "ops/op.h"

#include "ops/step.h"

#include <math.h>
#include <string.h>

static enum status ref(struct op_io *io)
{
	const struct node *n = io->node;
	struct step_block step;
	memcpy(&step, io->in[0]->data, sizeof step);
	step.steps++;
	if (step.found_inf) {
		step.skips++;
	} else {
		step.skips = 0;
		step.good_steps++;
	}
	if (node_int(n, "dynamic") && step.found_inf) {
		step.scale = fmaxf((float)(step.scale * node_double(n, "backoff")),
				   node_float(n, "floor"));
		step.growth_tracker = 0;
	} else if (node_int(n, "dynamic") &&
		   ++step.growth_tracker == node_int(n, "growth_interval")) {
		float grown = (float)(step.scale * node_double(n, "growth"));
		if (isfinite(grown))
			step.scale = grown;
		step.growth_tracker = 0;
	}
	memcpy(io->out[0].data, &step, sizeof step);
	return OK;
}

static const struct op_attr attrs[] = {
	{ "dynamic", ATTR_INT, 0, 0, 0, NULL },
	{ "growth", ATTR_DOUBLE, 0, 0, 2, NULL },
	{ "backoff", ATTR_DOUBLE, 0, 0, 0.5, NULL },
	{ "growth_interval", ATTR_INT, 0, 2000, 0, NULL },
	{ "floor", ATTR_FLOAT, 0, 0, 1, NULL },
	{ 0 },
};
static const struct op_arg in[] = { { "Step", ARG_KEEP, 0 }, { 0 } };
static const struct op_arg out[] = { { "Step", 0, 1 }, { 0 } };

const struct op_def op_onnxtune_scale_update = {
	.domain = "onnxtune",
	.name = "ScaleUpdate",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = infer_same,
	.ref = ref,
};
