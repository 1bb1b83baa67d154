/*
 * cudnn_graph.h - the parts of the simulated cuDNN: cudnn_descriptor.c keeps attributes, cudnn_plan.c
 * checks operations and graphs, cudnn_run.c computes a plan.
 */
#ifndef ONNXTUNE_TESTS_CUDASIM_CUDNN_GRAPH_H
#define ONNXTUNE_TESTS_CUDASIM_CUDNN_GRAPH_H

#include "cudasim/internal.h"
#include "cudasim/numbers.h"

#include <cudnn.h>

#define MAX_RANK 5 /* batch, channels, three of space */
#define MAX_SPACE 3
#define MAX_OPERATIONS 8
#define MAX_OPERANDS 3

struct cudnnContext {
	cudaStream_t stream;
};

/* ---- descriptors (cudnn_descriptor.c) ---- */

struct attribute_value {
	cudnnBackendAttributeName_t name;
	int64_t count;
	void *elements;
	struct attribute_value *next;
};

struct descriptor {
	cudnnBackendDescriptorType_t type;
	uint32_t refs;  /* of the caller, and of descriptors that were given this one */
	bool destroyed; /* by the caller */
	bool finalized;
	struct attribute_value *values;
	struct plan *plan; /* of an operation graph that was finalized */
};

/* Remembers the text for cudnnGetLastErrorString; returns the status. */
cudnnStatus_t sim_dnn_refuse(cudnnStatus_t status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The elements of an attribute and (count may be NULL) their number; NULL: it was not set. */
const void *sim_dnn_get(const struct descriptor *d, cudnnBackendAttributeName_t name,
			int64_t *count);
/* For values with presets. */
int64_t sim_dnn_int64(const struct descriptor *d, cudnnBackendAttributeName_t name, int64_t preset);
int32_t sim_dnn_enum(const struct descriptor *d, cudnnBackendAttributeName_t name, int32_t preset);
float sim_dnn_float(const struct descriptor *d, cudnnBackendAttributeName_t name, float preset);
bool sim_dnn_bool(const struct descriptor *d, cudnnBackendAttributeName_t name);
struct descriptor *sim_dnn_child(const struct descriptor *d, cudnnBackendAttributeName_t name);
/* Sets an attribute, whatever the caller may set. */
void sim_dnn_put(struct descriptor *d, cudnnBackendAttributeName_t name, int64_t count,
		 const void *elements);

/* ---- plans (cudnn_plan.c) ---- */

struct dnn_tensor {
	int64_t uid, alignment;
	enum number type;
	int rank;
	int64_t dims[MAX_RANK], strides[MAX_RANK];
	bool is_virtual;
	void *data; /* of the call */
};

enum dnn_kind { DNN_FORWARD, DNN_BACKWARD_DATA, DNN_BACKWARD_FILTER, DNN_POINTWISE };

struct dnn_operation {
	enum dnn_kind kind;
	/*
	 * Convolutions: x, w, y, whichever way. Pointwise: the inputs (of a backward one dy and what it
	 * depends on) and the output, which is the last.
	 */
	struct dnn_tensor tensors[MAX_OPERANDS];
	int operands;
	int output; /* which of them is written */
	float alpha, beta;
	/* convolutions */
	int space;
	int64_t pre[MAX_SPACE], post[MAX_SPACE], strides[MAX_SPACE], dilations[MAX_SPACE], groups;
	/* pointwise */
	cudnnPointwiseMode_t mode;
	float lower, upper, slope;
};

/* A graph in an order in which it can run, and how; plain data. */
struct plan {
	struct dnn_operation operations[MAX_OPERATIONS];
	int n;
	int64_t engine;
	int64_t workspace_bytes;
	void *workspace;
};

/* What finalizing means for a descriptor; may set attributes. */
cudnnStatus_t sim_dnn_finalize(struct descriptor *d);
/* Number of engines that the heuristic gives, and the k-th one's index. */
int64_t sim_dnn_engines(const struct plan *plan, int64_t *indices);

/* Notes of an engine; returns their number (cudnn_run.c, as what they mean). */
int64_t sim_dnn_numerical_notes(int64_t engine, cudnnBackendNumericalNote_t *notes);
int64_t sim_dnn_workspace(int64_t engine);

/* Computes a plan whose tensors have their data (cudnn_run.c): for sim_queue_call. */
void sim_dnn_run(void *plan);

#endif
