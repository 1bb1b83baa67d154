/*
 * conv.c - Conv, FusedConv, ConvGradInput and ConvGradWeight through cuDNN, tensors and filters
 * channels-last (conv_plan.h). What the plan leaves is done by kernels behind it: a bias and what else
 * follows is added, a gradient that cuDNN formed in a half type is widened to the float32 that the node
 * asks for.
 */
#include "backend/cuda/autotune.h"
#include "backend/cuda/conv_plan.h"
#include "backend/cuda/cuda.h"
#include "backend/cuda/launch.h"

#include <stdlib.h>

#define ALIGNMENT 256

struct state {
	cudnnHandle_t dnn;
	struct convolution c;
	struct conv_plan plan;
	struct ways ways; /* engines of the plan */
	int64_t elements; /* of the result */
	size_t narrow;    /* where in the workspace it is formed in a half type */
};

static bool is_narrowed(const struct state *s)
{
	return s->plan.result != s->c.tensor[s->c.result].dtype;
}

static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	struct convolution c;
	if (conv_read(call, &c, NULL) != OK)
		return;
	for (int i = 0; i < 3; i++)
		*(c.input[i] < 0 ? out : &in[c.input[i]]) = LAYOUT_LAST;
	if (c.input[CONV_RESIDUAL] >= 0)
		in[c.input[CONV_RESIDUAL]] = LAYOUT_LAST;
}

static bool supports(const struct op_call *call, const char **why)
{
	struct convolution c;
	*why = "a geometry that is not known";
	if (conv_read(call, &c, NULL) != OK)
		return false;
	for (int i = 0; i < CONV_PLACES; i++) {
		const struct op_operand *o = c.input[i] < 0 ? call->out : &call->in[c.input[i]];
		if (i == CONV_BIAS)
			continue;
		*why = "operands must be channels-last";
		if (!layout_same_bytes(&o->t.shape, o->layout, LAYOUT_LAST))
			return false;
		*why = "not for empty tensors";
		if (!shape_elements(&o->t.shape))
			return false;
	}
	*why = "for operands of one type, f32, f16 or bf16";
	return conv_types(&c);
}

static void destroy(void *state)
{
	struct state *s = state;
	conv_plan_release(&s->plan);
	free(s);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	struct convolution c;
	struct conv_plan plan;
	TRY(conv_read(call, &c, err));
	TRY(conv_plan_make(&c, device->dnn, NULL, ways_wanted(device->tuning), &plan, err));
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .dnn = device->dnn,
			     .c = c,
			     .plan = plan,
			     .elements = shape_elements(&c.tensor[c.result].shape) };
	ways_init(&s->ways, device->tuning, call, plan.n_plans);
	*workspace = (size_t)plan.workspace;
	if (is_narrowed(s)) {
		s->narrow = (*workspace + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
		*workspace = s->narrow + (size_t)s->elements * dtype_bits(plan.result) / 8;
	}
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	struct state *s = state;
	void *data[CONV_PLACES] = { NULL };
	for (int i = 0; i < CONV_PLACES; i++)
		if (s->c.input[i] >= 0)
			data[i] = io->in[s->c.input[i]];
	data[s->c.result] = is_narrowed(s) ? (char *)io->workspace + s->narrow : io->out[0];
	if (cudnnSetStream(s->dnn, stream->handle))
		return ERR_INTERNAL;
	TRY(conv_plan_run(&s->plan, s->ways.chosen, s->dnn, data, io->workspace));
	if (is_narrowed(s))
		return launch_widen(io->out[0], data[s->c.result], s->elements, s->plan.result,
				    stream);
	const struct tensor *bias = &s->c.tensor[CONV_BIAS];
	if (!bias->dtype || s->plan.fused)
		return OK;
	return launch_bias(io->out[0], data[CONV_BIAS], data[CONV_RESIDUAL], s->elements, s->c.g.k,
			   s->c.relu ? &s->c.high : NULL, bias->dtype, stream);
}

static enum status tune(void *state, const struct kernel_io *io, struct stream *stream)
{
	return ways_tune(&((struct state *)state)->ways, run, state, io, stream);
}

#define CONVOLUTION(operator)                                                                      \
	{                                                                                          \
		.op = operator, .name = "cuDNN", .supports = supports, .propose = propose,         \
		.create = create, .run = run, .tune = tune, .destroy = destroy                     \
	}

const struct kernel cuda_kernel_conv = CONVOLUTION("Conv");
const struct kernel cuda_kernel_fused_conv = CONVOLUTION("FusedConv");
const struct kernel cuda_kernel_conv_grad_input = CONVOLUTION("ConvGradInput");
const struct kernel cuda_kernel_conv_grad_weight = CONVOLUTION("ConvGradWeight");
