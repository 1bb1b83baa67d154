/*
 * cudnn_descriptor.c - the simulated cuDNN's handles, errors and descriptors: attributes are kept as
 * they were set, after a look at the table of what exists.
 */
#include "cudasim/cudnn_graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char last_error[256];

/* ---- handles and errors ---- */

cudnnStatus_t sim_dnn_refuse(cudnnStatus_t status, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(last_error, sizeof last_error, fmt, args);
	va_end(args);
	return status;
}

#define STATUSES(X)                                                                                \
	X(CUDNN_STATUS_SUCCESS)                                                                    \
	X(CUDNN_STATUS_NOT_INITIALIZED)                                                            \
	X(CUDNN_STATUS_BAD_PARAM)                                                                  \
	X(CUDNN_STATUS_BAD_PARAM_NULL_POINTER)                                                     \
	X(CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER)                                               \
	X(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED)                                                    \
	X(CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT)                                                \
	X(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH)                                                   \
	X(CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE)                                                   \
	X(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE)                                                  \
	X(CUDNN_STATUS_NOT_SUPPORTED)                                                              \
	X(CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN)                                                \
	X(CUDNN_STATUS_NOT_SUPPORTED_SHAPE)                                                        \
	X(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE)                                                    \
	X(CUDNN_STATUS_NOT_SUPPORTED_LAYOUT)                                                       \
	X(CUDNN_STATUS_NOT_SUPPORTED_ARCH_MISMATCH)                                                \
	X(CUDNN_STATUS_EXECUTION_FAILED)

const char *cudnnGetErrorString(cudnnStatus_t status)
{
#define AS_NAME(code) { code, #code },
	static const struct {
		cudnnStatus_t status;
		const char *name;
	} names[] = { STATUSES(AS_NAME) };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].status == status)
			return names[i].name;
	return "CUDNN_UNKNOWN_STATUS";
}

void cudnnGetLastErrorString(char *message, size_t size)
{
	snprintf(message, size, "%s", last_error);
	*last_error = '\0';
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle)
{
	if (SIM_FAILS())
		return sim_dnn_refuse(CUDNN_STATUS_EXECUTION_FAILED, "the device fails");
	if (!handle)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no handle");
	*handle = sim_alloc(sizeof **handle);
	sim_made(THING_CUDNN);
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle)
{
	if (!handle)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no handle");
	free(handle);
	sim_gone(THING_CUDNN);
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream)
{
	if (SIM_FAILS())
		return sim_dnn_refuse(CUDNN_STATUS_EXECUTION_FAILED, "the device fails");
	if (!handle)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no handle");
	handle->stream = stream;
	return CUDNN_STATUS_SUCCESS;
}

/* ---- the table of attributes ---- */

enum direction { SET, GET };

#define DESCRIPTOR(name) CUDNN_BACKEND_##name##_DESCRIPTOR
#define FORWARD OPERATION_CONVOLUTION_FORWARD
#define DATA OPERATION_CONVOLUTION_BACKWARD_DATA
#define FILTER OPERATION_CONVOLUTION_BACKWARD_FILTER

#define ROW(descriptor, attribute, type, direction, most)                                          \
	{                                                                                          \
		CUDNN_ATTR_##attribute, DESCRIPTOR(descriptor), CUDNN_TYPE_##type, direction, most \
	}

