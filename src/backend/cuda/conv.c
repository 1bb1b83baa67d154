/*
 * conv.c - Conv, ConvGradInput and ConvGradWeight through cuDNN's graph API: one operation, tensors
 * and filters channels-last, sums in float32. The engine is the first of cuDNN's heuristic that gives
 * the same bits in every run. A bias is added by a kernel behind it.
 */
#include "ops/conv.h"
#include "backend/cuda/cuda.h"
#include "backend/cuda/launch.h"

#include <cudnn.h>
#include <cudnn_backend.h>
#include <stdlib.h>
#include <string.h>

#define RANK_MAX (CONV_MAX_SPATIAL + 2)
#define DESCRIPTORS 128 /* that one plan is made of, at most */
#define CONFIGS 32
#define WORKSPACE ((int64_t)512 << 20)

enum place { X, W, Y }; /* and the ids of the tensors */

/* Which operand is what, -1: output 0; and the names of each operation. */
static const struct direction {
	const char *op;
	int operand[3];
	cudnnBackendDescriptorType_t type;
	cudnnBackendAttributeName_t tensor[3], geometry, alpha, beta;
} directions[] = {
	{ "Conv",
	  { 0, 1, -1 },
	  CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
	  { CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
	    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y },
	  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA },
	{ "ConvGradInput",
	  { -1, 1, 0 },
	  CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
	  { CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
	    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
	    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY },
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA },
	{ "ConvGradWeight",
	  { 1, -1, 0 },
	  CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
	  { CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
	    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
	    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY },
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA },
};

struct convolution {
	const struct direction *direction;
	const struct op_operand *operand[3], *bias; /* bias NULL: none */
	struct conv_geometry g;
};

struct state {
	cudnnHandle_t dnn;
	const struct direction *direction;
	cudnnBackendDescriptor_t made[DESCRIPTORS];
	int n;
	bool failed;
	cudnnBackendDescriptor_t plan;
	int64_t workspace, elements, channels; /* of y, where there is a bias */
	enum dtype bias;                       /* its type, DT_NONE: there is none */
};

static enum status read_call(const struct op_call *call, struct convolution *out, struct error *err)
{
	const struct direction *d = directions;
	while (strcmp(d->op, call->def->name) != 0)
		d++;
	*out = (struct convolution){ .direction = d };
	for (int i = 0; i < 3; i++)
		out->operand[i] = d->operand[i] < 0 ? &call->out[0] : &call->in[d->operand[i]];
	if (d == directions && call->n_in > 2 && call->in[2].t.dtype)
		out->bias = &call->in[2];
	return conv_geometry(call->node, &out->operand[X]->t.shape, &out->operand[W]->t.shape,
			     &out->g, err);
}

static bool data_type(enum dtype dtype, cudnnDataType_t *out)
{
	*out = dtype == DT_F32   ? CUDNN_DATA_FLOAT
	       : dtype == DT_F16 ? CUDNN_DATA_HALF
				 : CUDNN_DATA_BFLOAT16;
	return dtype == DT_F32 || dtype == DT_F16 || dtype == DT_BF16;
}

static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	struct convolution c;
	if (read_call(call, &c, NULL) != OK)
		return;
	for (int i = 0; i < 3; i++)
		*(c.direction->operand[i] < 0 ? out : &in[c.direction->operand[i]]) = LAYOUT_LAST;
}

static bool supports(const struct op_call *call, const char **why)
{
	struct convolution c;
	cudnnDataType_t unused;
	*why = "a geometry that is not known";
	if (read_call(call, &c, NULL) != OK)
		return false;
	for (int i = 0; i < 3; i++) {
		*why = "operands must be channels-last";
		if (!layout_same_bytes(&c.operand[i]->t.shape, c.operand[i]->layout, LAYOUT_LAST))
			return false;
		*why = "for f32, f16 and bf16 only, and not for empty tensors";
		if (!data_type(c.operand[i]->t.dtype, &unused) ||
		    !shape_elements(&c.operand[i]->t.shape))
			return false;
	}
	*why = "operands of different types";
	return c.operand[X]->t.dtype == c.operand[c.direction == &directions[1] ? W : Y]->t.dtype &&
	       (!c.bias || c.bias->t.dtype == c.operand[Y]->t.dtype);
}

