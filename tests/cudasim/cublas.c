/*
 * cublas.c - the simulated cuBLASLt: matrix products with strides, batches and epilogues in float,
 * queued on a stream as calls. What it does not know it refuses as NOT_SUPPORTED; what cuBLASLt
 * documents as wrong is INVALID_VALUE.
 *
 * Algorithms that the heuristic gives want a workspace of what was allowed, up to 4 KiB; they fill it
 * with NaNs, which shows when it is something else's memory too. They rely on the alignment of
 * operands that the preference promised.
 */
#include "cudasim/internal.h"
#include "cudasim/numbers.h"

#include <cublasLt.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WORKSPACE 4096
#define ALGO_MAGIC 0x6d6973616475632d /* in an algorithm that the heuristic gave */

struct cublasLtContext {
	int unused;
};

/* The content of the opaque structures. */
struct layout {
	int32_t type, order;
	uint64_t rows, cols;
	int64_t ld;
	int32_t batches;
	int64_t batch_stride;
};

struct description {
	int32_t compute, scale, transposed[2], epilogue;
	int32_t bias_type; /* -1: D's */
	void *bias;
};

struct preference {
	uint64_t workspace;
	uint32_t alignment[4]; /* of A, B, C, D */
	uint32_t reductions;   /* schemes that may be used: not looked at, sums are in order */
};

struct algorithm {
	uint64_t magic, workspace;
	uint32_t alignment[4];
	uint32_t index; /* ALGORITHM_WORKSPACE, ALGORITHM_PLAIN */
};

_Static_assert(sizeof(struct layout) <= sizeof(cublasLtMatrixLayoutOpaque_t), "layout");
_Static_assert(sizeof(struct description) <= sizeof(cublasLtMatmulDescOpaque_t), "description");
_Static_assert(sizeof(struct preference) <= sizeof(cublasLtMatmulPreferenceOpaque_t), "preference");
_Static_assert(sizeof(struct algorithm) <= sizeof(cublasLtMatmulAlgo_t), "algorithm");

static const struct {
	cublasStatus_t status;
	const char *text;
} statuses[] = {
	{ CUBLAS_STATUS_SUCCESS, "success" },
	{ CUBLAS_STATUS_NOT_INITIALIZED, "the library was not initialized" },
	{ CUBLAS_STATUS_ALLOC_FAILED, "the resource allocation failed" },
	{ CUBLAS_STATUS_INVALID_VALUE,
	  "an unsupported value or parameter was passed to the function" },
	{ CUBLAS_STATUS_NOT_SUPPORTED, "the functionality requested is not supported" },
	{ CUBLAS_STATUS_EXECUTION_FAILED, "the GPU program failed to execute" },
};

const char *cublasLtGetStatusString(cublasStatus_t status)
{
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		if (statuses[i].status == status)
			return statuses[i].text;
	return "unknown status";
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
	if (SIM_FAILS())
		return CUBLAS_STATUS_ALLOC_FAILED;
	*handle = sim_alloc(sizeof **handle);
	sim_made(THING_CUBLAS);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
	if (!handle)
		return CUBLAS_STATUS_INVALID_VALUE;
	free(handle);
	sim_gone(THING_CUBLAS);
	return CUBLAS_STATUS_SUCCESS;
}

/* ---- descriptors ---- */

static cublasStatus_t drop(void *descriptor)
{
	if (descriptor) {
		free(descriptor);
		sim_gone(THING_CUBLAS_DESCRIPTOR);
	}
	return CUBLAS_STATUS_SUCCESS;
}

/* A field that an attribute sets: its bytes are taken from the caller. */
struct field {
	int attribute;
	size_t offset, size;
};

static cublasStatus_t set_field(void *descriptor, const struct field *fields, int attribute,
				const void *value, size_t size)
{
	if (!descriptor || !value)
		return CUBLAS_STATUS_INVALID_VALUE;
	for (; fields->size; fields++)
		if (fields->attribute == attribute) {
			if (fields->size != size)
				return CUBLAS_STATUS_INVALID_VALUE;
			memcpy((char *)descriptor + fields->offset, value, size);
			return CUBLAS_STATUS_SUCCESS;
		}
	return CUBLAS_STATUS_NOT_SUPPORTED;
}