static const struct row {
	cudnnBackendAttributeName_t name;
	cudnnBackendDescriptorType_t descriptor;
	cudnnBackendAttributeType_t type;
	enum direction direction; /* what the caller may do */
	int64_t most;             /* elements */
} rows[] = {
	ROW(TENSOR, TENSOR_BYTE_ALIGNMENT, INT64, SET, 1),
	ROW(TENSOR, TENSOR_DATA_TYPE, DATA_TYPE, SET, 1),
	ROW(TENSOR, TENSOR_DIMENSIONS, INT64, SET, 8),
	ROW(TENSOR, TENSOR_STRIDES, INT64, SET, 8),
	ROW(TENSOR, TENSOR_UNIQUE_ID, INT64, SET, 1),
	ROW(TENSOR, TENSOR_IS_VIRTUAL, BOOLEAN, SET, 1),
	ROW(TENSOR, TENSOR_IS_BY_VALUE, BOOLEAN, SET, 1),
	ROW(CONVOLUTION, CONVOLUTION_COMP_TYPE, DATA_TYPE, SET, 1),
	ROW(CONVOLUTION, CONVOLUTION_CONV_MODE, CONVOLUTION_MODE, SET, 1),
	ROW(CONVOLUTION, CONVOLUTION_DILATIONS, INT64, SET, 8),
	ROW(CONVOLUTION, CONVOLUTION_FILTER_STRIDES, INT64, SET, 8),
	ROW(CONVOLUTION, CONVOLUTION_POST_PADDINGS, INT64, SET, 8),
	ROW(CONVOLUTION, CONVOLUTION_PRE_PADDINGS, INT64, SET, 8),
	ROW(CONVOLUTION, CONVOLUTION_SPATIAL_DIMS, INT64, SET, 1),
	ROW(POINTWISE, POINTWISE_MODE, POINTWISE_MODE, SET, 1),
	ROW(POINTWISE, POINTWISE_MATH_PREC, DATA_TYPE, SET, 1),
	ROW(POINTWISE, POINTWISE_RELU_LOWER_CLIP, FLOAT, SET, 1),
	ROW(POINTWISE, POINTWISE_RELU_UPPER_CLIP, FLOAT, SET, 1),
	ROW(POINTWISE, POINTWISE_RELU_LOWER_CLIP_SLOPE, FLOAT, SET, 1),
	ROW(FORWARD, OPERATION_CONVOLUTION_FORWARD_ALPHA, FLOAT, SET, 1),
	ROW(FORWARD, OPERATION_CONVOLUTION_FORWARD_BETA, FLOAT, SET, 1),
	ROW(FORWARD, OPERATION_CONVOLUTION_FORWARD_CONV_DESC, BACKEND_DESCRIPTOR, SET, 1),
	ROW(FORWARD, OPERATION_CONVOLUTION_FORWARD_W, BACKEND_DESCRIPTOR, SET, 1),
	ROW(FORWARD, OPERATION_CONVOLUTION_FORWARD_X, BACKEND_DESCRIPTOR, SET, 1),
	ROW(FORWARD, OPERATION_CONVOLUTION_FORWARD_Y, BACKEND_DESCRIPTOR, SET, 1),
	ROW(DATA, OPERATION_CONVOLUTION_BWD_DATA_ALPHA, FLOAT, SET, 1),
	ROW(DATA, OPERATION_CONVOLUTION_BWD_DATA_BETA, FLOAT, SET, 1),
	ROW(DATA, OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, BACKEND_DESCRIPTOR, SET, 1),
	ROW(DATA, OPERATION_CONVOLUTION_BWD_DATA_W, BACKEND_DESCRIPTOR, SET, 1),
	ROW(DATA, OPERATION_CONVOLUTION_BWD_DATA_DX, BACKEND_DESCRIPTOR, SET, 1),
	ROW(DATA, OPERATION_CONVOLUTION_BWD_DATA_DY, BACKEND_DESCRIPTOR, SET, 1),
	ROW(FILTER, OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, FLOAT, SET, 1),
	ROW(FILTER, OPERATION_CONVOLUTION_BWD_FILTER_BETA, FLOAT, SET, 1),
	ROW(FILTER, OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, BACKEND_DESCRIPTOR, SET, 1),
	ROW(FILTER, OPERATION_CONVOLUTION_BWD_FILTER_DW, BACKEND_DESCRIPTOR, SET, 1),
	ROW(FILTER, OPERATION_CONVOLUTION_BWD_FILTER_X, BACKEND_DESCRIPTOR, SET, 1),
	ROW(FILTER, OPERATION_CONVOLUTION_BWD_FILTER_DY, BACKEND_DESCRIPTOR, SET, 1),
	ROW(OPERATION_POINTWISE, OPERATION_POINTWISE_PW_DESCRIPTOR, BACKEND_DESCRIPTOR, SET, 1),
	ROW(OPERATION_POINTWISE, OPERATION_POINTWISE_XDESC, BACKEND_DESCRIPTOR, SET, 1),
	ROW(OPERATION_POINTWISE, OPERATION_POINTWISE_BDESC, BACKEND_DESCRIPTOR, SET, 1),
	ROW(OPERATION_POINTWISE, OPERATION_POINTWISE_YDESC, BACKEND_DESCRIPTOR, SET, 1),
	ROW(OPERATION_POINTWISE, OPERATION_POINTWISE_DXDESC, BACKEND_DESCRIPTOR, SET, 1),
	ROW(OPERATION_POINTWISE, OPERATION_POINTWISE_DYDESC, BACKEND_DESCRIPTOR, SET, 1),
	ROW(OPERATION_POINTWISE, OPERATION_POINTWISE_ALPHA1, FLOAT, SET, 1),
	ROW(OPERATION_POINTWISE, OPERATION_POINTWISE_ALPHA2, FLOAT, SET, 1),
	ROW(OPERATIONGRAPH, OPERATIONGRAPH_HANDLE, HANDLE, SET, 1),
	ROW(OPERATIONGRAPH, OPERATIONGRAPH_OPS, BACKEND_DESCRIPTOR, SET, 64),
	ROW(OPERATIONGRAPH, OPERATIONGRAPH_ENGINE_GLOBAL_COUNT, INT64, GET, 1),
	ROW(ENGINEHEUR, ENGINEHEUR_MODE, HEUR_MODE, SET, 1),
	ROW(ENGINEHEUR, ENGINEHEUR_OPERATION_GRAPH, BACKEND_DESCRIPTOR, SET, 1),
	ROW(ENGINEHEUR, ENGINEHEUR_DEVICEPROP, BACKEND_DESCRIPTOR, SET, 1),
	ROW(ENGINEHEUR, ENGINEHEUR_RESULTS, BACKEND_DESCRIPTOR, GET, 64),
	ROW(ENGINE, ENGINE_OPERATION_GRAPH, BACKEND_DESCRIPTOR, SET, 1),
	ROW(ENGINE, ENGINE_GLOBAL_INDEX, INT64, SET, 1),
	ROW(ENGINE, ENGINE_DEVICEPROP, BACKEND_DESCRIPTOR, SET, 1),
	ROW(ENGINE, ENGINE_NUMERICAL_NOTE, NUMERICAL_NOTE, GET, 10),
	ROW(ENGINE, ENGINE_BEHAVIOR_NOTE, BEHAVIOR_NOTE, GET, 5),
	ROW(ENGINECFG, ENGINECFG_ENGINE, BACKEND_DESCRIPTOR, SET, 1),
	ROW(ENGINECFG, ENGINECFG_WORKSPACE_SIZE, INT64, GET, 1),
	ROW(EXECUTION_PLAN, EXECUTION_PLAN_HANDLE, HANDLE, SET, 1),
	ROW(EXECUTION_PLAN, EXECUTION_PLAN_ENGINE_CONFIG, BACKEND_DESCRIPTOR, SET, 1),
	ROW(EXECUTION_PLAN, EXECUTION_PLAN_DEVICEPROP, BACKEND_DESCRIPTOR, SET, 1),
	ROW(EXECUTION_PLAN, EXECUTION_PLAN_WORKSPACE_SIZE, INT64, GET, 1),
	ROW(VARIANT_PACK, VARIANT_PACK_UNIQUE_IDS, INT64, SET, 64),
	ROW(VARIANT_PACK, VARIANT_PACK_DATA_POINTERS, VOID_PTR, SET, 64),
	ROW(VARIANT_PACK, VARIANT_PACK_WORKSPACE, VOID_PTR, SET, 1),
	ROW(DEVICEPROP, DEVICEPROP_DEVICE_ID, INT32, SET, 1),
	ROW(DEVICEPROP, DEVICEPROP_HANDLE, HANDLE, SET, 1),
	ROW(DEVICEPROP, DEVICEPROP_JSON_REPRESENTATION, CHAR, SET, 1 << 16),
};

