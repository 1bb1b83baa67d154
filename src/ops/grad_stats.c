/*
 * grad_stats.c - GradStats: what the optimizer must know of all gradients together. Writes into the
 * step block: found_inf (any element not finite, checked before unscaling, as GradScaler.unscale_),
 * inverse = 1/scale, the L2 norm of the unscaled gradients, clip = min(1, max_norm / (norm + 1e-6))
 * (torch.nn.utils.clip_grad_norm_; max_norm 0: no clipping) and the loss of the window.
 *
 * Inputs: the step block, W, the accumulated loss sum, then every accumulated gradient; or only some
 * of them, where parameters are updated before all gradients are known ("part", see
 * ops/optimizer.h): then nothing is clipped, and the statistics are those so far.
 */
#include "ops/optimizer.h"

#include <string.h>

static enum status ref(struct op_io *io)
{
	struct step_block step;
	double sum = 0;
	memcpy(&step, io->in[0]->data, sizeof step);
	for (uint32_t k = 3; k < io->n_in; k++)
		for (int64_t i = 0, n = shape_elements(&io->in[k]->shape); i < n; i++) {
			double g = tensor_get(io->in[k], i);
			sum += g * g;
		}
	grad_stats_end(&step, sum, tensor_get(io->in[2], 0) / tensor_get(io->in[1], 0),
		       node_double(io->node, "max_norm"),
		       (enum grad_stats_part)node_int(io->node, "part"));
	memcpy(io->out[0].data, &step, sizeof step);
	return OK;
}

static const struct op_attr attrs[] = { { "max_norm", ATTR_DOUBLE, 0, 0, 0, NULL },
					{ "part", ATTR_INT, 0, GRAD_STATS_ALL, 0, NULL },
					{ 0 } };
static const struct op_arg in[] = { { "Step", ARG_KEEP, 0 },
				    { "W", ARG_KEEP, 0 },
				    { "Loss", ARG_KEEP, 0 },
				    { "G", ARG_KEEP | ARG_VARIADIC, 0 },
				    { 0 } };
static const struct op_arg out[] = { { "Step", 0, 1 }, { 0 } };

const struct op_def op_onnxtune_grad_stats = {
	.domain = "onnxtune",
	.name = "GradStats",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = infer_same,
	.ref = ref,
};
