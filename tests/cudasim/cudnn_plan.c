/*
 * cudnn_plan.c - what the simulated cuDNN makes of descriptors when they are finalized: operations are
 * checked and brought into an order, and graphs that cuDNN has no engine for are refused.
 *
 * A graph is one convolution, forward or a gradient, or none, and pointwise operations behind it
 * (behind a filter gradient none). Tensors are channels-last. Where what is fused has the type of the
 * convolution's operands and is the addition of a whole tensor, that of a bias and ReLU, of which only the
 * bias must be there, in this order, an engine is there; others are compiled at run time and want channels
 * in multiples of 8, in float32 of 4.
 */
#include "cudasim/cudnn_graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tensors ---- */

static enum number number_of(int32_t type)
{
	return type == CUDNN_DATA_FLOAT      ? NUMBER_FLOAT
	       : type == CUDNN_DATA_HALF     ? NUMBER_FP16
	       : type == CUDNN_DATA_BFLOAT16 ? NUMBER_BF16
					     : NUMBER_NONE;
}

static cudnnStatus_t finalize_tensor(const struct descriptor *d)
{
	int64_t rank, strides, alignment = sim_dnn_int64(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, 0);
	const int64_t *dims = sim_dnn_get(d, CUDNN_ATTR_TENSOR_DIMENSIONS, &rank);
	if (!dims || !sim_dnn_get(d, CUDNN_ATTR_TENSOR_STRIDES, &strides) || strides != rank ||
	    !sim_dnn_get(d, CUDNN_ATTR_TENSOR_UNIQUE_ID, NULL) ||
	    !sim_dnn_get(d, CUDNN_ATTR_TENSOR_DATA_TYPE, NULL) || alignment < 1 ||
	    (alignment & (alignment - 1)))
		return sim_dnn_refuse(
			CUDNN_STATUS_BAD_PARAM,
			"a tensor needs dimensions, as many strides, an id, a type and an "
			"alignment");
	for (int64_t i = 0; i < rank; i++)
		if (dims[i] < 1)
			return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM, "a dimension is less than 1");
	if (!number_of(sim_dnn_enum(d, CUDNN_ATTR_TENSOR_DATA_TYPE, -1)))
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE,
				      "a type that is not simulated");
	if (rank > MAX_RANK || sim_dnn_bool(d, CUDNN_ATTR_TENSOR_IS_BY_VALUE))
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED,
				      "more than 5 dimensions, or a value: not simulated");
	return CUDNN_STATUS_SUCCESS;
}

static void take_tensor(struct dnn_tensor *t, const struct descriptor *d)
{
	int64_t rank;
	const int64_t *dims = sim_dnn_get(d, CUDNN_ATTR_TENSOR_DIMENSIONS, &rank),
		      *strides = sim_dnn_get(d, CUDNN_ATTR_TENSOR_STRIDES, NULL);
	*t = (struct dnn_tensor){
		.uid = sim_dnn_int64(d, CUDNN_ATTR_TENSOR_UNIQUE_ID, 0),
		.alignment = sim_dnn_int64(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, 1),
		.type = number_of(sim_dnn_enum(d, CUDNN_ATTR_TENSOR_DATA_TYPE, -1)),
		.rank = (int)rank,
		.is_virtual = sim_dnn_bool(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL),
	};
	for (int i = 0; i < t->rank; i++) {
		t->dims[i] = dims[i];
		t->strides[i] = strides[i];
	}
}

/* Channels side by side, then the last axis of space, and so on; the batch outermost. */
static bool channels_last(const struct dnn_tensor *t)
{
	int64_t least = 1;
	for (int k = 0; k < t->rank; k++) {
		int axis = k == 0 ? 1 : t->rank - k;
		if (k == t->rank - 1)
			axis = 0;
		if (t->dims[axis] == 1)
			continue;
		if (t->strides[axis] < least || (k == 0 && t->strides[axis] != 1))
			return false;
		least = t->strides[axis] * t->dims[axis];
	}
	return true;
}

/* ---- operations ---- */