static const struct row *find_row(cudnnBackendAttributeName_t name)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].name == name)
			return &rows[i];
	return NULL;
}

static size_t element_bytes(cudnnBackendAttributeType_t type)
{
	switch (type) {
	case CUDNN_TYPE_CHAR:
	case CUDNN_TYPE_BOOLEAN:
		return 1;
	case CUDNN_TYPE_HANDLE:
	case CUDNN_TYPE_INT64:
	case CUDNN_TYPE_DOUBLE:
	case CUDNN_TYPE_VOID_PTR:
	case CUDNN_TYPE_BACKEND_DESCRIPTOR:
		return 8;
	default:
		return 4;
	}
}

/* ---- values ---- */

static struct attribute_value *find_value(const struct descriptor *d,
					  cudnnBackendAttributeName_t name)
{
	struct attribute_value *v = d->values;
	while (v && v->name != name)
		v = v->next;
	return v;
}

static void descriptor_drop(struct descriptor *d);

static void release_elements(struct attribute_value *v)
{
	if (v->elements && find_row(v->name)->type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
		for (int64_t i = 0; i < v->count; i++)
			descriptor_drop(((struct descriptor **)v->elements)[i]);
	free(v->elements);
	v->elements = NULL;
}

static void descriptor_drop(struct descriptor *d)
{
	if (--d->refs)
		return;
	for (struct attribute_value *next, *v = d->values; v; v = next) {
		next = v->next;
		release_elements(v);
		free(v);
	}
	free(d->plan);
	free(d);
}

void sim_dnn_put(struct descriptor *d, cudnnBackendAttributeName_t name, int64_t count,
		 const void *elements)
{
	const struct row *row = find_row(name);
	struct attribute_value *v = find_value(d, name);
	size_t bytes = (size_t)count * element_bytes(row->type);
	if (row->type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
		for (int64_t i = 0; i < count; i++)
			((struct descriptor *const *)elements)[i]->refs++;
	if (v) {
		release_elements(v);
	} else {
		v = sim_alloc(sizeof *v);
		v->name = name;
		v->next = d->values;
		d->values = v;
	}
	v->count = count;
	v->elements = sim_alloc(bytes);
	memcpy(v->elements, elements, bytes);
}

const void *sim_dnn_get(const struct descriptor *d, cudnnBackendAttributeName_t name,
			int64_t *count)
{
	const struct attribute_value *v = find_value(d, name);
	if (count)
		*count = v ? v->count : 0;
	return v ? v->elements : NULL;
}

int64_t sim_dnn_int64(const struct descriptor *d, cudnnBackendAttributeName_t name, int64_t preset)
{
	const int64_t *p = sim_dnn_get(d, name, NULL);
	return p ? *p : preset;
}

int32_t sim_dnn_enum(const struct descriptor *d, cudnnBackendAttributeName_t name, int32_t preset)
{
	const int32_t *p = sim_dnn_get(d, name, NULL);
	return p ? *p : preset;
}

float sim_dnn_float(const struct descriptor *d, cudnnBackendAttributeName_t name, float preset)
{
	const float *p = sim_dnn_get(d, name, NULL);
	return p ? *p : preset;
}

bool sim_dnn_bool(const struct descriptor *d, cudnnBackendAttributeName_t name)
{
	const bool *p = sim_dnn_get(d, name, NULL);
	return p && *p;
}

struct descriptor *sim_dnn_child(const struct descriptor *d, cudnnBackendAttributeName_t name)
{
	struct descriptor *const *p = sim_dnn_get(d, name, NULL);
	return p ? *p : NULL;
}

/* ---- cuDNN's functions ---- */

static struct descriptor *live(cudnnBackendDescriptor_t descriptor)
{
	struct descriptor *d = descriptor;
	if (d && d->destroyed)
		sim_fatal("a cuDNN descriptor is used after it was destroyed");
	return d;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
					   cudnnBackendDescriptor_t *out)
{
	if (SIM_FAILS())
		return sim_dnn_refuse(CUDNN_STATUS_EXECUTION_FAILED, "the device fails");
	bool known = false;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		known |= rows[i].descriptor == type;
	if (!known)
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED, "descriptor %d is not simulated",
				      type);
	struct descriptor *d = sim_alloc(sizeof *d);
	d->type = type;
	d->refs = 1;
	sim_made(THING_CUDNN_DESCRIPTOR);
	*out = d;
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor)
{
	struct descriptor *d = live(descriptor);
	if (!d)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no descriptor");
	if (d->refs > 1) /* others have it still: a use by the caller is seen */
		d->destroyed = true;
	descriptor_drop(d);
	sim_gone(THING_CUDNN_DESCRIPTOR);
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor,
				       cudnnBackendAttributeName_t name,
				       cudnnBackendAttributeType_t type, int64_t count,
				       const void *elements)
{
	struct descriptor *d = live(descriptor);
	const struct row *row = find_row(name);
	float as_float;
	if (!d || !elements)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER,
				      "no descriptor or elements");
	if (d->finalized)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM, "attribute %d: it is finalized",
				      name);
	if (!row)
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED, "attribute %d is not simulated",
				      name);
	if (row->descriptor != d->type || row->direction != SET)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM, "attribute %d of another descriptor",
				      name);
	if (row->type == CUDNN_TYPE_FLOAT && type == CUDNN_TYPE_DOUBLE && count == 1) {
		as_float = (float)*(const double *)elements;
		elements = &as_float;
	} else if (type != row->type) {
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE,
				      "attribute %d: type %d", name, type);
	}
	if (count < 1 || count > row->most)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM, "attribute %d: %lld elements", name,
				      (long long)count);
	if (row->type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
		for (int64_t i = 0; i < count; i++) {
			const struct descriptor *child = live(((void *const *)elements)[i]);
			if (!child || !child->finalized)
				return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED,
						      "attribute %d: not finalized", name);
		}
	sim_dnn_put(d, name, count, elements);
	return CUDNN_STATUS_SUCCESS;
}