#define FIELD(attribute, type, member)                                                             \
	{                                                                                          \
		attribute, offsetof(struct type, member), sizeof(((struct type *)0)->member)       \
	}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *out, cudaDataType type,
					  uint64_t rows, uint64_t cols, int64_t ld)
{
	if (SIM_FAILS())
		return CUBLAS_STATUS_ALLOC_FAILED;
	*out = sim_alloc(sizeof **out);
	struct layout layout = { .type = type, .rows = rows, .cols = cols, .ld = ld, .batches = 1 };
	memcpy(*out, &layout, sizeof layout);
	sim_made(THING_CUBLAS_DESCRIPTOR);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout)
{
	return drop(layout);
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
						cublasLtMatrixLayoutAttribute_t attribute,
						const void *value, size_t size)
{
	static const struct field fields[] = {
		FIELD(CUBLASLT_MATRIX_LAYOUT_TYPE, layout, type),
		FIELD(CUBLASLT_MATRIX_LAYOUT_ORDER, layout, order),
		FIELD(CUBLASLT_MATRIX_LAYOUT_ROWS, layout, rows),
		FIELD(CUBLASLT_MATRIX_LAYOUT_COLS, layout, cols),
		FIELD(CUBLASLT_MATRIX_LAYOUT_LD, layout, ld),
		FIELD(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, layout, batches),
		FIELD(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, layout, batch_stride),
		{ 0 },
	};
	return set_field(layout, fields, attribute, value, size);
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *out, cublasComputeType_t compute,
					cudaDataType_t scale)
{
	if (SIM_FAILS())
		return CUBLAS_STATUS_ALLOC_FAILED;
	*out = sim_alloc(sizeof **out);
	struct description description = {
		.compute = compute,
		.scale = scale,
		.epilogue = CUBLASLT_EPILOGUE_DEFAULT,
		.bias_type = -1,
	};
	memcpy(*out, &description, sizeof description);
	sim_made(THING_CUBLAS_DESCRIPTOR);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t description)
{
	return drop(description);
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t description,
					      cublasLtMatmulDescAttributes_t attribute,
					      const void *value, size_t size)
{
	static const struct field fields[] = {
		FIELD(CUBLASLT_MATMUL_DESC_TRANSA, description, transposed[0]),
		FIELD(CUBLASLT_MATMUL_DESC_TRANSB, description, transposed[1]),
		FIELD(CUBLASLT_MATMUL_DESC_EPILOGUE, description, epilogue),
		FIELD(CUBLASLT_MATMUL_DESC_BIAS_POINTER, description, bias),
		FIELD(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, description, bias_type),
		{ 0 },
	};
	return set_field(description, fields, attribute, value, size);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *out)
{
	if (SIM_FAILS())
		return CUBLAS_STATUS_ALLOC_FAILED;
	*out = sim_alloc(sizeof **out);
	struct preference preference = { .alignment = { 256, 256, 256, 256 } };
	memcpy(*out, &preference, sizeof preference);
	sim_made(THING_CUBLAS_DESCRIPTOR);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference)
{
	return drop(preference);
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
						    cublasLtMatmulPreferenceAttributes_t attribute,
						    const void *value, size_t size)
{
	static const struct field fields[] = {
		FIELD(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, preference, workspace),
		FIELD(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, preference, reductions),
		FIELD(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, preference, alignment[0]),
		FIELD(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, preference, alignment[1]),
		FIELD(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, preference, alignment[2]),
		FIELD(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, preference, alignment[3]),
		{ 0 },
	};
	return set_field(preference, fields, attribute, value, size);
}

/* ---- checks ---- */

struct product {
	struct description description;
	struct layout a, b, c, d;
	float alpha, beta;
	const void *A, *B, *C;
	void *D, *workspace;
	size_t workspace_bytes;
	uint32_t algorithm;
};

static enum number number_of(int32_t type)
{
	return type == CUDA_R_32F    ? NUMBER_FLOAT
	       : type == CUDA_R_16F  ? NUMBER_FP16
	       : type == CUDA_R_16BF ? NUMBER_BF16
				     : NUMBER_NONE;
}

