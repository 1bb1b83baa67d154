/* optimizer.c - what optimizers share (see optimizer.h). */
#include "ops/optimizer.h"

#include <string.h>

enum status optimizer_infer(struct op_io *io)
{
	const struct tensor *p = io->in[2];
	for (uint32_t k = 3; k < io->n_in; k++)
		if (io->in[k]->dtype != p->dtype || !shape_equal(&io->in[k]->shape, &p->shape))
			return fail(io->err, ERR_INTERNAL,
				    "gradient or moment differs from its "
				    "parameter in type");
	for (uint32_t k = 0; k < io->n_out; k++)
		infer_set(io, k, p->dtype, &p->shape);
	return OK;
}

bool optimizer_begin(struct op_io *io, struct step_block *step, double *rate)
{
	/* Outputs are the parameter and its moments: inputs 2, 4, 5... */
	for (uint32_t k = 0; k < io->n_out; k++) {
		const struct tensor *in = io->in[k ? k + 3 : 2];
		if (io->out[k].data != in->data)
			memcpy(io->out[k].data, in->data, tensor_bytes(in));
	}
	memcpy(step, io->in[0]->data, sizeof *step);
	*rate = optimizer_rate(io->in[1]->data, io->in[1]->shape.dim[0], step->good_steps);
	return !step->found_inf;
}