/* The attributes of one way to convolve; x is the larger image, whichever is written. */
static const struct convolution {
	cudnnBackendDescriptorType_t descriptor;
	cudnnBackendAttributeName_t conv, x, w, y, alpha, beta;
	enum dnn_kind kind;
	int output;
} convolutions[] = {
	{ CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, DNN_FORWARD, 2 },
	{ CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, DNN_BACKWARD_DATA, 0 },
	{ CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, DNN_BACKWARD_FILTER, 1 },
};

static cudnnStatus_t finalize_convolution(const struct descriptor *d)
{
	int64_t space = sim_dnn_int64(d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 0), n;
	static const cudnnBackendAttributeName_t lists[] = {
		CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS,
		CUDNN_ATTR_CONVOLUTION_POST_PADDINGS,
		CUDNN_ATTR_CONVOLUTION_DILATIONS,
		CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES,
	};
	for (int i = 0; i < 4; i++)
		if (!sim_dnn_get(d, lists[i], &n) || n != space)
			return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM,
					      "paddings, dilations and strides, one for each axis");
	if (space < 2 || space > MAX_SPACE)
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED_SHAPE, "2 or 3 axes of space");
	if (sim_dnn_enum(d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, -1) != CUDNN_CROSS_CORRELATION)
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED,
				      "only cross-correlation is simulated");
	if (sim_dnn_enum(d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, -1) != CUDNN_DATA_FLOAT)
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE,
				      "computed in float only");
	return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t check_convolution(const struct dnn_operation *op)
{
	const struct dnn_tensor *x = &op->tensors[0], *w = &op->tensors[1], *y = &op->tensors[2];
	if (x->rank != op->space + 2 || w->rank != x->rank || y->rank != x->rank)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "ranks differ");
	if (x->dims[0] != y->dims[0] || w->dims[0] != y->dims[1] || x->dims[1] % w->dims[1] ||
	    y->dims[1] % op->groups)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
				      "batch, channels or groups do not fit");
	for (int i = 0; i < op->space; i++) {
		int64_t extent = op->dilations[i] * (w->dims[2 + i] - 1) + 1,
			padded = x->dims[2 + i] + op->pre[i] + op->post[i];
		if (op->strides[i] < 1 || op->dilations[i] < 1 || op->pre[i] < 0 ||
		    op->post[i] < 0 || padded < extent ||
		    (padded - extent) / op->strides[i] + 1 != y->dims[2 + i])
			return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
					      "axis %d of space does not fit", i);
	}
	for (int i = 0; i < 3; i++)
		if (!channels_last(&op->tensors[i]))
			return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED_LAYOUT,
					      "tensor %lld is not channels-last",
					      (long long)op->tensors[i].uid);
	const struct dnn_tensor *in1 = &op->tensors[op->output == 0 ? 1 : 0],
				*in2 = &op->tensors[op->output == 2 ? 1 : 2],
				*out = &op->tensors[op->output];
	bool float_out = out->type == NUMBER_FLOAT &&
			 (out->is_virtual || op->kind == DNN_BACKWARD_FILTER);
	if (in1->type != in2->type || (out->type != in1->type && !float_out))
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "types do not fit");
	return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t take_convolution(struct dnn_operation *op, const struct convolution *way,
				      const struct descriptor *d)
{
	const struct descriptor *conv = sim_dnn_child(d, way->conv), *x = sim_dnn_child(d, way->x),
				*w = sim_dnn_child(d, way->w), *y = sim_dnn_child(d, way->y);
	if (!conv || !x || !w || !y || !sim_dnn_get(d, way->alpha, NULL) ||
	    !sim_dnn_get(d, way->beta, NULL))
		return sim_dnn_refuse(
			CUDNN_STATUS_BAD_PARAM,
			"a convolution needs three tensors, a description, alpha and beta");
	*op = (struct dnn_operation){
		.kind = way->kind,
		.operands = 3,
		.output = way->output,
		.alpha = sim_dnn_float(d, way->alpha, 1),
		.beta = sim_dnn_float(d, way->beta, 0),
		.space = (int)sim_dnn_int64(conv, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 0),
	};
	take_tensor(&op->tensors[0], x);
	take_tensor(&op->tensors[1], w);
	take_tensor(&op->tensors[2], y);
	size_t bytes = (size_t)op->space * sizeof(int64_t);
	memcpy(op->pre, sim_dnn_get(conv, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, NULL), bytes);
	memcpy(op->post, sim_dnn_get(conv, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, NULL), bytes);
	memcpy(op->strides, sim_dnn_get(conv, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, NULL), bytes);
	memcpy(op->dilations, sim_dnn_get(conv, CUDNN_ATTR_CONVOLUTION_DILATIONS, NULL), bytes);
	op->groups = op->tensors[0].dims[1] / op->tensors[1].dims[1];
	if (op->groups < 1)
		op->groups = 1;
	return check_convolution(op);
}

