/*
 * matmul.c - MatMul and Gemm through cuBLASLt.
 *
 * cuBLASLt's matrices are stored by columns, so y = a b is computed as y^T = b^T a^T: a matrix stored
 * by rows is its transpose stored by columns. Batches become one strided batch as far as their axes
 * merge; what is left of them is a loop of calls. Sums are formed in float32, and algorithms are taken
 * by cuBLASLt's heuristic without those that add partial sums in any order.
 */
#include "backend/cuda/cuda.h"
#include "backend/loop.h"

#include <stdlib.h>
#include <string.h>

#define WORKSPACE ((size_t)32 << 20)

/* A matrix in memory: strides of its rows and columns, one of which is 1. */
struct matrix {
	int64_t rows, columns, down, across;
};

/* y = alpha a b + beta c, or + bias along the columns; operands of the batch are y, a, b. */
struct product {
	struct matrix y, a, b;
	struct loop batch;
	float alpha, beta;
	bool bias;
};

struct state {
	struct product p;
	cublasLtHandle_t blas;
	cublasLtMatmulDesc_t desc;
	cublasLtMatrixLayout_t y, a, b;
	cublasLtMatmulAlgo_t algo;
	size_t workspace, size_y, size;
};

/* ---- what the node asks for ---- */

static bool gemm_product(const struct op_call *call, struct product *p)
{
	const struct shape *a = &call->in[0].t.shape, *y = &call->out[0].t.shape;
	bool trans_a = node_int(call->node, "transA"), trans_b = node_int(call->node, "transB");
	int64_t m = y->dim[0], n = y->dim[1], k = a->dim[!trans_a];
	*p = (struct product){ .y = { m, n, n, 1 },
			       .a = { m, k, trans_a ? 1 : k, trans_a ? m : 1 },
			       .b = { k, n, trans_b ? 1 : n, trans_b ? k : 1 },
			       .batch = loop_start(&SHAPE_SCALAR),
			       .alpha = node_float(call->node, "alpha") };
	if (call->n_in < 3 || !call->in[2].t.dtype)
		return true;
	const struct shape *c = &call->in[2].t.shape;
	p->beta = node_float(call->node, "beta");
	p->bias = p->beta == 1 && c->rank && c->dim[c->rank - 1] == n && shape_elements(c) == n;
	return p->bias || shape_equal(c, y);
}

static struct shape as_matrix(const struct shape *s, bool left)
{
	if (s->rank != 1)
		return *s;
	return left ? SHAPE(1, s->dim[0]) : SHAPE(s->dim[0], 1);
}

static bool matmul_product(const struct op_call *call, struct product *p)
{
	struct shape a = as_matrix(&call->in[0].t.shape, true), outer;
	struct shape b = as_matrix(&call->in[1].t.shape, false);
	int64_t m = a.dim[a.rank - 2], k = a.dim[a.rank - 1], n = b.dim[b.rank - 1];
	*p = (struct product){
		.y = { m, n, n, 1 }, .a = { m, k, k, 1 }, .b = { k, n, n, 1 }, .alpha = 1
	};
	a.rank -= 2;
	b.rank -= 2;
	shape_broadcast(&a, &b, &outer);
	if (shape_elements(&b) == 1) { /* the rows of all batches are one long matrix */
		p->y.rows = p->a.rows = m * shape_elements(&outer);
		p->batch = loop_start(&SHAPE_SCALAR);
		return true;
	}
	p->batch = loop_start(&outer);
	loop_add(&p->batch, &outer, LAYOUT_PLAIN);
	loop_add(&p->batch, &a, LAYOUT_PLAIN);
	loop_add(&p->batch, &b, LAYOUT_PLAIN);
	for (int i = 0; i < p->batch.rank; i++) {
		p->batch.stride[0][i] *= m * n;
		p->batch.stride[1][i] *= m * k;
		p->batch.stride[2][i] *= k * n;
	}
	return true;
}

