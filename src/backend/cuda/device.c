/*
 * device.c - opening a GPU, its memory, and which kernels there are (see cuda.h). Memory comes from
 * cudaMalloc, host memory from cudaMallocHost, so that copies run beside kernels.
 */
#include "backend/cuda/autotune.h"
#include "backend/cuda/chain.h"
#include "backend/cuda/conv_plan.h"
#include "backend/cuda/cuda.h"
#include "backend/cuda/work.h"
#include "backend/module.h"
#include "base/number.h"

#include <cudnn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESERVE ((uint64_t)512 << 20) /* left for the libraries' own memory */

enum status cuda_failed(struct error *err, cudaError_t code, const char *fmt, ...)
{
	char text[256];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	(void)cudaGetLastError(); /* it would be reported again by the next call */
	return fail(err, code == cudaErrorMemoryAllocation ? ERR_MEMORY : ERR_INTERNAL, "%s: %s",
		    text, cudaGetErrorString(code));
}

/* ---- kernels ---- */

/* Contractions of bfloat16 want an Ampere; before it they are computed in float32 (legalize.h). */
static const struct kernel *find_of_device(const struct device *d, const struct op_call *call,
					   const char **why)
{
	bool half = false;
	for (uint32_t k = 0; k < call->n_in; k++)
		half |= call->in[k].t.dtype == DT_BF16;
	if (half && call->def->operations && d->compute < 80) {
		if (why)
			*why = "this GPU does not compute in bfloat16";
		return NULL;
	}
	return kernel_find(cuda_kernel_table, call, why);
}

static const struct kernel *find_kernel(struct device *device, const struct op_call *call,
					const char **why)
{
	const char *reason;
	const struct kernel *k = find_of_device(device, call, why);
	if (k)
		return k;
	return cuda_host.supports(call, why ? why : &reason) ? &cuda_host : NULL;
}

static const char *target_kernel(const struct target *target, const struct op_call *call,
				 const char **why)
{
	const struct kernel *k = find_of_device(target->ctx, call, why);
	return k ? k->name : NULL;
}

static void target_propose(const struct target *target, const struct op_call *call, enum layout *in,
			   enum layout *out)
{
	(void)target;
	kernel_propose(cuda_kernel_table, call, in, out);
}

static enum fusible target_fusible(const struct target *target, const struct op_call *call)
{
	(void)target;
	return chain_fusible(call);
}

static bool target_fuses_conv(const struct target *target, const struct op_call *call)
{
	const struct device *d = target->ctx;
	return conv_plan_fuses(call, d->dnn, NULL);
}

static const struct kernel *get_kernel(struct device *device, const struct op_call *call,
				       const char **why)
{
	return find_kernel(device, call, why);
}

/* ---- opening and closing ---- */

static enum status open_libraries(struct device *d, struct error *err)
{
	cublasStatus_t blas = cublasLtCreate(&d->blas);
	if (blas != CUBLAS_STATUS_SUCCESS)
		return fail(err, ERR_INTERNAL, "cuBLASLt can't be used: %s",
			    cublasLtGetStatusString(blas));
	cudnnStatus_t dnn = cudnnCreate(&d->dnn);
	if (dnn != CUDNN_STATUS_SUCCESS)
		return fail(err, ERR_INTERNAL, "cuDNN can't be used: %s", cudnnGetErrorString(dnn));
	cudaError_t code = cudaMallocHost((void **)&d->failed, sizeof *d->failed);
	if (code != cudaSuccess)
		return cuda_failed(err, code, "%zu bytes of host memory", sizeof *d->failed);
	*d->failed = 0;
	return chain_open(d->compute, &d->chains, err);
}

static void close_device(struct device *d)
{
	chain_close(d->chains);
	tuning_free(d->tuning);
	if (d->dnn)
		cudnnDestroy(d->dnn);
	if (d->blas)
		cublasLtDestroy(d->blas);
	cudaFreeHost(d->failed);
	free(d);
}

static enum status usable(int ordinal, struct error *err)
{
	int count = 0;
	cudaError_t code = cudaGetDeviceCount(&count);
	if (code != cudaSuccess)
		return cuda_failed(err, code, "no GPU can be used");
	if (ordinal >= count)
		return fail(err, ERR_UNSUPPORTED, "there is no GPU %d: %d %s found", ordinal, count,
			    count == 1 ? "is" : "are");
	return OK;
}