/* The operands of a pointwise mode, the output last; ended by 0, which is no such attribute. */
static const struct pointwise {
	cudnnPointwiseMode_t mode;
	cudnnBackendAttributeName_t operands[MAX_OPERANDS];
} pointwise[] = {
#define X CUDNN_ATTR_OPERATION_POINTWISE_XDESC
#define B CUDNN_ATTR_OPERATION_POINTWISE_BDESC
#define Y CUDNN_ATTR_OPERATION_POINTWISE_YDESC
#define DX CUDNN_ATTR_OPERATION_POINTWISE_DXDESC
#define DY CUDNN_ATTR_OPERATION_POINTWISE_DYDESC
	{ CUDNN_POINTWISE_ADD, { X, B, Y } },        { CUDNN_POINTWISE_MUL, { X, B, Y } },
	{ CUDNN_POINTWISE_IDENTITY, { X, Y } },      { CUDNN_POINTWISE_RELU_FWD, { X, Y } },
	{ CUDNN_POINTWISE_RELU_BWD, { DY, X, DX } }, { CUDNN_POINTWISE_RELU_BWD, { DY, Y, DX } },
#undef X
#undef B
#undef Y
#undef DX
#undef DY
};

static cudnnStatus_t take_pointwise(struct dnn_operation *op, const struct descriptor *d)
{
	const struct descriptor *description = sim_dnn_child(
		d, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
	if (!description)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM, "a pointwise operation needs a mode");
	*op = (struct dnn_operation){
		.kind = DNN_POINTWISE,
		.mode = (cudnnPointwiseMode_t)sim_dnn_enum(description, CUDNN_ATTR_POINTWISE_MODE,
							   -1),
		.alpha = sim_dnn_float(d, CUDNN_ATTR_OPERATION_POINTWISE_ALPHA1, 1),
		.beta = sim_dnn_float(d, CUDNN_ATTR_OPERATION_POINTWISE_ALPHA2, 1),
		.lower = sim_dnn_float(description, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP, 0),
		.upper = sim_dnn_float(description, CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, INFINITY),
		.slope = sim_dnn_float(description, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, 0),
	};
	for (size_t i = 0; i < sizeof pointwise / sizeof *pointwise; i++) {
		if (pointwise[i].mode != op->mode)
			continue;
		op->operands = 0;
		for (int k = 0; k < MAX_OPERANDS && pointwise[i].operands[k]; k++) {
			const struct descriptor *t = sim_dnn_child(d, pointwise[i].operands[k]);
			if (!t) {
				op->operands = 0;
				break;
			}
			take_tensor(&op->tensors[op->operands++], t);
		}
		if (op->operands)
			break;
	}
	if (!op->operands)
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED,
				      "pointwise mode %d: not simulated, or an operand is missing",
				      op->mode);
	if (sim_dnn_enum(description, CUDNN_ATTR_POINTWISE_MATH_PREC, -1) != CUDNN_DATA_FLOAT)
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE,
				      "computed in float only");
	op->output = op->operands - 1;
	const struct dnn_tensor *out = &op->tensors[op->output];
	for (int k = 0; k < op->output; k++) {
		const struct dnn_tensor *in = &op->tensors[k];
		bool fits = in->rank == out->rank;
		for (int i = 0; fits && i < in->rank; i++)
			fits = in->dims[i] == out->dims[i] || (k > 0 && in->dims[i] == 1);
		if (!fits)
			return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
					      "tensor %lld does not fit the output",
					      (long long)in->uid);
		if (!channels_last(in))
			return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED_LAYOUT,
					      "tensor %lld is not channels-last",
					      (long long)in->uid);
	}
	return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t take_operation(struct dnn_operation *op, const struct descriptor *d)
{
	for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++)
		if (convolutions[i].descriptor == d->type)
			return take_convolution(op, &convolutions[i], d);
	if (d->type == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR)
		return take_pointwise(op, d);
	return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, "that is no operation");
}

