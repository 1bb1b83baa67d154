/*
 * cuda_runtime.h - the CUDA runtime for kernels, in the simulator of tests/cudasim: the functions;
 * what kernels are written in comes from cudasim/shim.h.
 */
#ifndef CUDASIM_CUDA_RUNTIME_H
#define CUDASIM_CUDA_RUNTIME_H

#include <cuda_runtime_api.h>

#endif