static enum status open_device(const struct backend_options *options, struct device **out,
			       struct error *err)
{
	struct cudaDeviceProp properties;
	(void)cudaGetLastError(); /* of work before */
	TRY(usable(options->ordinal, err));
	cudaError_t code = cudaGetDeviceProperties(&properties, options->ordinal);
	if (code == cudaSuccess)
		code = cudaSetDevice(options->ordinal);
	if (code != cudaSuccess)
		return cuda_failed(err, code, "GPU %d", options->ordinal);
	struct device *d = mem_alloc(sizeof *d);
	d->ordinal = options->ordinal;
	d->compute = properties.major * 10 + properties.minor;
	d->memory = properties.totalGlobalMem > RESERVE ? properties.totalGlobalMem - RESERVE : 0;
	d->target = (struct target){ .ctx = d,
				     .kernel = target_kernel,
				     .propose = target_propose,
				     .fusible = target_fusible,
				     .fuses_conv = target_fuses_conv };
	snprintf(d->description, sizeof d->description, "%s, sm_%d, %d multiprocessors",
		 properties.name, d->compute, properties.multiProcessorCount);
	d->tuning = options->autotune ? tuning_new() : NULL;
	enum status status = open_libraries(d, err);
	if (status != OK) {
		close_device(d);
		return status;
	}
	*out = d;
	return OK;
}

static const struct target *get_target(struct device *d)
{
	return &d->target;
}

static const char *describe(struct device *d)
{
	return d->description;
}

static const char *tuned(struct device *d)
{
	return tuning_text(d->tuning);
}

/* What the runtime remembers; the other libraries' calls may fail without that. */
static const char *reason(struct device *d)
{
	(void)d;
	cudaError_t code = cudaGetLastError();
	return code == cudaSuccess ? NULL : cudaGetErrorString(code);
}

static uint64_t memory_total(struct device *d)
{
	return d->memory;
}

/* ---- memory ---- */

static enum status alloc(struct device *d, size_t bytes, void **out, struct error *err)
{
	(void)d;
	char need[SIZE_TEXT], have[SIZE_TEXT], left[SIZE_TEXT];
	size_t available = 0, total = 0;
	cudaError_t code = cudaMalloc(out, bytes ? bytes : 1);
	if (code == cudaSuccess)
		return OK;
	if (code != cudaErrorMemoryAllocation || cudaMemGetInfo(&available, &total) != cudaSuccess)
		return cuda_failed(err, code, "%zu bytes on the GPU", bytes);
	(void)cudaGetLastError();
	return fail(err, ERR_MEMORY,
		    "no memory for %s on the GPU, which has %s, of which %s are free",
		    size_format(bytes, need), size_format(total, have),
		    size_format(available, left));
}

static void release(struct device *d, void *p)
{
	(void)d;
	cudaFree(p);
}

static enum status alloc_host(struct device *d, size_t bytes, void **out, struct error *err)
{
	(void)d;
	cudaError_t code = cudaMallocHost(out, bytes ? bytes : 1);
	return code == cudaSuccess ? OK : cuda_failed(err, code, "%zu bytes of host memory", bytes);
}

static void release_host(struct device *d, void *p)
{
	(void)d;
	cudaFreeHost(p);
}

const struct backend backend_cuda = {
	.name = "cuda",
	.half = DT_F16,
	.usable = usable,
	.host_visible = false,
	.early_updates = false, /* each launch takes many parameters */
	.open = open_device,
	.close = close_device,
	.target = get_target,
	.describe = describe,
	.memory_total = memory_total,
	.reason = reason,
	.tuned = tuned,
	.kernel = get_kernel,
	.alloc = alloc,
	.free = release,
	.alloc_host = alloc_host,
	.free_host = release_host,
	.stream_new = work_stream_new,
	.stream_free = work_stream_free,
	.copy_in = work_copy_in,
	.copy_out = work_copy_out,
	.copy = work_copy,
	.fill = work_fill,
	.stream_wait = work_wait,
	.event_new = work_event_new,
	.event_free = work_event_free,
	.event_record = work_event_record,
	.stream_wait_event = work_wait_event,
	.event_wait = work_event_wait,
	.capture_begin = work_capture_begin,
	.capture_end = work_capture_end,
	.capture_launch = work_capture_launch,
	.capture_free = work_capture_free,
};

MODULE_EXPORT const struct backend_module onnxtune_backend = {
	.build = BUILD_ID,
	.backend = &backend_cuda,
};
