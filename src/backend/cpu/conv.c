/*
 * conv.c - Conv, ConvGradInput and ConvGradWeight through oneDNN: activations channels-last,
 * weights and bias plain. oneDNN keeps weights in a format of its own, made in the workspace by each
 * run; that costs one pass over the weights.
 */
#include "backend/cpu/conv.h"
#include "backend/cpu/simd.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the kernels of convolutions share ---- */

/* Which inputs are what; -1: output 0. */
static const struct {
	const char *op;
	int x, w, y;
} places[] = {
	[DNN_FORWARD] = { "Conv", 0, 1, -1 },
	[DNN_GRAD_INPUT] = { "ConvGradInput", -1, 1, 0 },
	[DNN_GRAD_WEIGHT] = { "ConvGradWeight", 1, -1, 0 },
};

static enum dnn_direction direction(const struct op_call *call)
{
	unsigned d = 0;
	while (strcmp(places[d].op, call->def->name) != 0)
		d++;
	return (enum dnn_direction)d;
}

enum status conv_call_read(const struct op_call *call, struct conv_call *out, struct error *err)
{
	static const struct op_operand none = { 0 };
	enum dnn_direction d = direction(call);
	struct conv_call c = { .direction = d };
	c.x = places[d].x < 0 ? call->out : &call->in[places[d].x];
	c.w = places[d].w < 0 ? call->out : &call->in[places[d].w];
	c.y = places[d].y < 0 ? call->out : &call->in[places[d].y];
	c.bias = d == DNN_FORWARD && call->n_in > 2 ? &call->in[2] : &none;
	TRY(conv_geometry(call->node, &c.x->t.shape, &c.w->t.shape, &c.g, err));
	*out = c;
	return OK;
}

struct conv_memory conv_memory(enum dnn_direction direction, bool with_bias,
			       const struct kernel_io *io)
{
	int x = places[direction].x, w = places[direction].w, y = places[direction].y;
	return (struct conv_memory){
		.x = x < 0 ? io->out[0] : io->in[x],
		.w = w < 0 ? io->out[0] : io->in[w],
		.y = y < 0 ? io->out[0] : io->in[y],
		.bias = with_bias ? io->in[2] : NULL,
	};
}

void conv_propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	const int activations[] = { places[direction(call)].x, places[direction(call)].y };
	for (unsigned i = 0; i < ARRAY_SIZE(activations); i++)
		*(activations[i] < 0 ? &out[0] : &in[activations[i]]) = LAYOUT_LAST;
}

void conv_propose_inward(const struct op_call *call, enum layout *in, enum layout *out)
{
	conv_propose(call, in, out);
	if (places[direction(call)].w >= 0)
		in[places[direction(call)].w] = LAYOUT_LAST;
}

static bool has_elements(const struct conv_call *c, const char **why)
{
	*why = "a tensor without elements";
	return shape_elements(&c->x->t.shape) && shape_elements(&c->w->t.shape) &&
	       shape_elements(&c->y->t.shape);
}

static bool has_plain_weights(const struct conv_call *c, const char **why)
{
	*why = "weights must be plain";
	return c->w->layout == LAYOUT_PLAIN && c->bias->layout == LAYOUT_PLAIN;
}

/* Those that are read channels-last, those that are written plain. */
static bool weights_are_inward(const struct conv_call *c, const char **why)
{
	if (c->direction == DNN_GRAD_WEIGHT)
		return has_plain_weights(c, why);
	*why = "weights must be channels-last";
	return layout_same_bytes(&c->w->t.shape, c->w->layout, LAYOUT_LAST) &&
	       c->bias->layout == LAYOUT_PLAIN;
}

bool conv_fits_loops(const struct conv_call *c, const char **why)
{
	if (!has_elements(c, why) || !weights_are_inward(c, why))
		return false;
	*why = "activations must be channels-last";
	return layout_same_bytes(&c->x->t.shape, c->x->layout, LAYOUT_LAST) &&
	       layout_same_bytes(&c->y->t.shape, c->y->layout, LAYOUT_LAST);
}

bool conv_is_simple(const struct conv_call *c, const char **why)
{
	if (!conv_fits_loops(c, why))
		return false;
	*why = "for float32";
	return c->x->t.dtype == DT_F32 && c->w->t.dtype == DT_F32 && c->y->t.dtype == DT_F32 &&
	       (!c->bias->t.dtype || c->bias->t.dtype == DT_F32);
}

int64_t conv_input_position(const struct conv_geometry *g, int64_t o, int64_t k)
{
	int64_t at = 0, stride = 1;
	for (int i = CONV_MAX_SPATIAL - 1; i >= 0; i--) {
		int64_t p = o % g->out[i] * g->stride[i] - g->pad_begin[i] +
			    k % g->kernel[i] * g->dilation[i];
		if (p < 0 || p >= g->in[i])
			return -1;
		o /= g->out[i];
		k /= g->kernel[i];
		at += p * stride;
		stride *= g->in[i];
	}
	return at;
}

