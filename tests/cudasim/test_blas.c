/*
 * test_blas.c - the simulated cuBLASLt against plain loops in double: types, transposes, row and column
 * order, leading dimensions, batches, alpha and beta, epilogues; what it must refuse.
 */
#include "cudasim/bed.h"
#include "cudasim/cudasim.h"
#include "cudasim/dies.h"

#include "base/half.h"

#include <cublasLt.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { M = 7, N = 5, K = 9, LD = 12, BATCHES = 3, STRIDE = LD * LD, ROOM = BATCHES * STRIDE };

struct call {
	cudaDataType in, out;
	cublasOperation_t transposed[2];
	cublasLtOrder_t order[3]; /* of A, B, D */
	int batches;
	float alpha, beta;
	cublasLtEpilogue_t epilogue;
	double tolerance;
};

static size_t size_of(cudaDataType type)
{
	return type == CUDA_R_32F ? 4 : 2;
}

static double get(cudaDataType type, const void *p, int i)
{
	return type == CUDA_R_32F   ? ((const float *)p)[i]
	       : type == CUDA_R_16F ? fp16_to_float(((const uint16_t *)p)[i])
				    : bf16_to_float(((const uint16_t *)p)[i]);
}

/* Values that all types hold. */
static void fill(cudaDataType type, void *p, int n, int salt)
{
	for (int i = 0; i < n; i++) {
		float v = (float)((i * 7 + salt) % 17 - 8) * 0.25f;
		if (type == CUDA_R_32F)
			((float *)p)[i] = v;
		else
			((uint16_t *)p)[i] = type == CUDA_R_16F ? float_to_fp16(v)
								: float_to_bf16(v);
	}
}

static cublasLtMatrixLayout_t layout(cudaDataType type, int rows, int cols, cublasLtOrder_t order,
				     int batches)
{
	cublasLtMatrixLayout_t l;
	int64_t stride = STRIDE;
	int32_t order_value = order, count = batches;
	assert_int_equal(cublasLtMatrixLayoutCreate(&l, type, (uint64_t)rows, (uint64_t)cols, LD),
			 0);
	assert_int_equal(cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_ORDER,
							  &order_value, sizeof order_value),
			 0);
	assert_int_equal(cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
							  &count, sizeof count),
			 0);
	assert_int_equal(
		cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
						 &stride, sizeof stride),
		0);
	return l;
}

static int at(cublasLtOrder_t order, int batch, int i, int j)
{
	return batch * STRIDE + (order == CUBLASLT_ORDER_ROW ? i * LD + j : j * LD + i);
}

static double activated(cublasLtEpilogue_t epilogue, double x)
{
	if (epilogue & CUBLASLT_EPILOGUE_RELU)
		return x > 0 ? x : 0;
	if (epilogue & CUBLASLT_EPILOGUE_GELU)
		return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
	return x;
}

