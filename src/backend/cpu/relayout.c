/*
 * relayout.c - Relayout: a strided copy from one order of the axes into the other.
 */
#include "backend/cpu/copy.h"

#include "backend/backend.h"

#include <stdlib.h>

static bool supports(const struct op_call *call, const char **why)
{
	*why = "elements of this size";
	return copy_supports(call->in[0].t.dtype);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	const struct op_operand *x = &call->in[0], *y = &call->out[0];
	struct loop l = loop_start(&x->t.shape);
	struct copy *c = mem_alloc(sizeof *c);
	loop_add(&l, &y->t.shape, y->layout);
	loop_add(&l, &x->t.shape, x->layout);
	*c = copy_prepare(&l, x->t.dtype, 0, 0);
	*state = c;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	copy_run(state, io->out[0], io->in[0]);
	return OK;
}

const struct kernel kernel_relayout = {
	.op = "Relayout",
	.name = "tiled transposition",
	.supports = supports,
	.create = create,
	.run = run,
	.destroy = free,
};
