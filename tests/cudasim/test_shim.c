/*
 * test_shim.c - kernels on the simulated device: barriers, shared memory, shuffles, votes, atomics and
 * half types against plain loops, launches that CUDA refuses, and each planted fault.
 */
#include "cudasim/bed.h"
#include "cudasim/cudasim.h"
#include "cudasim/dies.h"
#include "cudasim/kernels.h"

#include "base/half.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static float sum_of_block(uint64_t seed, int barriers, cudaStream_t stream)
{
	float x[230], sum;
	for (int i = 0; i < 230; i++)
		x[i] = (float)(i % 17);
	cudasim_seed(seed);
	float *dx = bed_upload(x, sizeof x, stream), *dsum = bed_alloc(sizeof sum);
	launch_block_sum(dx, dsum, 230, barriers, stream);
	bed_download(&sum, dsum, sizeof sum, stream);
	assert_ok(cudaFree(dx));
	assert_ok(cudaFree(dsum));
	return sum;
}

/* A block's sum in every order of threads; without the barriers it is wrong in most. */
static void test_barriers(void **state)
{
	(void)state;
	cudaStream_t stream = bed_stream();
	float wanted = 0;
	int wrong = 0;
	for (int i = 0; i < 230; i++)
		wanted += (float)(i % 17);
	for (uint64_t seed = 0; seed < 20; seed++) {
		assert_near(sum_of_block(seed, 1, stream), wanted, 0);
		wrong += sum_of_block(seed, 0, stream) != wanted;
	}
	assert_true(wrong > 15);
	assert_ok(cudaStreamDestroy(stream));
}

static void test_warps(void **state)
{
	(void)state;
	cudaStream_t stream = bed_stream();
	float x[96], sums[3];
	int out[256];
	for (int i = 0; i < 96; i++)
		x[i] = (float)(i * i % 11) * 0.25f;
	float *dx = bed_upload(x, sizeof x, stream), *dsums = bed_alloc(sizeof sums);
	for (int in_half = 0; in_half < 2; in_half++) {
		launch_warp_sums(dx, dsums, 3, in_half, stream);
		bed_download(sums, dsums, sizeof sums, stream);
		for (int b = 0; b < 3; b++) {
			float wanted = 0;
			for (int i = 0; i < 32; i++)
				wanted += x[32 * b + i];
			assert_near(sums[b], wanted, 0); /* exact in fp16 too */
		}
	}
	int *dout = bed_alloc(sizeof out);
	launch_warp_functions(dout, stream);
	bed_download(out, dout, sizeof out, stream);
	for (int lane = 0; lane < 32; lane++) {
		assert_int_equal(out[lane], lane ^ 5);
		assert_int_equal(out[32 + lane], lane % 8 + 3 < 8 ? lane + 3 : lane);
		assert_int_equal(out[64 + lane], lane >= 2 ? lane - 2 : lane);
		assert_int_equal(out[96 + lane], lane / 16 * 16 + 9);
		assert_int_equal(out[128 + lane], 0x49249249);
		assert_int_equal(out[160 + lane], 2);
		assert_int_equal(out[192 + lane], 2);
		assert_int_equal(out[224 + lane], lane ^ 1);
	}
	assert_ok(cudaFree(dx));
	assert_ok(cudaFree(dsums));
	assert_ok(cudaFree(dout));
	assert_ok(cudaStreamDestroy(stream));
}

static void test_transpose(void **state)
{
	(void)state;
	enum { ROWS = 13, COLUMNS = 21 };
	cudaStream_t stream = bed_stream();
	float x[ROWS][COLUMNS], y[COLUMNS][ROWS];
	for (int i = 0; i < ROWS * COLUMNS; i++)
		x[i / COLUMNS][i % COLUMNS] = (float)i;
	float *dx = bed_upload(x, sizeof x, stream), *dy = bed_alloc(sizeof y);
	launch_transpose(dx, dy, ROWS, COLUMNS, stream);
	bed_download(y, dy, sizeof y, stream);
	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < COLUMNS; j++)
			assert_near(y[j][i], x[i][j], 0);
	assert_ok(cudaFree(dx));
	assert_ok(cudaFree(dy));
	assert_ok(cudaStreamDestroy(stream));
}

static void test_atomics(void **state)
{
	(void)state;
	cudaStream_t stream = bed_stream();
	int x[100], counts[7], wanted[7] = { 0 }, largest;
	for (int i = 0; i < 100; i++) {
		x[i] = i * i % 7;
		wanted[x[i]]++;
	}
	int *dx = bed_upload(x, sizeof x, stream), *dcounts = bed_alloc(sizeof counts + 4);
	assert_ok(cudaMemsetAsync(dcounts, 0, sizeof counts + 4, stream));
	launch_histogram(dx, dcounts, dcounts + 7, 100, stream);
	bed_download(counts, dcounts, sizeof counts, stream);
	bed_download(&largest, dcounts + 7, sizeof largest, stream);
	assert_memory_equal(counts, wanted, sizeof counts);
	assert_int_equal(largest, 4);
	assert_ok(cudaFree(dx));
	assert_ok(cudaFree(dcounts));
	assert_ok(cudaStreamDestroy(stream));
}