static void run(const struct call *c)
{
	cublasLtHandle_t handle;
	cublasLtMatmulDesc_t description;
	cublasLtMatmulPreference_t preference;
	cublasLtMatmulHeuristicResult_t results[3];
	int found;
	uint64_t room = 1 << 20;
	cudaStream_t stream = bed_stream();
	uint16_t a[2 * ROOM], b[2 * ROOM], before[2 * ROOM], d[2 * ROOM], bias[2 * LD];
	fill(c->in, a, ROOM, 1);
	fill(c->in, b, ROOM, 5);
	fill(c->out, before, ROOM, 3);
	fill(c->out, bias, LD, 2);
	void *da = bed_upload(a, ROOM * size_of(c->in), stream),
	     *db = bed_upload(b, ROOM * size_of(c->in), stream),
	     *dd = bed_upload(before, ROOM * size_of(c->out), stream),
	     *dbias = bed_upload(bias, LD * size_of(c->out), stream), *workspace;
	bool ta = c->transposed[0] == CUBLAS_OP_T, tb = c->transposed[1] == CUBLAS_OP_T;
	assert_int_equal(cublasLtCreate(&handle), 0);
	assert_int_equal(cublasLtMatmulDescCreate(&description, CUBLAS_COMPUTE_32F, CUDA_R_32F), 0);
	const struct {
		cublasLtMatmulDescAttributes_t attribute;
		const void *value;
		size_t size;
	} attributes[] = {
		{ CUBLASLT_MATMUL_DESC_TRANSA, &c->transposed[0], 4 },
		{ CUBLASLT_MATMUL_DESC_TRANSB, &c->transposed[1], 4 },
		{ CUBLASLT_MATMUL_DESC_EPILOGUE, &c->epilogue, 4 },
		{ CUBLASLT_MATMUL_DESC_BIAS_POINTER, &dbias, sizeof dbias },
	};
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			cublasLtMatmulDescSetAttribute(description, attributes[i].attribute,
						       attributes[i].value, attributes[i].size),
			0);
	cublasLtMatrixLayout_t la = layout(c->in, ta ? K : M, ta ? M : K, c->order[0], c->batches),
			       lb = layout(c->in, tb ? N : K, tb ? K : N, c->order[1], c->batches),
			       ld = layout(c->out, M, N, c->order[2], c->batches);
	assert_int_equal(cublasLtMatmulPreferenceCreate(&preference), 0);
	assert_int_equal(cublasLtMatmulPreferenceSetAttribute(
				 preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &room,
				 sizeof room),
			 0);
	assert_int_equal(cublasLtMatmulAlgoGetHeuristic(handle, description, la, lb, ld, ld,
							preference, 3, results, &found),
			 0);
	assert_int_equal(found, 2);
	assert_true(results[0].workspaceSize > 0);
	workspace = bed_alloc(results[0].workspaceSize);
	assert_int_equal(cublasLtMatmul(handle, description, &c->alpha, da, la, db, lb, &c->beta,
					dd, ld, dd, ld, &results[0].algo, workspace,
					results[0].workspaceSize, stream),
			 0);
	bed_download(d, dd, ROOM * size_of(c->out), stream);
	for (int batch = 0; batch < c->batches; batch++)
		for (int i = 0; i < M; i++)
			for (int j = 0; j < N; j++) {
				double x = 0;
				for (int k = 0; k < K; k++)
					x += get(c->in, a,
						 ta ? at(c->order[0], batch, k, i)
						    : at(c->order[0], batch, i, k)) *
					     get(c->in, b,
						 tb ? at(c->order[1], batch, j, k)
						    : at(c->order[1], batch, k, j));
				int index = at(c->order[2], batch, i, j);
				x = x * c->alpha + c->beta * get(c->out, before, index);
				if (c->epilogue & CUBLASLT_EPILOGUE_BIAS)
					x += get(c->out, bias, i);
				x = activated(c->epilogue, x);
				assert_near(get(c->out, d, index), x, c->tolerance * (1 + fabs(x)));
			}
	if (c->epilogue >= CUBLASLT_EPILOGUE_BGRADA) {
		bool of_a = c->epilogue == CUBLASLT_EPILOGUE_BGRADA;
		bed_download(bias, dbias, LD * size_of(c->out), stream);
		for (int i = 0; i < (of_a ? M : N); i++) {
			double x = 0;
			for (int k = 0; k < K; k++)
				x += of_a ? get(c->in, a,
						ta ? at(c->order[0], 0, k, i)
						   : at(c->order[0], 0, i, k))
					  : get(c->in, b,
						tb ? at(c->order[1], 0, i, k)
						   : at(c->order[1], 0, k, i));
			assert_near(get(c->out, bias, i), x, c->tolerance * (1 + fabs(x)));
		}
	}
	void *memory[] = { da, db, dd, dbias, workspace };
	for (int i = 0; i < 5; i++)
		assert_ok(cudaFree(memory[i]));
	cublasLtMatrixLayoutDestroy(la);
	cublasLtMatrixLayoutDestroy(lb);
	cublasLtMatrixLayoutDestroy(ld);
	cublasLtMatmulPreferenceDestroy(preference);
	cublasLtMatmulDescDestroy(description);
	cublasLtDestroy(handle);
	assert_ok(cudaStreamDestroy(stream));
}

static void test_products(void **state)
{
	(void)state;
	static const struct {
		cudaDataType in, out;
		double tolerance;
	} types[] = {
		{ CUDA_R_32F, CUDA_R_32F, 1e-6 },  { CUDA_R_16F, CUDA_R_16F, 0x1p-11 },
		{ CUDA_R_16F, CUDA_R_32F, 1e-6 },  { CUDA_R_16BF, CUDA_R_16BF, 0x1p-8 },
		{ CUDA_R_16BF, CUDA_R_32F, 1e-6 },
	};
	static const cublasLtEpilogue_t epilogues[] = {
		CUBLASLT_EPILOGUE_DEFAULT, CUBLASLT_EPILOGUE_RELU, CUBLASLT_EPILOGUE_RELU_BIAS,
		CUBLASLT_EPILOGUE_BIAS,    CUBLASLT_EPILOGUE_GELU, CUBLASLT_EPILOGUE_GELU_BIAS,
	};
	for (unsigned i = 0; i < 5; i++)
		for (unsigned bits = 0; bits < 32; bits++) {
			struct call call = {
				.in = types[i].in,
				.out = types[i].out,
				.transposed = { bits & 1, bits >> 1 & 1 },
				.order = { bits >> 2 & 1, bits >> 3 & 1, bits >> 4 & 1 },
				.batches = bits % 3 == 0 ? BATCHES : 1,
				.alpha = bits % 5 ? 1 : 0.5f,
				.beta = bits % 7 ? 0 : 2,
				.epilogue = epilogues[bits % 6],
				.tolerance = types[i].tolerance,
			};
			run(&call);
		}
}

