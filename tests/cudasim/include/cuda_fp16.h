/* cuda_fp16.h - CUDA's half types for the simulator of tests/cudasim (C++), see cudasim_half.h. */
#ifndef CUDASIM_CUDA_FP16_H
#define CUDASIM_CUDA_FP16_H

#include "cudasim_half.h"

CUDASIM_HALF_TYPE(__half, __half2, fp16, half)
typedef __half half;
typedef __half2 half2;

#endif
