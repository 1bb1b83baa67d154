/*
 * accumulate.c - Accumulate: acc' = acc + g, the sum over the micro-batches of a window, and Store:
 * acc' = g, which a plan puts in its place for the first of them. Both update acc in place.
 */
#include "ops/op.h"

static enum status infer(struct op_io *io)
{
	const struct tensor *acc = io->in[0], *g = io->in[1];
	if (acc->dtype != g->dtype || !shape_equal(&acc->shape, &g->shape))
		return fail(io->err, ERR_INTERNAL, "accumulator and gradient differ in type");
	return infer_same(io);
}

static double add(double a, double b)
{
	return a + b;
}

static double second(double a, double b)
{
	(void)a;
	return b;
}

static enum status ref_accumulate(struct op_io *io)
{
	return ref_binary(io, add, NULL);
}

static enum status ref_store(struct op_io *io)
{
	return ref_binary(io, second, NULL);
}

static const struct op_arg in[] = { { "Acc", ARG_KEEP, 0 }, { "G", ARG_KEEP, 0 }, { 0 } };
static const struct op_arg out[] = { { "Acc", 0, 1 }, { 0 } };

const struct op_def op_onnxtune_accumulate = {
	.domain = "onnxtune",
	.name = "Accumulate",
	.since = 1,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = infer,
	.ref = ref_accumulate,
};

const struct op_def op_onnxtune_store = {
	.domain = "onnxtune",
	.name = "Store",
	.since = 1,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = infer,
	.ref = ref_store,
};
