/*
 * conv.c - Conv, ConvGradInput and ConvGradWeight through oneDNN: activations channels-last,
 * weights and bias plain. oneDNN keeps weights in a format of its own, made in the workspace by each
 * run; that costs one pass over the weights.
 */
#include "backend/cpu/dnn.h"

#include "ops/conv.h"

#include <stdlib.h>
#include <string.h>

enum { OUTPUT = -1, ABSENT = -2 };

/* Where the tensors of the convolution stand among a node's operands: an input or OUTPUT. */
struct places {
	int x, w, y, bias;
};

static const struct places places[] = {
	[DNN_FORWARD] = { 0, 1, OUTPUT, 2 },
	[DNN_GRAD_INPUT] = { OUTPUT, 1, 0, ABSENT },
	[DNN_GRAD_WEIGHT] = { 1, OUTPUT, 0, ABSENT },
};

struct state {
	struct dnn_op *op;
	struct places places;
};

static enum dnn_direction direction(const struct op_call *call)
{
	return !strcmp(call->def->name, "Conv")            ? DNN_FORWARD
	       : !strcmp(call->def->name, "ConvGradInput") ? DNN_GRAD_INPUT
							   : DNN_GRAD_WEIGHT;
}

static const struct op_operand *operand(const struct op_call *call, int place)
{
	static const struct op_operand none = { 0 };
	if (place == OUTPUT)
		return &call->out[0];
	return place >= 0 && (uint32_t)place < call->n_in ? &call->in[place] : &none;
}

static bool supports(const struct op_call *call, const char **why)
{
	const struct places *p = &places[direction(call)];
	const struct op_operand *x = operand(call, p->x), *w = operand(call, p->w);
	const struct op_operand *y = operand(call, p->y), *bias = operand(call, p->bias);
	enum dtype type = x->t.dtype;
	if (!DNN_AVAILABLE)
		*why = "built without oneDNN";
	else if (!dnn_supports(type) || y->t.dtype != type ||
		 (w->t.dtype != type && w->t.dtype != DT_F32))
		*why = "oneDNN has no convolution of this type on this CPU";
	else if (w->layout != LAYOUT_PLAIN || bias->layout != LAYOUT_PLAIN)
		*why = "weights must be plain";
	else if (!shape_elements(&x->t.shape) || !shape_elements(&w->t.shape) ||
		 !shape_elements(&y->t.shape))
		*why = "a tensor without elements";
	else
		return true;
	return false;
}

/* Activations channels-last, the rest plain. */
static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	const struct places *p = &places[direction(call)];
	const int activations[] = { p->x, p->y };
	for (unsigned i = 0; i < ARRAY_SIZE(activations); i++)
		*(activations[i] == OUTPUT ? &out[0] : &in[activations[i]]) = LAYOUT_LAST;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	struct dnn_conv c = { .direction = direction(call) };
	const struct places *p = &places[c.direction];
	const struct op_operand *x = operand(call, p->x), *w = operand(call, p->w);
	const struct op_operand *y = operand(call, p->y), *bias = operand(call, p->bias);
	struct conv_geometry g;
	struct state *s;
	TRY(conv_geometry(call->node, &x->t.shape, &w->t.shape, &g, err));
	c.x = dnn_tensor(x->t.dtype, &x->t.shape, x->layout);
	c.w = dnn_tensor(w->t.dtype, &w->t.shape, w->layout);
	c.y = dnn_tensor(y->t.dtype, &y->t.shape, y->layout);
	if (bias->t.dtype)
		c.bias = dnn_tensor(bias->t.dtype, &bias->t.shape, bias->layout);
	c.group = g.group;
	memcpy(c.stride, g.stride, sizeof c.stride);
	memcpy(c.dilation, g.dilation, sizeof c.dilation);
	memcpy(c.pad_begin, g.pad_begin, sizeof c.pad_begin);
	memcpy(c.pad_end, g.pad_end, sizeof c.pad_end);
	struct dnn_op *op;
	TRY(dnn_conv_new(device->dnn, &c, &op, err));
	*workspace = dnn_op_workspace(op);
	s = mem_alloc(sizeof *s);
	*s = (struct state){ .op = op, .places = *p };
	if (!bias->t.dtype)
		s->places.bias = ABSENT;
	*state = s;
	return OK;
}

static void *memory(const struct kernel_io *io, int place)
{
	return place == OUTPUT ? io->out[0] : place == ABSENT ? NULL : io->in[place];
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	struct state *s = state;
	const struct places *p = &s->places;
	void *data[] = { memory(io, p->x), memory(io, p->w), memory(io, p->y),
			 memory(io, p->bias) };
	return dnn_op_run(s->op, data, io->workspace);
}

static void destroy(void *state)
{
	struct state *s = state;
	dnn_op_free(s->op);
	free(s);
}

const struct kernel kernel_conv = {
	.op = "Conv",
	.name = "onednn convolution",
	.supports = supports,
	.propose = propose,
	.create = create,
	.run = run,
	.destroy = destroy,
};

const struct kernel kernel_conv_grad_input = {
	.op = "ConvGradInput",
	.name = "onednn convolution, backward data",
	.supports = supports,
	.propose = propose,
	.create = create,
	.run = run,
	.destroy = destroy,
};

const struct kernel kernel_conv_grad_weight = {
	.op = "ConvGradWeight",
	.name = "onednn convolution, backward weights",
	.supports = supports,
	.propose = propose,
	.create = create,
	.run = run,
	.destroy = destroy,
};