/* ---- graphs ---- */

static bool writes(const struct dnn_operation *op, int64_t uid)
{
	return op->tensors[op->output].uid == uid;
}

/* Moves operations behind those that make their inputs. */
static bool sort(struct plan *plan)
{
	for (int done = 0; done < plan->n; done++) {
		int next = -1;
		for (int i = done; i < plan->n && next < 0; i++) {
			bool ready = true;
			for (int k = 0; k < plan->operations[i].operands; k++)
				for (int j = done; j < plan->n; j++)
					if (j != i && k != plan->operations[i].output &&
					    writes(&plan->operations[j],
						   plan->operations[i].tensors[k].uid))
						ready = false;
			if (ready)
				next = i;
		}
		if (next < 0)
			return false;
		struct dnn_operation op = plan->operations[next];
		plan->operations[next] = plan->operations[done];
		plan->operations[done] = op;
	}
	return true;
}

/* Every virtual tensor is made by one operation before it is read, and some result is not virtual. */
static cudnnStatus_t check_virtual(const struct plan *plan)
{
	bool result = false;
	for (int i = 0; i < plan->n; i++) {
		const struct dnn_operation *op = &plan->operations[i];
		for (int k = 0; k < op->operands; k++) {
			const struct dnn_tensor *t = &op->tensors[k];
			int makers = 0;
			for (int j = 0; j < plan->n; j++)
				makers += writes(&plan->operations[j], t->uid) &&
					  (j < i || k == op->output);
			if (makers > 1 || (t->is_virtual && k != op->output && !makers))
				return sim_dnn_refuse(
					CUDNN_STATUS_BAD_PARAM,
					"tensor %lld is made %d times before it is read",
					(long long)t->uid, makers);
		}
		result |= !op->tensors[op->output].is_virtual;
	}
	return result ? CUDNN_STATUS_SUCCESS
		      : sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM, "all results are virtual");
}

/* Whether the operation adds a tensor of the output's shape, or one number for each channel. */
static bool adds(const struct dnn_operation *op, bool channels)
{
	const struct dnn_tensor *b = &op->tensors[1], *y = &op->tensors[2];
	bool fits = op->mode == CUDNN_POINTWISE_ADD;
	for (int k = 0; k < y->rank && fits; k++)
		fits = b->dims[k] == (channels && k != 1 ? 1 : y->dims[k]);
	return fits;
}

/* Whether engines for it are compiled at run time. */
static bool is_compiled(const struct plan *plan)
{
	int at = 1 + (plan->n > 2 && adds(&plan->operations[1], false));
	bool other = plan->operations[0].kind == DNN_POINTWISE ||
		     (plan->n > 1 && (at == plan->n || !adds(&plan->operations[at++], true))) ||
		     (at < plan->n && plan->operations[at++].mode != CUDNN_POINTWISE_RELU_FWD) ||
		     at < plan->n;
	for (int i = 1; i < plan->n; i++)
		for (int k = 0; k < plan->operations[i].output; k++) {
			const struct dnn_tensor *t = &plan->operations[i].tensors[k];
			other |= !t->is_virtual && t->type != plan->operations[0].tensors[0].type;
		}
	return other && plan->n > 1;
}