/* ---- descriptors ---- */

static cudnnBackendDescriptor_t make(struct state *s, cudnnBackendDescriptorType_t type)
{
	cudnnBackendDescriptor_t d = NULL;
	if (s->n == DESCRIPTORS || cudnnBackendCreateDescriptor(type, &d)) {
		s->failed = true;
		return NULL;
	}
	return s->made[s->n++] = d;
}

static void set(struct state *s, cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
		cudnnBackendAttributeType_t type, int64_t n, const void *values)
{
	if (!s->failed && cudnnBackendSetAttribute(d, name, type, n, values))
		s->failed = true;
}

static void finalize(struct state *s, cudnnBackendDescriptor_t d)
{
	if (!s->failed && cudnnBackendFinalize(d))
		s->failed = true;
}

#define SET_ONE(s, d, name, type, T, value) set(s, d, name, type, 1, &(T){ value })

/* As if there were at least two spatial axes: more are of size 1. */
static cudnnBackendDescriptor_t make_tensor(struct state *s, int64_t id, const struct op_operand *o)
{
	cudnnBackendDescriptor_t d = make(s, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
	struct shape shape = o->t.shape;
	int64_t stride[RANK_MAX];
	cudnnDataType_t type;
	if (shape.rank < 4)
		shape.dim[shape.rank++] = 1;
	int64_t step = shape.dim[1];
	for (int i = shape.rank - 1; i >= 0; i--) {
		stride[i] = i == 1 ? 1 : step;
		step *= i == 1 ? 1 : shape.dim[i];
	}
	data_type(o->t.dtype, &type);
	set(s, d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
	set(s, d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, shape.rank, shape.dim);
	set(s, d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, shape.rank, stride);
	set(s, d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
	SET_ONE(s, d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, int64_t, 16);
	finalize(s, d);
	return d;
}

static cudnnBackendDescriptor_t make_geometry(struct state *s, const struct conv_geometry *g)
{
	cudnnBackendDescriptor_t d = make(s, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
	int64_t n = g->spatial < 2 ? 2 : g->spatial;
	SET_ONE(s, d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, int64_t, n);
	SET_ONE(s, d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, cudnnDataType_t,
		CUDNN_DATA_FLOAT);
	SET_ONE(s, d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
		cudnnConvolutionMode_t, CUDNN_CROSS_CORRELATION);
	set(s, d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, n, g->pad_begin);
	set(s, d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, n, g->pad_end);
	set(s, d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, n, g->dilation);
	set(s, d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, n, g->stride);
	finalize(s, d);
	return d;
}

static cudnnBackendDescriptor_t make_graph(struct state *s, const struct convolution *c)
{
	const struct direction *d = c->direction;
	cudnnBackendDescriptor_t op = make(s, d->type), tensor;
	cudnnBackendDescriptor_t geometry = make_geometry(s, &c->g);
	for (int i = 0; i < 3; i++) {
		tensor = make_tensor(s, i, c->operand[i]);
		set(s, op, d->tensor[i], CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &tensor);
	}
	set(s, op, d->geometry, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &geometry);
	SET_ONE(s, op, d->alpha, CUDNN_TYPE_FLOAT, float, 1);
	SET_ONE(s, op, d->beta, CUDNN_TYPE_FLOAT, float, 0);
	finalize(s, op);
	cudnnBackendDescriptor_t graph = make(s, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
	set(s, graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &s->dnn);
	set(s, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &op);
	finalize(s, graph);
	return graph;
}

/* ---- engines ---- */

/* Whether the engine of a configuration gives the same bits in every run. */
static bool is_deterministic(struct state *s, cudnnBackendDescriptor_t config)
{
	cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
	cudnnBackendDescriptor_t engine = make(s, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
	int64_t n = 0;
	if (s->failed ||
	    cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE,
				     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &n, &engine) ||
	    cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
				     CUDNN_TYPE_NUMERICAL_NOTE, ARRAY_SIZE(notes), &n, notes))
		return false;
	for (int64_t i = 0; i < n; i++)
		if (notes[i] == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)
			return false;
	return true;
}

/* A plan of the configuration, or NULL when it can't be had or wants too much memory. */
static cudnnBackendDescriptor_t make_plan(struct state *s, cudnnBackendDescriptor_t config)
{
	cudnnBackendDescriptor_t plan = make(s, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
	int64_t n;
	set(s, plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &s->dnn);
	set(s, plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
	    &config);
	if (s->failed || cudnnBackendFinalize(plan) ||
	    cudnnBackendGetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
				     CUDNN_TYPE_INT64, 1, &n, &s->workspace) ||
	    s->workspace > WORKSPACE)
		return NULL;
	return plan;
}

static cudnnBackendDescriptor_t choose_plan(struct state *s, cudnnBackendDescriptor_t graph,
					    cudnnBackendHeurMode_t mode)
{
	cudnnBackendDescriptor_t heuristic = make(s, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
	cudnnBackendDescriptor_t config[CONFIGS], plan = NULL;
	int64_t n = 0;
	set(s, heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
	    &graph);
	set(s, heuristic, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
	finalize(s, heuristic);
	for (int i = 0; i < CONFIGS && !s->failed; i++)
		config[i] = make(s, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
	if (s->failed ||
	    cudnnBackendGetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS,
				     CUDNN_TYPE_BACKEND_DESCRIPTOR, CONFIGS, &n, config))
		return NULL;
	for (int64_t i = 0; i < n && !plan; i++)
		if (is_deterministic(s, config[i]))
			plan = make_plan(s, config[i]);
	return plan;
}

/* ---- the kernel ---- */

static void destroy(void *state)
{
	struct state *s = state;
	while (s->n)
		cudnnBackendDestroyDescriptor(s->made[--s->n]);
	free(s);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	struct convolution c;
	TRY(read_call(call, &c, err));
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .dnn = device->dnn, .direction = c.direction };
	cudnnBackendDescriptor_t graph = make_graph(s, &c);
	s->plan = choose_plan(s, graph, CUDNN_HEUR_MODE_A);
	if (!s->plan && !s->failed)
		s->plan = choose_plan(s, graph, CUDNN_HEUR_MODE_FALLBACK);
	if (!s->plan) {
		char why[256] = "";
		cudnnGetLastErrorString(why, sizeof why);
		destroy(s);
		return fail(err, ERR_INTERNAL, "cuDNN has no engine for this convolution: %s", why);
	}
	if (c.bias) {
		s->bias = c.bias->t.dtype;
		s->channels = c.g.k;
		s->elements = shape_elements(&c.operand[Y]->t.shape);
	}
	*workspace = (size_t)s->workspace;
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	struct state *s = state;
	int64_t ids[] = { X, W, Y };
	void *data[3];
	cudnnBackendDescriptor_t pack;
	for (int i = 0; i < 3; i++)
		data[i] = s->direction->operand[i] < 0 ? io->out[0]
						       : io->in[s->direction->operand[i]];
	if (cudnnSetStream(s->dnn, stream->handle) ||
	    cudnnBackendCreateDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack))
		return ERR_INTERNAL;
	bool failed = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
					       CUDNN_TYPE_INT64, 3, ids) ||
		      cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
					       CUDNN_TYPE_VOID_PTR, 3, data) ||
		      cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE,
					       CUDNN_TYPE_VOID_PTR, 1, &io->workspace) ||
		      cudnnBackendFinalize(pack) || cudnnBackendExecute(s->dnn, s->plan, pack);
	cudnnBackendDestroyDescriptor(pack);
	if (failed)
		return ERR_INTERNAL;
	return s->bias ? launch_bias(io->out[0], io->in[2], s->elements, s->channels, s->bias,
				     stream)
		       : OK;
}

#define CONVOLUTION(operator)                                                                      \
	{                                                                                          \
		.op = operator, .name = "cuDNN", .supports = supports, .propose = propose,         \
		.create = create, .run = run, .destroy = destroy                                   \
	}

const struct kernel cuda_kernel_conv = CONVOLUTION("Conv");
const struct kernel cuda_kernel_conv_grad_input = CONVOLUTION("ConvGradInput");
const struct kernel cuda_kernel_conv_grad_weight = CONVOLUTION("ConvGradWeight");
