/* cuda_bf16.h - CUDA's bfloat16 types for the simulator of tests/cudasim (C++), see cudasim_half.h. */
#ifndef CUDASIM_CUDA_BF16_H
#define CUDASIM_CUDA_BF16_H

#include "cudasim_half.h"

CUDASIM_HALF_TYPE(__nv_bfloat16, __nv_bfloat162, bf16, bfloat16)
typedef __nv_bfloat16 nv_bfloat16;
typedef __nv_bfloat162 nv_bfloat162;

#endif