static bool read_node(const struct op_call *call, struct product *p)
{
	bool done = strcmp(call->def->name, "Gemm") ? matmul_product(call, p)
						    : gemm_product(call, p);
	while (p->batch.n < 3) { /* no batch */
		int64_t none[SHAPE_MAX_RANK] = { 0 };
		loop_add_strides(&p->batch, none);
	}
	loop_merge(&p->batch, 1);
	return done && p->y.rows && p->y.columns && p->a.columns &&
	       loop_size(&p->batch, 0, p->batch.rank);
}

/* ---- descriptions ---- */

static bool data_type(enum dtype dtype, cudaDataType *out)
{
	*out = dtype == DT_F32 ? CUDA_R_32F : dtype == DT_F16 ? CUDA_R_16F : CUDA_R_16BF;
	return dtype == DT_F32 || dtype == DT_F16 || dtype == DT_BF16;
}

static bool is_by_rows(const struct matrix *m)
{
	return m->across == 1 || m->columns == 1;
}

/* The matrix as cuBLASLt sees it; one that is stored by rows is its transpose. */
static bool describe(const struct matrix *m, cudaDataType type, const struct loop *batch,
		     int operand, cublasLtMatrixLayout_t *out)
{
	bool by_rows = is_by_rows(m);
	int64_t rows = by_rows ? m->columns : m->rows, columns = by_rows ? m->rows : m->columns;
	int64_t step = by_rows ? m->down : m->across;
	int64_t offset = batch->stride[operand][batch->rank - 1];
	int32_t count = (int32_t)batch->dim[batch->rank - 1];
	if (cublasLtMatrixLayoutCreate(out, type, (uint64_t)rows, (uint64_t)columns,
				       columns > 1 && step > rows ? step : rows))
		return false;
	return !cublasLtMatrixLayoutSetAttribute(*out, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
						 sizeof count) &&
	       !cublasLtMatrixLayoutSetAttribute(*out, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
						 &offset, sizeof offset);
}

static bool describe_product(struct state *s, const struct op_call *call)
{
	cublasOperation_t n = CUBLAS_OP_N, t = CUBLAS_OP_T;
	cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
	cudaDataType type, type_y;
	data_type(call->in[0].t.dtype, &type);
	data_type(call->out[0].t.dtype, &type_y);
	/* the first operand of cuBLASLt is b^T, the second a^T */
	if (cublasLtMatmulDescCreate(&s->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F) ||
	    cublasLtMatmulDescSetAttribute(s->desc, CUBLASLT_MATMUL_DESC_TRANSA,
					   is_by_rows(&s->p.b) ? &n : &t, sizeof n) ||
	    cublasLtMatmulDescSetAttribute(s->desc, CUBLASLT_MATMUL_DESC_TRANSB,
					   is_by_rows(&s->p.a) ? &n : &t, sizeof n))
		return false;
	if (s->p.bias &&
	    (cublasLtMatmulDescSetAttribute(s->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue,
					    sizeof epilogue) ||
	     cublasLtMatmulDescSetAttribute(s->desc, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &type,
					    sizeof type)))
		return false;
	return describe(&s->p.y, type_y, &s->p.batch, 0, &s->y) &&
	       describe(&s->p.a, type, &s->p.batch, 1, &s->a) &&
	       describe(&s->p.b, type, &s->p.batch, 2, &s->b);
}

/* Bytes, at most 16, that all matrices of the batch begin at multiples of. */
static uint32_t alignment(const struct state *s)
{
	const struct loop *l = &s->p.batch;
	uint64_t all = 16;
	for (int i = 0; i < l->rank - 1; i++)
		for (int k = 0; k < 3; k++)
			all |= (uint64_t)l->stride[k][i] * (k ? s->size : s->size_y);
	return (uint32_t)(all & -all);
}