static void test_bias_gradients(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 4; bits++) {
		struct call call = {
			.in = CUDA_R_16F,
			.out = CUDA_R_32F,
			.transposed = { bits & 1, bits & 1 },
			.batches = 1,
			.alpha = 1,
			.epilogue = bits & 2 ? CUBLASLT_EPILOGUE_BGRADA : CUBLASLT_EPILOGUE_BGRADB,
			.tolerance = 1e-6,
		};
		run(&call);
	}
}

/* What a product of 4 x 4 matrices does when one thing is wrong. */
enum wrong {
	WRONG_NOTHING,
	WRONG_LD,
	WRONG_SHAPE,
	WRONG_TYPES,
	WRONG_COMPUTE,
	WRONG_EPILOGUE,
	WRONG_ALIGNMENT,
	WRONG_WORKSPACE,
	WRONG_ALGORITHM,
	WRONG_MEMORY, /* fatal */
};

static cublasStatus_t try(enum wrong wrong)
{
	cublasLtHandle_t handle;
	cublasLtMatmulDesc_t description;
	cublasLtMatmulPreference_t preference;
	cublasLtMatmulHeuristicResult_t result = { .workspaceSize = 0 };
	cublasLtMatrixLayout_t a, b, d;
	int found, epilogue = 12345;
	uint64_t room = 512;
	float one = 1, zero = 0;
	cudaStream_t stream = bed_stream();
	char *memory = bed_alloc(64), *workspace = bed_alloc(512);
	assert_ok(cudaMemsetAsync(memory, 0, 64, stream));
	cublasLtCreate(&handle);
	cublasLtMatmulDescCreate(&description,
				 wrong == WRONG_COMPUTE ? CUBLAS_COMPUTE_16F : CUBLAS_COMPUTE_32F,
				 CUDA_R_32F);
	if (wrong == WRONG_EPILOGUE)
		cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_EPILOGUE,
					       &epilogue, sizeof epilogue);
	cublasLtMatrixLayoutCreate(&a, CUDA_R_32F, 4, 4, wrong == WRONG_LD ? 3 : 4);
	cublasLtMatrixLayoutCreate(&b, wrong == WRONG_TYPES ? CUDA_R_16F : CUDA_R_32F,
				   wrong == WRONG_SHAPE ? 3 : 4, 4, 4);
	cublasLtMatrixLayoutCreate(&d, CUDA_R_32F, 4, wrong == WRONG_MEMORY ? 5 : 4, 4);
	if (wrong == WRONG_MEMORY) {
		cublasLtMatrixLayoutDestroy(b);
		cublasLtMatrixLayoutCreate(&b, CUDA_R_32F, 4, 5, 4);
	}
	cublasLtMatmulPreferenceCreate(&preference);
	cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
					     &room, sizeof room);
	cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(handle, description, a, b, d, d,
							       preference, 1, &result, &found);
	assert_int_equal(status ? 0 : 1, found);
	if (wrong == WRONG_ALGORITHM)
		memset(&result.algo, 0, sizeof result.algo);
	if (!status)
		status = cublasLtMatmul(handle, description, &one, memory, a, memory, b, &zero,
					NULL, d, memory + (wrong == WRONG_ALIGNMENT ? 16 : 0), d,
					&result.algo, workspace,
					result.workspaceSize - (wrong == WRONG_WORKSPACE), stream);
	cudaStreamSynchronize(stream);
	cublasLtMatrixLayoutDestroy(a);
	cublasLtMatrixLayoutDestroy(b);
	cublasLtMatrixLayoutDestroy(d);
	cublasLtMatmulPreferenceDestroy(preference);
	cublasLtMatmulDescDestroy(description);
	cublasLtDestroy(handle);
	cudaFree(memory);
	cudaFree(workspace);
	cudaStreamDestroy(stream);
	return status;
}

static void go_wrong(void *argument)
{
	try(*(enum wrong *)argument);
}

static void test_refused(void **state)
{
	(void)state;
	enum wrong memory = WRONG_MEMORY;
	assert_int_equal(try(WRONG_NOTHING), CUBLAS_STATUS_SUCCESS);
	assert_int_equal(try(WRONG_LD), CUBLAS_STATUS_INVALID_VALUE);
	assert_int_equal(try(WRONG_SHAPE), CUBLAS_STATUS_INVALID_VALUE);
	assert_int_equal(try(WRONG_TYPES), CUBLAS_STATUS_NOT_SUPPORTED);
	assert_int_equal(try(WRONG_COMPUTE), CUBLAS_STATUS_NOT_SUPPORTED);
	assert_int_equal(try(WRONG_EPILOGUE), CUBLAS_STATUS_NOT_SUPPORTED);
	assert_int_equal(try(WRONG_ALIGNMENT), CUBLAS_STATUS_INVALID_VALUE);
	assert_int_equal(try(WRONG_WORKSPACE), CUBLAS_STATUS_INVALID_VALUE);
	assert_int_equal(try(WRONG_ALGORITHM), CUBLAS_STATUS_INVALID_VALUE);
	assert_dies(go_wrong, &memory, "B of cublasLtMatmul: 15 bytes over the end of 64 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_products),
		cmocka_unit_test(test_bias_gradients),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
