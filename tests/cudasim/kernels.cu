/*
 * kernels.cu - kernels for the tests of the simulator (kernels.h).
 */
#include "cudasim/kernels.h"

#include "cudasim/shim.h"

template <class T> static __device__ __forceinline__ float warp_sum(T value)
{
	for (int lanes = 16; lanes; lanes >>= 1)
		value = value + __shfl_xor_sync(0xffffffffu, value, lanes);
	return (float)value;
}

static __global__ void axpy(float a, const float *__restrict__ x, float *__restrict__ y, int n)
{
	int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
	if (i < n)
		y[i] = a * x[i] + y[i];
}

void launch_axpy(float a, const float *x, float *y, int n, cudaStream_t stream)
{
	LAUNCH(axpy, (unsigned)(n + 63) / 64, 64, 0, stream, a, x, y, n);
}

template <bool barriers>
static __global__ void __launch_bounds__(100) block_sum(const float *x, float *sum, int n)
{
	__shared__ float parts[100];
	float own = 0;
	for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x)
		own += x[i];
	parts[threadIdx.x] = own;
	if (barriers)
		__syncthreads();
	for (unsigned stride = 64; stride; stride /= 2) {
		if (threadIdx.x < stride && threadIdx.x + stride < blockDim.x)
			parts[threadIdx.x] += parts[threadIdx.x + stride];
		if (barriers)
			__syncthreads();
	}
	if (threadIdx.x == 0)
		*sum = parts[0];
}

void launch_block_sum(const float *x, float *sum, int n, int barriers, cudaStream_t stream)
{
	if (barriers)
		LAUNCH(block_sum<true>, 1, 100, 0, stream, x, sum, n);
	else
		LAUNCH(block_sum<false>, 1, 100, 0, stream, x, sum, n);
}

template <class T, int lanes> static __global__ void warp_sums(const float *x, float *sum)
{
	float s = warp_sum((T)x[blockIdx.x * lanes + threadIdx.x]);
	if (threadIdx.x == 0)
		sum[blockIdx.x] = s;
}

void launch_warp_sums(const float *x, float *sum, int blocks, int in_half, cudaStream_t stream)
{
	if (in_half)
		LAUNCH((warp_sums<__half, 32>), (unsigned)blocks, 32, 0, stream, x, sum);
	else
		LAUNCH((warp_sums<float, 32>), (unsigned)blocks, 32, 0, stream, x, sum);
}

#define TILE 8

static __global__ void transpose(const float *x, float *y, int rows, int columns)
{
	DYN_SHARED(float, tile);
	int i = (int)(blockIdx.y * TILE + threadIdx.y), j = (int)(blockIdx.x * TILE + threadIdx.x);
	if (i < rows && j < columns)
		tile[threadIdx.y * (TILE + 1) + threadIdx.x] = x[i * columns + j];
	__syncthreads();
	i = (int)(blockIdx.y * TILE + threadIdx.x);
	j = (int)(blockIdx.x * TILE + threadIdx.y);
	if (i < rows && j < columns)
		y[j * rows + i] = tile[threadIdx.x * (TILE + 1) + threadIdx.y];
}

void launch_transpose(const float *x, float *y, int rows, int columns, cudaStream_t stream)
{
	LAUNCH(transpose, dim3((unsigned)(columns + 7) / 8, (unsigned)(rows + 7) / 8),
	       dim3(TILE, TILE), TILE * (TILE + 1) * sizeof(float), stream, x, y, rows, columns);
}

static __global__ void histogram(const int *x, int *counts, int *largest, int n)
{
	int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
	if (i >= n)
		return;
	atomicAdd(&counts[x[i]], 1);
	atomicMax(largest, x[i]);
}

void launch_histogram(const int *x, int *counts, int *largest, int n, cudaStream_t stream)
{
	LAUNCH(histogram, (unsigned)(n + 31) / 32, 32, 0, stream, x, counts, largest, n);
}