/* Makes `to` a copy of what `from` is. */
static cudnnStatus_t fill_in(struct descriptor *to, const struct descriptor *from)
{
	if (!to || to->type != from->type)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE,
				      "the descriptor to be filled in is of another type");
	for (const struct attribute_value *v = from->values; v; v = v->next)
		sim_dnn_put(to, v->name, v->count, v->elements);
	to->finalized = true;
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const descriptor,
				       cudnnBackendAttributeName_t name,
				       cudnnBackendAttributeType_t type, int64_t requested,
				       int64_t *count, void *elements)
{
	const struct descriptor *d = live(descriptor);
	const struct row *row = find_row(name);
	int64_t there;
	if (!d)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no descriptor");
	if (!d->finalized)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "it is not finalized");
	if (!row)
		return sim_dnn_refuse(CUDNN_STATUS_NOT_SUPPORTED, "attribute %d is not simulated",
				      name);
	if (row->descriptor != d->type)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM, "attribute %d of another descriptor",
				      name);
	if (row->type != type)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE,
				      "attribute %d: type %d", name, type);
	const void *values = sim_dnn_get(d, name, &there);
	int64_t n = requested < there ? requested : there;
	if (count) /* how many there are when none is asked for, else how many are given */
		*count = requested ? n : there;
	if (!n)
		return CUDNN_STATUS_SUCCESS;
	if (!elements)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no elements");
	if (type != CUDNN_TYPE_BACKEND_DESCRIPTOR) {
		memcpy(elements, values, (size_t)n * element_bytes(type));
		return CUDNN_STATUS_SUCCESS;
	}
	for (int64_t i = 0; i < n; i++) {
		cudnnStatus_t status = fill_in(live(((void **)elements)[i]),
					       ((struct descriptor *const *)values)[i]);
		if (status != CUDNN_STATUS_SUCCESS)
			return status;
	}
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor)
{
	if (SIM_FAILS())
		return sim_dnn_refuse(CUDNN_STATUS_EXECUTION_FAILED, "the device fails");
	struct descriptor *d = live(descriptor);
	if (!d)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no descriptor");
	if (d->finalized)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM, "it is finalized already");
	cudnnStatus_t status = sim_dnn_finalize(d);
	d->finalized = status == CUDNN_STATUS_SUCCESS;
	return status;
}