static bool layout_valid(const struct layout *l)
{
	uint64_t inner = l->order == CUBLASLT_ORDER_ROW ? l->cols : l->rows;
	return l->rows && l->cols && l->ld > 0 && (uint64_t)l->ld >= inner && l->batches >= 1 &&
	       (l->order == CUBLASLT_ORDER_ROW || l->order == CUBLASLT_ORDER_COL);
}

static bool with_bias(const struct description *d)
{
	return d->epilogue &
	       (CUBLASLT_EPILOGUE_BIAS | CUBLASLT_EPILOGUE_BGRADA | CUBLASLT_EPILOGUE_BGRADB);
}

/* Whether the operands fit each other, and the simulator knows such a product. */
/* bf16 wants an Ampere. */
static bool device_can(const struct product *p)
{
	struct cudaDeviceProp device;
	return p->a.type != CUDA_R_16BF ||
	       (cudaGetDeviceProperties(&device, 0) == cudaSuccess && device.major >= 8);
}

static cublasStatus_t check(const struct product *p)
{
	const struct description *e = &p->description;
	const struct layout *layouts[] = { &p->a, &p->b, &p->c, &p->d };
	static const int epilogues[] = {
		CUBLASLT_EPILOGUE_DEFAULT,   CUBLASLT_EPILOGUE_RELU,   CUBLASLT_EPILOGUE_BIAS,
		CUBLASLT_EPILOGUE_RELU_BIAS, CUBLASLT_EPILOGUE_GELU,   CUBLASLT_EPILOGUE_GELU_BIAS,
		CUBLASLT_EPILOGUE_BGRADA,    CUBLASLT_EPILOGUE_BGRADB,
	};
	bool known = false;
	for (int i = 0; i < 4; i++)
		if (!layout_valid(layouts[i]) || layouts[i]->batches != p->d.batches)
			return CUBLAS_STATUS_INVALID_VALUE;
	uint64_t m = e->transposed[0] ? p->a.cols : p->a.rows,
		 k = e->transposed[0] ? p->a.rows : p->a.cols,
		 kb = e->transposed[1] ? p->b.cols : p->b.rows,
		 n = e->transposed[1] ? p->b.rows : p->b.cols;
	if (k != kb || p->d.rows != m || p->d.cols != n || p->c.rows != m || p->c.cols != n)
		return CUBLAS_STATUS_INVALID_VALUE;
	for (size_t i = 0; i < sizeof epilogues / sizeof *epilogues; i++)
		known |= e->epilogue == epilogues[i];
	if (!known || (unsigned)e->transposed[0] > 1 || (unsigned)e->transposed[1] > 1)
		return CUBLAS_STATUS_NOT_SUPPORTED;
	if (!number_of(p->a.type) || p->a.type != p->b.type || p->c.type != p->d.type ||
	    (p->d.type != p->a.type && p->d.type != CUDA_R_32F) || p->c.order != p->d.order)
		return CUBLAS_STATUS_NOT_SUPPORTED;
	if ((e->compute != CUBLAS_COMPUTE_32F && e->compute != CUBLAS_COMPUTE_32F_PEDANTIC &&
	     e->compute != CUBLAS_COMPUTE_32F_FAST_TF32) ||
	    e->scale != CUDA_R_32F)
		return CUBLAS_STATUS_NOT_SUPPORTED;
	if (with_bias(e) && e->bias_type >= 0 && e->bias_type != p->d.type)
		return CUBLAS_STATUS_NOT_SUPPORTED;
	return CUBLAS_STATUS_SUCCESS;
}

static bool take(struct product *p, const void *description, const void *a, const void *b,
		 const void *c, const void *d)
{
	if (!description || !a || !b || !c || !d)
		return false;
	memcpy(&p->description, description, sizeof p->description);
	memcpy(&p->a, a, sizeof p->a);
	memcpy(&p->b, b, sizeof p->b);
	memcpy(&p->c, c, sizeof p->c);
	memcpy(&p->d, d, sizeof p->d);
	return true;
}