static __global__ void warp_functions(int *out)
{
	unsigned all = 0xffffffffu;
	int lane = (int)threadIdx.x;
	out[lane] = __shfl_xor_sync(all, lane, 5);
	out[32 + lane] = __shfl_down_sync(all, lane, 3u, 8);
	out[64 + lane] = __shfl_up_sync(all, lane, 2u);
	out[96 + lane] = __shfl_sync(all, lane, 9, 16);
	out[128 + lane] = (int)__ballot_sync(all, lane % 3 == 0);
	out[160 + lane] = __any_sync(all, lane == 7) * 2 + __any_sync(all, lane == 40);
	out[192 + lane] = __all_sync(all, lane < 32) * 2 + __all_sync(all, lane != 7);
	/* The two halves of the warp exchange on their own. */
	unsigned half = lane < 16 ? 0xffffu : 0xffff0000u;
	out[224 + lane] = __shfl_xor_sync(half, lane, 1);
}

void launch_warp_functions(int *out, cudaStream_t stream)
{
	LAUNCH(warp_functions, 1, 32, 0, stream, out);
}

static __global__ void to_half(const float *x, uint16_t *y, uint16_t *z, int n)
{
	int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
	if (i < n) {
		y[i] = __half_as_ushort(__float2half(x[i]));
		z[i] = __bfloat16_as_ushort(__float2bfloat16(x[i]));
	}
}

void launch_to_half(const float *x, uint16_t *y, uint16_t *z, int n, cudaStream_t stream)
{
	LAUNCH(to_half, (unsigned)(n + 255) / 256, 256, 0, stream, x, y, z, n);
}

static __global__ void from_half(const uint16_t *x, float *y, float *z, int n)
{
	int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
	if (i < n) {
		y[i] = __half2float(__ushort_as_half(x[i]));
		z[i] = __bfloat162float(__ushort_as_bfloat16(x[i]));
	}
}

void launch_from_half(const uint16_t *x, float *y, float *z, int n, cudaStream_t stream)
{
	LAUNCH(from_half, (unsigned)(n + 255) / 256, 256, 0, stream, x, y, z, n);
}

static __global__ void add_one(float *x)
{
	x[threadIdx.x] += 1;
}

void launch_threads(float *x, unsigned threads, size_t shared, cudaStream_t stream)
{
	LAUNCH(add_one, 1, threads, shared, stream, x);
}

/* ---- planted faults ---- */

static __device__ __noinline__ float endless(float *x, int n)
{
	volatile float local[64];
	local[n & 63] = x[0];
	return n < 0 ? local[0] : endless(x, n + 1) + local[n & 63];
}

static __global__ void faulty(enum fault fault, float *x, int n)
{
	__shared__ float table[32];
	DYN_SHARED(float, dynamic);
	int i = (int)threadIdx.x;
	switch (fault) {
	case FAULT_READ_PAST:
		x[0] = x[n + i * 64];
		break;
	case FAULT_WRITE_PAST:
		x[n + i] = 1;
		break;
	case FAULT_WRITE_BEFORE:
		x[-1] = 1;
		break;
	case FAULT_MISALIGNED:
		x[0] = reinterpret_cast<float4 *>(x + 1)->x;
		break;
	case FAULT_INDEX:
		table[i + 1] = 1;
		__syncthreads();
		x[i] = table[31];
		break;
	case FAULT_SHARED_PAST:
		dynamic[i + 1] = 1;
		break;
	case FAULT_DIVERGED:
		if (i < 8)
			__syncthreads();
		else
			__syncthreads();
		break;
	case FAULT_NEVER_REACHED:
		if (i < 8)
			__syncthreads();
		else
			__syncwarp();
		break;
	case FAULT_MASK:
		x[i] = __shfl_xor_sync(i < 16 ? 0xffffffffu : 0xffff0000u, x[i], 1);
		break;
	case FAULT_UNWRITTEN:
		x[i] = table[i];
		break;
	case FAULT_NULL:
		*(volatile float *)nullptr = 1;
		break;
	case FAULT_STACK:
		x[0] = endless(x, 0);
		break;
	}
}

void launch_fault(enum fault fault, float *x, int n, cudaStream_t stream)
{
	LAUNCH(faulty, 1, 32, 32 * sizeof(float), stream, fault, x, n);
}