/* All 65,536 patterns become the float of base/half.h; floats near each are rounded as there. */
static void test_half(void **state)
{
	(void)state;
	enum { ALL = 65536 };
	cudaStream_t stream = bed_stream();
	uint16_t *patterns = malloc(2 * ALL), *half = malloc(2 * ALL), *bf16 = malloc(2 * ALL);
	float *y = malloc(4 * ALL), *z = malloc(4 * ALL);
	for (int i = 0; i < ALL; i++)
		patterns[i] = (uint16_t)i;
	uint16_t *dx = bed_upload(patterns, 2 * ALL, stream), *dhalf = bed_alloc(2 * ALL),
		 *dbf16 = bed_alloc(2 * ALL);
	float *dy = bed_alloc(4 * ALL), *dz = bed_alloc(4 * ALL);
	launch_from_half(dx, dy, dz, ALL, stream);
	bed_download(y, dy, 4 * ALL, stream);
	bed_download(z, dz, 4 * ALL, stream);
	for (int i = 0; i < ALL; i++) {
		float from_fp16 = fp16_to_float((uint16_t)i),
		      from_bf16 = bf16_to_float((uint16_t)i);
		assert_true(y[i] == from_fp16 || (isnan(y[i]) && isnan(from_fp16)));
		assert_true(z[i] == from_bf16 || (isnan(z[i]) && isnan(from_bf16)));
	}
	/* Halfway between neighbours, and a little beside it. */
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < ALL; i++) {
			uint32_t bits = ((uint32_t)i << 16) + 0x7fff + (uint32_t)round;
			float middle = (fp16_to_float((uint16_t)i) +
					fp16_to_float((uint16_t)(i + 1))) /
				       2;
			if (i % 2)
				memcpy(&y[i], &bits, 4);
			else
				y[i] = nextafterf(middle, (float)(round - 1) * INFINITY);
		}
		assert_ok(cudaMemcpyAsync(dy, y, 4 * ALL, cudaMemcpyHostToDevice, stream));
		launch_to_half(dy, dhalf, dbf16, ALL, stream);
		bed_download(half, dhalf, 2 * ALL, stream);
		bed_download(bf16, dbf16, 2 * ALL, stream);
		for (int i = 0; i < ALL; i++) {
			if (isnan(y[i])) {
				assert_true(isnan(fp16_to_float(half[i])));
				assert_true(isnan(bf16_to_float(bf16[i])));
			} else {
				assert_int_equal(half[i], float_to_fp16(y[i]));
				assert_int_equal(bf16[i], float_to_bf16(y[i]));
			}
		}
	}
	void *device[] = { dx, dhalf, dbf16, dy, dz }, *host[] = { patterns, half, bf16, y, z };
	for (int i = 0; i < 5; i++) {
		assert_ok(cudaFree(device[i]));
		free(host[i]);
	}
	assert_ok(cudaStreamDestroy(stream));
}

static void test_launches(void **state)
{
	(void)state;
	cudaStream_t stream = bed_stream();
	float *x = bed_alloc(1024 * sizeof *x);
	launch_threads(x, 1024, 48 << 10, stream);
	assert_ok(cudaGetLastError());
	launch_threads(x, 1025, 0, stream);
	assert_int_equal(cudaGetLastError(), cudaErrorInvalidConfiguration);
	launch_threads(x, 0, 0, stream);
	assert_int_equal(cudaGetLastError(), cudaErrorInvalidConfiguration);
	launch_threads(x, 1, (48 << 10) + 1, stream);
	assert_int_equal(cudaGetLastError(), cudaErrorInvalidValue);
	assert_ok(cudaStreamSynchronize(stream));
	assert_ok(cudaFree(x));
	assert_ok(cudaStreamDestroy(stream));
}

static void plant(void *argument)
{
	float x[33] = { 0 };
	cudaStream_t stream = bed_stream();
	/* 33 floats leave a gap to the end of the page: a read of it is seen only beyond. */
	float *dx = bed_upload(x, sizeof x, stream);
	launch_fault(*(enum fault *)argument, dx, 33, stream);
	bed_download(x, dx, sizeof x, stream);
	for (int i = 0; i < 33; i++)
		if (isnan(x[i])) {
			fputs("cudasim: a NaN in the result\n", stderr);
			abort();
		}
}

static void test_faults(void **state)
{
	(void)state;
	static const struct {
		enum fault fault;
		const char *text;
	} cases[] = {
		{ FAULT_READ_PAST, "bytes over the end of 132 bytes of device memory, in faulty" },
		{ FAULT_WRITE_PAST, "bytes over the end of 132 bytes of device memory, in faulty" },
		{ FAULT_WRITE_BEFORE, "bytes before 132 bytes of device memory, in faulty" },
		{ FAULT_MISALIGNED, "misaligned access" },
		{ FAULT_INDEX,
		  "an index over the end of an array, in faulty, block (0,0,0), thread (31," },
		{ FAULT_SHARED_PAST, "wrong access" },
		{ FAULT_DIVERGED, "threads of a block wait at different barriers" },
		{ FAULT_NEVER_REACHED, "that others never reach" },
		{ FAULT_MASK, "lanes of a warp exchange at different places" },
		{ FAULT_UNWRITTEN, "NaN in the result" },
		{ FAULT_NULL, "wrong access" },
		{ FAULT_STACK, "wrong access" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum fault fault = cases[i].fault;
		assert_dies(plant, &fault, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_barriers),  cmocka_unit_test(test_warps),
		cmocka_unit_test(test_transpose), cmocka_unit_test(test_atomics),
		cmocka_unit_test(test_half),      cmocka_unit_test(test_launches),
		cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