static cudnnStatus_t check_pattern(const struct plan *plan)
{
	const struct dnn_operation *conv = NULL;
	for (int i = 0; i < plan->n; i++) {
		const struct dnn_operation *op = &plan->operations[i];
		if (op->kind == DNN_POINTWISE)
			continue;
		if (i > 0)
			return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN,
					      "a convolution that is not the first operation");
		conv = op;
	}
	if (!conv)
		return CUDNN_STATUS_SUCCESS;
	if (conv->kind == DNN_BACKWARD_FILTER && conv->tensors[1].type != conv->tensors[0].type)
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE,
				      "a filter gradient of another type than the operands");
	if (plan->n > 1 && (conv->kind == DNN_BACKWARD_FILTER || conv->beta != 0))
		return sim_dnn_refuse(
			CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN,
			"nothing is fused to a filter gradient, or where beta is not 0");
	int64_t multiple = conv->tensors[1].type == NUMBER_FLOAT ? 4 : 8;
	if (is_compiled(plan) &&
	    (conv->tensors[1].dims[1] % multiple || conv->tensors[1].dims[0] % multiple))
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED_SHAPE,
				      "fused convolutions want channels in multiples of %lld",
				      (long long)multiple);
	return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t finalize_graph(struct descriptor *d)
{
	int64_t n, engines;
	struct descriptor *const *operations = sim_dnn_get(d, CUDNN_ATTR_OPERATIONGRAPH_OPS, &n);
	if (!operations || n > MAX_OPERATIONS)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM, "1 to %d operations", MAX_OPERATIONS);
	struct plan *plan = d->plan ? d->plan : sim_alloc(sizeof *plan);
	d->plan = plan;
	plan->n = (int)n;
	for (int i = 0; i < plan->n; i++) {
		cudnnStatus_t status = take_operation(&plan->operations[i], operations[i]);
		if (status != CUDNN_STATUS_SUCCESS)
			return status;
	}
	if (!sort(plan))
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM, "the graph has a cycle");
	cudnnStatus_t status = check_virtual(plan);
	if (status != CUDNN_STATUS_SUCCESS)
		return status;
	engines = ENGINES;
	sim_dnn_put(d, CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT, 1, &engines);
	return CUDNN_STATUS_SUCCESS;
}

/* ---- engines ---- */

int64_t sim_dnn_engines(const struct plan *plan, int64_t *indices)
{
	int64_t n = 0;
	indices[n++] = ENGINE_UNSUPPORTED;
	if (plan->operations[0].kind == DNN_BACKWARD_DATA ||
	    plan->operations[0].kind == DNN_BACKWARD_FILTER)
		indices[n++] = ENGINE_NONDETERMINISTIC;
	/* what is fused to a depthwise convolution has an engine of its own */
	bool depthwise = plan->n > 1 && plan->operations[0].groups > 1 &&
			 plan->operations[0].groups == plan->operations[0].tensors[0].dims[1];
	indices[n++] = depthwise ? ENGINE_PLAIN : ENGINE_WORKSPACE;
	indices[n++] = depthwise ? ENGINE_WORKSPACE : ENGINE_PLAIN;
	return n;
}

/* bf16 wants an Ampere; the device is what a DEVICEPROP says, or the simulated one. */
static bool device_can(const struct plan *plan, const struct descriptor *prop)
{
	struct cudaDeviceProp device;
	int version = 0;
	const char *json = prop ? sim_dnn_get(prop, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, NULL)
				: NULL;
	const char *field = json ? strstr(json, "\"deviceVer\":") : NULL;
	if (field)
		version = atoi(field + strlen("\"deviceVer\":"));
	else if (cudaGetDeviceProperties(&device, 0) == cudaSuccess)
		version = device.major * 100 + device.minor * 10;
	for (int i = 0; i < plan->n; i++)
		for (int k = 0; k < plan->operations[i].operands; k++)
			if (plan->operations[i].tensors[k].type == NUMBER_BF16 && version < 800)
				return false;
	return true;
}

static struct descriptor *new_engine_config(struct descriptor *graph, int64_t index)
{
	struct descriptor *engine = sim_alloc(sizeof *engine), *config = sim_alloc(sizeof *config);
	engine->type = CUDNN_BACKEND_ENGINE_DESCRIPTOR;
	config->type = CUDNN_BACKEND_ENGINECFG_DESCRIPTOR;
	sim_dnn_put(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, 1, &graph);
	sim_dnn_put(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, 1, &index);
	engine->finalized = sim_dnn_finalize(engine) == CUDNN_STATUS_SUCCESS;
	sim_dnn_put(config, CUDNN_ATTR_ENGINECFG_ENGINE, 1, &engine);
	config->finalized = sim_dnn_finalize(config) == CUDNN_STATUS_SUCCESS;
	return config;
}