/* ---- execution ---- */

static cudnnStatus_t bind(struct dnn_tensor *t, const struct descriptor *pack)
{
	int64_t n, m;
	const int64_t *ids = sim_dnn_get(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, &n);
	void *const *pointers = sim_dnn_get(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, &m);
	if (t->is_virtual)
		return CUDNN_STATUS_SUCCESS;
	for (int64_t i = 0; i < n && i < m; i++)
		if (ids[i] == t->uid)
			t->data = pointers[i];
	if (!t->data)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER,
				      "tensor %lld has no data", (long long)t->uid);
	if ((uintptr_t)t->data % (uintptr_t)t->alignment)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER,
				      "tensor %lld is not aligned to %lld bytes", (long long)t->uid,
				      (long long)t->alignment);
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t execution_plan,
				  cudnnBackendDescriptor_t variant_pack)
{
	const struct descriptor *d = live(execution_plan), *pack = live(variant_pack);
	if (SIM_FAILS())
		return sim_dnn_refuse(CUDNN_STATUS_EXECUTION_FAILED, "the device fails");
	if (!handle || !d || !pack)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER,
				      "no handle, plan or pack");
	if (d->type != CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR ||
	    pack->type != CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, "no plan or no pack");
	if (!d->finalized || !pack->finalized)
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED,
				      "plan or pack not finalized");
	struct plan plan = *d->plan;
	if (sim_costs.engines[plan.engine] < 0)
		return sim_dnn_refuse(CUDNN_STATUS_EXECUTION_FAILED, "the engine fails");
	void *const *workspace = sim_dnn_get(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, NULL);
	plan.workspace = workspace ? *workspace : NULL;
	if (plan.workspace_bytes && (!plan.workspace || (uintptr_t)plan.workspace % 16))
		return sim_dnn_refuse(CUDNN_STATUS_BAD_PARAM, "no workspace, or not aligned to 16");
	for (int i = 0; i < plan.n; i++)
		for (int k = 0; k < plan.operations[i].operands; k++) {
			cudnnStatus_t status = bind(&plan.operations[i].tensors[k], pack);
			if (status != CUDNN_STATUS_SUCCESS)
				return status;
		}
	if (sim_queue_call(handle->stream, "cudnnBackendExecute", sim_dnn_run, &plan,
			   sizeof plan) != cudaSuccess)
		return sim_dnn_refuse(CUDNN_STATUS_EXECUTION_FAILED, "the stream takes no work");
	return CUDNN_STATUS_SUCCESS;
}
