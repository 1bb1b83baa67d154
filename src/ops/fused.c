/*
 * fused.c - Fused: a graph of pointwise operators as one node, so that what lies between them never
 * reaches memory. The fuse pass makes it (passes/fuse.h). All values have one shape, to which the
 * inputs broadcast; only outputs may be sums over axes of it (ReduceSum, read by nobody inside). The
 * body's inputs and outputs are those of the node, in order.
 */
#include "ops/interpret.h"

#include <string.h>

static const struct graph *body_of(const struct op_io *io)
{
	return node_attr(io->node, "_body")->graph;
}

static enum status infer(struct op_io *io)
{
	const struct graph *body = body_of(io);
	if (io->n_in != body->inputs.n || io->n_out != body->outputs.n)
		return fail(io->err, ERR_INTERNAL, "the body has %u inputs and %u outputs",
			    (unsigned)body->inputs.n, (unsigned)body->outputs.n);
	for (uint32_t k = 0; k < io->n_in; k++) {
		const struct tensor *t = &graph_value(body, body->inputs.v[k])->t;
		if (!io->in[k] || io->in[k]->dtype != t->dtype ||
		    !shape_equal(&io->in[k]->shape, &t->shape))
			return fail(io->err, ERR_INTERNAL, "input %u is not that of the body",
				    (unsigned)k);
	}
	for (uint32_t k = 0; k < io->n_out; k++) {
		const struct tensor *t = &graph_value(body, body->outputs.v[k])->t;
		io->out[k].dtype = t->dtype;
		io->out[k].shape = t->shape;
	}
	return OK;
}

static enum status ref(struct op_io *io)
{
	struct tensor *in = arena_alloc(io->arena, io->n_in * sizeof *in);
	struct tensor *out = arena_alloc(io->arena, io->n_out * sizeof *out);
	for (uint32_t k = 0; k < io->n_in; k++)
		in[k] = *io->in[k];
	TRY(interpret_graph(body_of(io), in, out, NULL, io->arena, io->err));
	for (uint32_t k = 0; k < io->n_out; k++)
		if (io->wanted[k])
			memcpy(io->out[k].data, out[k].data, tensor_bytes(&out[k]));
	return OK;
}

static const struct op_attr attrs[] = { { "_body", ATTR_GRAPH, ATTR_REQUIRED, 0, 0, NULL }, { 0 } };
static const struct op_arg in[] = { { "X", ARG_VARIADIC | ARG_OPTIONAL, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", ARG_VARIADIC, 0 }, { 0 } };

const struct op_def op_onnxtune_fused = {
	.domain = "onnxtune",
	.name = "Fused",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer,
	.ref = ref,
};
