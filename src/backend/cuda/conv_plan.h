/*
 * conv_plan.h - a convolution as a graph of cuDNN and the engine that runs it. No device is needed
 * where a description of one is given: that is how tests ask for the engines of GPUs that are not
 * there.
 */
#ifndef ONNXTUNE_BACKEND_CUDA_CONV_PLAN_H
#define ONNXTUNE_BACKEND_CUDA_CONV_PLAN_H

#include "backend/cuda/autotune.h"
#include "ops/conv.h"

#include <cudnn.h>

/* Operands of a convolution, whichever way it goes, and the ids of their tensors. */
enum conv_place { CONV_X, CONV_W, CONV_Y, CONV_BIAS, CONV_RESIDUAL, CONV_PLACES };

/* A call of Conv, FusedConv, ConvGradInput or ConvGradWeight. */
struct convolution {
	enum conv_place result; /* CONV_Y, CONV_X or CONV_W */
	int input[CONV_PLACES]; /* which input of the call it is; -1: the result, or absent */
	struct tensor tensor[CONV_PLACES]; /* types and shapes; dtype DT_NONE: absent */
	struct conv_geometry g;
	bool relu; /* y is limited to [0, high] */
	float high;
};

/* ERR_INPUT, ERR_UNSUPPORTED: as conv_geometry. The layouts of the operands are not looked at. */
enum status MUST_CHECK conv_read(const struct op_call *call, struct convolution *out,
				 struct error *err);

/* The tensors are of types that cuDNN convolves. */
bool conv_types(const struct convolution *c);

/*
 * Plans for tensors and filters that lie channels-last. Sums are formed in float32 and in the same
 * order in every run; float32 is not rounded on the way. Where the result is float32 and the operands
 * are not, they compute it in their type: cuDNN has no engine that does not.
 */
struct conv_plan {
	cudnnBackendDescriptor_t
		plans[WAYS_MOST]; /* the same by other engines, the heuristic's order */
	uint32_t n_plans;
	enum dtype result; /* the type that the result has in memory */
	bool fused; /* bias, residual and limits are in it; or else they are for the caller */
	bool tensor_cores; /* the first engine uses them */
	int64_t workspace; /* bytes, enough for each */
	cudnnBackendDescriptor_t *made;
	uint32_t n, most;
};

/*
 * dnn: a handle, or NULL with `device`, a finalized CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR; such plans
 * can't be run. most: plans, from 1 to WAYS_MOST, that are made if there are as many engines.
 * ERR_UNSUPPORTED: there is none.
 */
enum status MUST_CHECK conv_plan_make(const struct convolution *c, cudnnHandle_t dnn,
				      cudnnBackendDescriptor_t device, uint32_t most,
				      struct conv_plan *out, struct error *err);
void conv_plan_release(struct conv_plan *plan);

/*
 * Whether one engine does all of a FusedConv: one that is as good as for the convolution alone, and
 * that hands a NaN on where there are limits.
 */
bool conv_plan_fuses(const struct op_call *call, cudnnHandle_t dnn,
		     cudnnBackendDescriptor_t device);

/* Runs one of the plans with memory by place. */
enum status conv_plan_run(const struct conv_plan *plan, uint32_t which, cudnnHandle_t dnn,
			  void *const data[CONV_PLACES], void *workspace);

#endif