/* [positions][c] to [c][positions]; twice as fast where the compiler knows how many. */
SIMD_INLINE void turn(const float *restrict from, float *restrict to, int64_t c,
		      const int64_t positions)
{
	for (int64_t i = 0; i < c; i++)
		for (int64_t j = 0; j < positions; j++)
			to[i * positions + j] = from[j * c + i];
}

SIMD static void turn_9(const float *from, float *to, int64_t c)
{
	turn(from, to, c, 9);
}

SIMD static void turn_any(const float *from, float *to, int64_t c, int64_t positions)
{
	turn(from, to, c, positions);
}

void conv_weights_outward(const struct conv_geometry *g, const float *from, int64_t ld, float *w)
{
	int64_t positions = g->kernel[0] * g->kernel[1] * g->kernel[2], c = g->c / g->group;
#pragma omp parallel for schedule(static) if (g->k * positions * c > 16384)
	for (int64_t k = 0; k < g->k; k++)
		if (positions == 9)
			turn_9(from + k * ld, w + k * c * positions, c);
		else
			turn_any(from + k * ld, w + k * c * positions, c, positions);
}

/* ---- oneDNN's convolutions ---- */

struct state {
	struct dnn_op *op;
	enum dnn_direction direction;
	bool bias;
};

/*
 * Whether bfloat16 is faster than float32, as measured with AMX and oneDNN 2.6, which has for
 * gradients of weights a slow kernel if each channel is by itself, and fills tiles badly with less
 * than 32 channels or with a few rows of a plane.
 */
static bool pays_in_half(const struct conv_call *c)
{
	int64_t plane = c->g.out[0] * c->g.out[1] * c->g.out[2];
	if (c->direction != DNN_GRAD_WEIGHT)
		return plane > 4;
	return plane > 16 && c->g.c / c->g.group >= 32 && c->g.k / c->g.group >= 32;
}

static bool supports(const struct op_call *call, const char **why)
{
	struct conv_call c;
	*why = "the geometry";
	if (conv_call_read(call, &c, NULL) != OK || !has_elements(&c, why) ||
	    !has_plain_weights(&c, why))
		return false;
	enum dtype type = c.x->t.dtype;
	*why = "float32 is faster at this convolution";
	if (type != DT_F32 && !pays_in_half(&c))
		return false;
	*why = DNN_AVAILABLE ? "oneDNN has no convolution of this type on this CPU"
			     : "built without oneDNN";
	return dnn_supports(type) && c.y->t.dtype == type &&
	       (c.w->t.dtype == type || c.w->t.dtype == DT_F32);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	struct conv_call c;
	TRY(conv_call_read(call, &c, err));
	struct dnn_conv conv = {
		.direction = c.direction,
		.x = dnn_tensor(c.x->t.dtype, &c.x->t.shape, c.x->layout),
		.w = dnn_tensor(c.w->t.dtype, &c.w->t.shape, c.w->layout),
		.y = dnn_tensor(c.y->t.dtype, &c.y->t.shape, c.y->layout),
		.group = c.g.group,
	};
	if (c.bias->t.dtype)
		conv.bias = dnn_tensor(c.bias->t.dtype, &c.bias->t.shape, c.bias->layout);
	memcpy(conv.stride, c.g.stride, sizeof conv.stride);
	memcpy(conv.dilation, c.g.dilation, sizeof conv.dilation);
	memcpy(conv.pad_begin, c.g.pad_begin, sizeof conv.pad_begin);
	memcpy(conv.pad_end, c.g.pad_end, sizeof conv.pad_end);
	struct dnn_op *op;
	TRY(dnn_conv_new(device->dnn, &conv, &op, err));
	*workspace = dnn_op_workspace(op);
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ op, c.direction, c.bias->t.dtype != DT_NONE };
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct conv_memory m = conv_memory(s->direction, s->bias, io);
	return dnn_op_run(s->op, (void *[]){ m.x, m.w, m.y, m.bias }, io->workspace);
}

static void destroy(void *state)
{
	struct state *s = state;
	dnn_op_free(s->op);
	free(s);
}

#define ONEDNN(OP, NAME)                                                                           \
	{                                                                                          \
		.op = OP, .name = NAME, .supports = supports, .propose = conv_propose,             \
		.create = create, .run = run, .destroy = destroy,                                  \
	}

const struct kernel kernel_conv = ONEDNN("Conv", "oneDNN convolution");
const struct kernel kernel_conv_grad_input = ONEDNN("ConvGradInput",
						    "oneDNN convolution, backward data");
const struct kernel kernel_conv_grad_weight = ONEDNN("ConvGradWeight",
						     "oneDNN convolution, backward weights");