/* Two algorithms: with a workspace, and without. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle,
					      cublasLtMatmulDesc_t description,
					      cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
					      cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
					      cublasLtMatmulPreference_t preference, int requested,
					      cublasLtMatmulHeuristicResult_t results[],
					      int *returned)
{
	if (SIM_FAILS())
		return CUBLAS_STATUS_INTERNAL_ERROR;
	struct product product = { 0 };
	struct preference limits;
	*returned = 0;
	if (!handle)
		return CUBLAS_STATUS_NOT_INITIALIZED;
	if (!take(&product, description, a, b, c, d) || !preference || requested < 1)
		return CUBLAS_STATUS_INVALID_VALUE;
	cublasStatus_t status = check(&product);
	if (status != CUBLAS_STATUS_SUCCESS)
		return status;
	if (!device_can(&product))
		return CUBLAS_STATUS_NOT_SUPPORTED;
	memcpy(&limits, preference, sizeof limits);
	for (int i = 0; i < ALGORITHMS && i < requested; i++) {
		struct algorithm algorithm = { .magic = ALGO_MAGIC, .index = (uint32_t)i };
		if (i == ALGORITHM_WORKSPACE)
			algorithm.workspace = limits.workspace < WORKSPACE ? limits.workspace
									   : WORKSPACE;
		memcpy(algorithm.alignment, limits.alignment, sizeof limits.alignment);
		results[i] = (cublasLtMatmulHeuristicResult_t){
			.workspaceSize = algorithm.workspace,
			.state = CUBLAS_STATUS_SUCCESS,
			.wavesCount = 1,
		};
		memcpy(&results[i].algo, &algorithm, sizeof algorithm);
		*returned = i + 1;
	}
	return CUBLAS_STATUS_SUCCESS;
}

/* ---- products ---- */

static int64_t index_in(const struct layout *l, int64_t row, int64_t col)
{
	return l->order == CUBLASLT_ORDER_ROW ? row * l->ld + col : col * l->ld + row;
}

static void check_operand(const struct layout *l, const void *p, const char *what)
{
	int64_t last = (l->batches - 1) * l->batch_stride +
		       index_in(l, (int64_t)l->rows - 1, (int64_t)l->cols - 1);
	sim_memory_check(p, (size_t)(last + 1) * sim_number_bytes(number_of(l->type)), what);
}

/* op(matrix)[rows][cols] as float */
static void unpack(const struct layout *l, const void *base, int64_t batch, bool transposed,
		   float *out, int64_t rows, int64_t cols)
{
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < cols; j++)
			out[i * cols + j] = sim_number_load(
				number_of(l->type), base,
				batch * l->batch_stride +
					(transposed ? index_in(l, j, i) : index_in(l, i, j)));
}

