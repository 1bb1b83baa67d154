/*
 * cuda.h - the CUDA backend: one NVIDIA GPU through the runtime API, cuBLASLt, cuDNN and NVRTC. It is
 * a module of its own, opened where there is a driver (backend/open.h). Kernels are those of
 * kernels/ and of this folder; what has none is computed by the reference on the host (host.c).
 */
#ifndef ONNXTUNE_BACKEND_CUDA_CUDA_H
#define ONNXTUNE_BACKEND_CUDA_CUDA_H

#include "backend/backend.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>

struct device {
	int ordinal, compute; /* compute capability: 80, 90 */
	char description[320];
	uint64_t memory;
	struct target target;
	cublasLtHandle_t blas;
	struct cudnnContext *dnn;   /* cuDNN's handle */
	struct chain_cache *chains; /* compiled chains (chain.c) */
	struct tuning *tuning;      /* NULL: nothing is timed (autotune.h) */
	int *failed; /* memory of the host that kernels see too: 1 when an operator failed */
};

struct stream {
	struct device *device;
	cudaStream_t handle;
};

/* All kernels of the module, ended by NULL (written by bootstrap). */
extern const struct kernel *const cuda_kernel_table[];

/* The reference on the host, between copies out and in. */
extern const struct kernel cuda_host;

/* An error of a library as one of ours; what: "cudaMalloc of 5 bytes". */
enum status cuda_failed(struct error *err, cudaError_t code, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* The status of a call within run, where there is no error text: the device's reason is the runtime's
 * last error. */
static inline enum status cuda_status(cudaError_t code)
{
	return code == cudaSuccess ? OK : ERR_INTERNAL;
}

#endif
