/*
 * bed.h - for tests of the simulator: device memory and a stream, and copies that wait.
 */
#ifndef ONNXTUNE_TESTS_CUDASIM_BED_H
#define ONNXTUNE_TESTS_CUDASIM_BED_H

#include <cuda_runtime_api.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define assert_ok(call) assert_int_equal(call, cudaSuccess)

/* Numbers that differ by at most the tolerance. (cmocka's assert_float_equal takes any NaN.) */
#define assert_near(a, b, tolerance)                                                               \
	do {                                                                                       \
		double a_ = a, b_ = b;                                                             \
		if (!(fabs(a_ - b_) <= (tolerance)))                                               \
			fail_msg("%s is %.9g, not %.9g", #a, a_, b_);                              \
	} while (0)

static inline cudaStream_t bed_stream(void)
{
	cudaStream_t stream;
	assert_ok(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
	return stream;
}

static inline void *bed_alloc(size_t bytes)
{
	void *p;
	assert_ok(cudaMalloc(&p, bytes));
	return p;
}

/* Device memory with the content. */
static inline void *bed_upload(const void *host, size_t bytes, cudaStream_t stream)
{
	void *p = bed_alloc(bytes);
	assert_ok(cudaMemcpyAsync(p, host, bytes, cudaMemcpyHostToDevice, stream));
	return p;
}

static inline void bed_download(void *host, const void *p, size_t bytes, cudaStream_t stream)
{
	assert_ok(cudaMemcpyAsync(host, p, bytes, cudaMemcpyDeviceToHost, stream));
	assert_ok(cudaStreamSynchronize(stream));
}

#endif