static bool choose_algorithm(struct state *s)
{
	cublasLtMatmulPreference_t wishes;
	cublasLtMatmulHeuristicResult_t result;
	uint32_t bytes = alignment(s), scheme = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
	int found = 0;
	uint64_t space = WORKSPACE;
	static const cublasLtMatmulPreferenceAttributes_t aligned[] = {
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES,
	};
	if (cublasLtMatmulPreferenceCreate(&wishes))
		return false;
	bool done = !cublasLtMatmulPreferenceSetAttribute(wishes,
							  CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
							  &space, sizeof space) &&
		    !cublasLtMatmulPreferenceSetAttribute(
			    wishes, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &scheme,
			    sizeof scheme);
	for (size_t i = 0; i < ARRAY_SIZE(aligned) && done; i++)
		done = !cublasLtMatmulPreferenceSetAttribute(wishes, aligned[i], &bytes,
							     sizeof bytes);
	done = done && !cublasLtMatmulAlgoGetHeuristic(s->blas, s->desc, s->b, s->a, s->y, s->y,
						       wishes, 1, &result, &found);
	cublasLtMatmulPreferenceDestroy(wishes);
	if (!done || !found || result.state != CUBLAS_STATUS_SUCCESS)
		return false;
	s->algo = result.algo;
	s->workspace = result.workspaceSize;
	return true;
}

/* ---- the kernel ---- */

static bool supports(const struct op_call *call, const char **why)
{
	struct product p;
	cudaDataType unused;
	enum dtype type = call->in[0].t.dtype, out = call->out[0].t.dtype;
	*why = "operands must be plain";
	for (uint32_t k = 0; k < call->n_in; k++)
		if (call->in[k].layout != LAYOUT_PLAIN)
			return false;
	*why = "for f32, f16 and bf16 only";
	if (!data_type(type, &unused) || (out != type && out != DT_F32) ||
	    call->out[0].layout != LAYOUT_PLAIN)
		return false;
	*why = "an addend that is neither a bias nor of the result's shape, or nothing to multiply";
	return read_node(call, &p) && (out == type || (!p.bias && p.beta == 0));
}

static void destroy(void *state)
{
	struct state *s = state;
	if (s->desc)
		cublasLtMatmulDescDestroy(s->desc);
	if (s->y)
		cublasLtMatrixLayoutDestroy(s->y);
	if (s->a)
		cublasLtMatrixLayoutDestroy(s->a);
	if (s->b)
		cublasLtMatrixLayoutDestroy(s->b);
	free(s);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .blas = device->blas,
			     .size = dtype_bits(call->in[0].t.dtype) / 8,
			     .size_y = dtype_bits(call->out[0].t.dtype) / 8 };
	read_node(call, &s->p);
	if (!describe_product(s, call) || !choose_algorithm(s)) {
		destroy(s);
		return fail(err, ERR_INTERNAL, "cuBLASLt has no algorithm for this product");
	}
	*workspace = s->workspace;
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	struct state *s = state;
	const struct loop *l = &s->p.batch;
	float beta = s->p.bias ? 0 : s->p.beta;
	int64_t offset[LOOP_OPERANDS];
	if (s->p.bias && cublasLtMatmulDescSetAttribute(s->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER,
							&io->in[2], sizeof io->in[2]))
		return ERR_INTERNAL;
	for (int64_t i = 0, n = loop_size(l, 0, l->rank - 1); i < n; i++) {
		loop_offsets(l, l->rank - 1, i, offset);
		char *y = (char *)io->out[0] + offset[0] * (int64_t)s->size_y;
		const char *a = (const char *)io->in[0] + offset[1] * (int64_t)s->size;
		const char *b = (const char *)io->in[1] + offset[2] * (int64_t)s->size;
		const void *c = beta != 0 ? io->in[2] : y;
		if (cublasLtMatmul(s->blas, s->desc, &s->p.alpha, b, s->b, a, s->a, &beta, c, s->y,
				   y, s->y, &s->algo, io->workspace, s->workspace, stream->handle))
			return ERR_INTERNAL;
	}
	return OK;
}

#define MATMUL(operator)                                                                           \
	{                                                                                          \
		.op = operator, .name = "cuBLASLt", .supports = supports, .create = create,        \
		.run = run, .destroy = destroy                                                     \
	}

const struct kernel cuda_kernel_matmul = MATMUL("MatMul");
const struct kernel cuda_kernel_gemm = MATMUL("Gemm");
