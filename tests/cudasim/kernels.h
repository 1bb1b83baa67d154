/*
 * kernels.h - small kernels for the simulator's own tests: sound ones, and ones with a planted fault
 * each. The functions launch them on device memory.
 */
#ifndef ONNXTUNE_TESTS_CUDASIM_KERNELS_H
#define ONNXTUNE_TESTS_CUDASIM_KERNELS_H

#include <cuda_runtime_api.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* y[i] = a * x[i] + y[i], i < n */
void launch_axpy(float a, const float *x, float *y, int n, cudaStream_t stream);
/* sum[0] = the sum of x[0..n), by one block of 100 threads; barriers: whether with all its barriers */
void launch_block_sum(const float *x, float *sum, int n, int barriers, cudaStream_t stream);
/* sum[b] = the sum of x[32 b .. 32 b + 32), by shuffles; in half: of values rounded to fp16 */
void launch_warp_sums(const float *x, float *sum, int blocks, int in_half, cudaStream_t stream);
/* y[j][i] = x[i][j] of rows x columns, through a tile of dynamic shared memory */
void launch_transpose(const float *x, float *y, int rows, int columns, cudaStream_t stream);
/* counts[x[i]] += 1 and *largest = max x[i] */
void launch_histogram(const int *x, int *counts, int *largest, int n, cudaStream_t stream);
/* out[lane] = what each function for warps gives in lane: votes, shuffles; 8 x 32 values */
void launch_warp_functions(int *out, cudaStream_t stream);
/* y[i] = the bits of x[i] as fp16, z[i] as bf16; i < n */
void launch_to_half(const float *x, uint16_t *y, uint16_t *z, int n, cudaStream_t stream);
/* y[i] = x[i] as float; i < n */
void launch_from_half(const uint16_t *x, float *y, float *z, int n, cudaStream_t stream);
/* x[0..threads) += 1, with that many threads and bytes of shared memory */
void launch_threads(float *x, unsigned threads, size_t shared, cudaStream_t stream);

enum fault {
	FAULT_READ_PAST,     /* reads x[n] with n floats in x */
	FAULT_WRITE_PAST,    /* writes it */
	FAULT_WRITE_BEFORE,  /* writes x[-1] */
	FAULT_MISALIGNED,    /* reads a float4 at x + 1 */
	FAULT_INDEX,         /* an index over the end of an array in shared memory */
	FAULT_SHARED_PAST,   /* writes over the end of dynamic shared memory */
	FAULT_DIVERGED,      /* threads wait at two different barriers */
	FAULT_NEVER_REACHED, /* half of the threads loop in a barrier's stead in their warp */
	FAULT_MASK,          /* lanes of one exchange name different masks */
	FAULT_UNWRITTEN,     /* x[i] = shared memory that nobody wrote */
	FAULT_NULL,          /* writes to address 0 */
	FAULT_STACK,         /* recursion without end */
};
void launch_fault(enum fault fault, float *x, int n, cudaStream_t stream);

#ifdef __cplusplus
}
#endif

#endif