/* tanh's approximation, as cuBLASLt's GELU */
static float gelu(float x)
{
	return 0.5f * x * (1 + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
}

/* The gradient of a bias is the sum of op(A) or op(B) over k. */
static void bias_gradient(const struct product *p, const float *a, const float *b, int64_t m,
			  int64_t n, int64_t k)
{
	bool of_a = p->description.epilogue == CUBLASLT_EPILOGUE_BGRADA;
	for (int64_t i = 0; i < (of_a ? m : n); i++) {
		float sum = 0;
		for (int64_t q = 0; q < k; q++)
			sum += of_a ? a[i * k + q] : b[q * n + i];
		sim_number_store(number_of(p->d.type), p->description.bias, i, sum);
	}
}

static void product_run(void *argument)
{
	const struct product *p = argument;
	const struct description *e = &p->description;
	enum number type = number_of(p->d.type);
	int64_t m = (int64_t)p->d.rows, n = (int64_t)p->d.cols;
	int64_t k = (int64_t)(e->transposed[0] ? p->a.rows : p->a.cols);
	sim_counts.algorithms[p->algorithm]++;
	sim_queue_spend(sim_costs.algorithms[p->algorithm]);
	check_operand(&p->a, p->A, "A of cublasLtMatmul");
	check_operand(&p->b, p->B, "B of cublasLtMatmul");
	if (p->beta != 0)
		check_operand(&p->c, p->C, "C of cublasLtMatmul");
	check_operand(&p->d, p->D, "D of cublasLtMatmul");
	bool gradient = e->epilogue >= CUBLASLT_EPILOGUE_BGRADA;
	if (with_bias(e))
		sim_memory_check(e->bias,
				 (size_t)(e->epilogue == CUBLASLT_EPILOGUE_BGRADB ? n : m) *
					 sim_number_bytes(type),
				 "the bias of cublasLtMatmul");
	if (p->workspace_bytes) {
		sim_memory_check(p->workspace, p->workspace_bytes,
				 "the workspace of cublasLtMatmul");
		memset(p->workspace, POISON, p->workspace_bytes);
	}
	float *a = sim_alloc((size_t)(m * k) * sizeof *a),
	      *b = sim_alloc((size_t)(k * n) * sizeof *b),
	      *out = sim_alloc((size_t)(m * n) * sizeof *out);
	for (int64_t batch = 0; batch < p->d.batches; batch++) {
		unpack(&p->a, p->A, batch, e->transposed[0], a, m, k);
		unpack(&p->b, p->B, batch, e->transposed[1], b, k, n);
		sim_number_product(a, b, out, m, n, k);
		for (int64_t i = 0; i < m; i++)
			for (int64_t j = 0; j < n; j++) {
				float x = p->alpha * out[i * n + j];
				if (p->beta != 0)
					x += p->beta *
					     sim_number_load(type, p->C,
							     batch * p->c.batch_stride +
								     index_in(&p->c, i, j));
				if (e->epilogue & CUBLASLT_EPILOGUE_BIAS)
					x += sim_number_load(type, e->bias, i);
				if (e->epilogue & CUBLASLT_EPILOGUE_RELU)
					x = x < 0 ? 0 : x;
				if (e->epilogue & CUBLASLT_EPILOGUE_GELU)
					x = gelu(x);
				sim_number_store(type, p->D,
						 batch * p->d.batch_stride + index_in(&p->d, i, j),
						 x);
			}
		if (gradient)
			bias_gradient(p, a, b, m, n, k);
	}
	/* D may lie in the workspace by mistake: then it is lost. */
	if (p->workspace_bytes)
		memset(p->workspace, POISON, p->workspace_bytes);
	free(a);
	free(b);
	free(out);
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t description,
			      const void *alpha, const void *A, cublasLtMatrixLayout_t a,
			      const void *B, cublasLtMatrixLayout_t b, const void *beta,
			      const void *C, cublasLtMatrixLayout_t c, void *D,
			      cublasLtMatrixLayout_t d, const cublasLtMatmulAlgo_t *algo,
			      void *workspace, size_t workspace_bytes, cudaStream_t stream)
{
	struct product p = { .A = A, .B = B, .C = C, .D = D };
	struct algorithm algorithm = { .alignment = { 16, 16, 16, 16 } };
	const void *operands[] = { A, B, C, D };
	if (SIM_FAILS())
		return CUBLAS_STATUS_EXECUTION_FAILED;
	if (!handle)
		return CUBLAS_STATUS_NOT_INITIALIZED;
	if (!take(&p, description, a, b, c, d) || !alpha || !beta || !A || !B || !D)
		return CUBLAS_STATUS_INVALID_VALUE;
	memcpy(&p.alpha, alpha, sizeof p.alpha);
	memcpy(&p.beta, beta, sizeof p.beta);
	cublasStatus_t status = check(&p);
	if (status != CUBLAS_STATUS_SUCCESS)
		return status;
	if (algo) {
		memcpy(&algorithm, algo, sizeof algorithm);
		if (algorithm.magic != ALGO_MAGIC)
			return CUBLAS_STATUS_INVALID_VALUE;
	}
	if (workspace_bytes < algorithm.workspace || (algorithm.workspace && !workspace) ||
	    (uintptr_t)workspace % 16 || (p.beta != 0 && !C) ||
	    (with_bias(&p.description) && !p.description.bias))
		return CUBLAS_STATUS_INVALID_VALUE;
	for (int i = 0; i < 4; i++)
		if (operands[i] && (uintptr_t)operands[i] % algorithm.alignment[i])
			return CUBLAS_STATUS_INVALID_VALUE;
	p.workspace = workspace;
	p.workspace_bytes = algorithm.workspace;
	p.algorithm = algorithm.index;
	if (sim_costs.algorithms[p.algorithm] < 0)
		return CUBLAS_STATUS_EXECUTION_FAILED;
	if (sim_queue_call(stream, "cublasLtMatmul", product_run, &p, sizeof p) != cudaSuccess)
		return CUBLAS_STATUS_EXECUTION_FAILED;
	return CUBLAS_STATUS_SUCCESS;
}