static cudnnStatus_t finalize_heuristic(struct descriptor *d)
{
	struct descriptor *graph = sim_dnn_child(d, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
	int64_t indices[ENGINES];
	if (!graph || !sim_dnn_get(d, CUDNN_ATTR_ENGINEHEUR_MODE, NULL))
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM,
				      "a heuristic needs a graph and a mode");
	cudnnStatus_t status = check_pattern(graph->plan);
	if (status != CUDNN_STATUS_SUCCESS)
		return status;
	if (!device_can(graph->plan, sim_dnn_child(d, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP)))
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED_ARCH_MISMATCH,
				      "no bf16 before Ampere");
	int64_t n = sim_dnn_engines(graph->plan, indices);
	struct descriptor *configs[ENGINES];
	for (int64_t i = 0; i < n; i++)
		configs[i] = new_engine_config(graph, indices[i]);
	sim_dnn_put(d, CUDNN_ATTR_ENGINEHEUR_RESULTS, n, configs);
	return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t finalize_engine(struct descriptor *d)
{
	struct descriptor *graph = sim_dnn_child(d, CUDNN_ATTR_ENGINE_OPERATION_GRAPH);
	int64_t index = sim_dnn_int64(d, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, -1);
	cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
	cudnnBackendBehaviorNote_t behaviour = CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
	if (!graph || index < 0 || index >= ENGINES)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM,
				      "an engine needs a graph and its index");
	int64_t n = sim_dnn_numerical_notes(index, notes);
	if (n)
		sim_dnn_put(d, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, n, notes);
	if (is_compiled(graph->plan))
		sim_dnn_put(d, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, 1, &behaviour);
	return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t finalize_config(struct descriptor *d)
{
	const struct descriptor *engine = sim_dnn_child(d, CUDNN_ATTR_ENGINECFG_ENGINE);
	if (!engine)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM,
				      "an engine configuration needs an engine");
	int64_t bytes = sim_dnn_workspace(sim_dnn_int64(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, 0));
	sim_dnn_put(d, CUDNN_ATTR_ENGINECFG_WORKSPACE_SIZE, 1, &bytes);
	return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t finalize_plan(struct descriptor *d)
{
	const struct descriptor *config = sim_dnn_child(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
	if (!config)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM,
				      "a plan needs an engine configuration");
	const struct descriptor *engine = sim_dnn_child(config, CUDNN_ATTR_ENGINECFG_ENGINE),
				*graph = sim_dnn_child(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH);
	int64_t index = sim_dnn_int64(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, 0);
	cudnnStatus_t status = check_pattern(graph->plan);
	if (status != CUDNN_STATUS_SUCCESS)
		return status;
	if (index == ENGINE_UNSUPPORTED)
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED,
				      "the engine can't run this graph");
	if (!device_can(graph->plan, sim_dnn_child(d, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP)))
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED_ARCH_MISMATCH,
				      "no bf16 before Ampere");
	if (!d->plan)
		d->plan = sim_alloc(sizeof *d->plan);
	*d->plan = *graph->plan;
	d->plan->engine = index;
	d->plan->workspace_bytes = sim_dnn_workspace(index);
	sim_dnn_put(d, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, 1, &d->plan->workspace_bytes);
	return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t finalize_pack(const struct descriptor *d)
{
	int64_t ids, pointers;
	if (!sim_dnn_get(d, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, &ids) ||
	    !sim_dnn_get(d, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, &pointers) || ids != pointers)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM,
				      "a pack needs ids and as many pointers");
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t sim_dnn_finalize(struct descriptor *d)
{
	struct dnn_operation operation;
	switch (d->type) {
	case CUDNN_BACKEND_TENSOR_DESCRIPTOR:
		return finalize_tensor(d);
	case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR:
		return finalize_convolution(d);
	case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
	case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
	case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
	case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
		return take_operation(&operation, d);
	case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR:
		return finalize_graph(d);
	case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR:
		return finalize_heuristic(d);
	case CUDNN_BACKEND_ENGINE_DESCRIPTOR:
		return finalize_engine(d);
	case CUDNN_BACKEND_ENGINECFG_DESCRIPTOR:
		return finalize_config(d);
	case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
		return finalize_plan(d);
	case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR:
		return finalize_pack(d);
	default:
		return CUDNN_STATUS_SUCCESS;
	}
}
