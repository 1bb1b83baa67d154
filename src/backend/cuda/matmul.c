/*
 * matmul.c - MatMul, Gemm and StridedMatMul through cuBLASLt.
 *
 * cuBLASLt's matrices are stored by columns, so y = a b is computed as y^T = b^T a^T: a matrix stored
 * by rows is its transpose stored by columns. Batches become one strided batch as far as their axes
 * merge; what is left of them is a loop of calls. Sums are formed in float32, and algorithms are those
 * of cuBLASLt's heuristic but for such as add partial sums in any order: the first, or the fastest
 * (autotune.h).
 */
#include "backend/cuda/autotune.h"
#include "backend/cuda/cuda.h"
#include "backend/cuda/launch.h"
#include "backend/product.h"

#include <stdlib.h>
#include <string.h>

#define WORKSPACE ((size_t)32 << 20)
#define CALLS_FEW 4
#define CALL_LARGE 1e9 /* operations */

struct state {
	struct product p;
	cublasLtHandle_t blas;
	cublasLtMatmulDesc_t desc;
	cublasLtMatrixLayout_t y, a, b;
	struct ways ways;
	cublasLtMatmulAlgo_t algo[WAYS_MOST];
	size_t workspace, size_y, size; /* workspace: the largest of all */
	enum dtype dtype;               /* of y */
	bool spread;                    /* c is copied to y first, since it is broadcast */
	cublasStatus_t failed;          /* why it can't be made */
};

/* Whether a call of cuBLASLt succeeded; if not it is remembered. */
static bool done(struct state *s, cublasStatus_t status)
{
	if (status != CUBLAS_STATUS_SUCCESS)
		s->failed = status;
	return status == CUBLAS_STATUS_SUCCESS;
}

static bool set_desc(struct state *s, cublasLtMatmulDescAttributes_t name, const void *value,
		     size_t bytes)
{
	return done(s, cublasLtMatmulDescSetAttribute(s->desc, name, value, bytes));
}

/* ---- what the node asks for ---- */

/* Whether c is a bias that the product itself adds. */
static bool has_bias(const struct product *p)
{
	return p->c_row && p->beta == 1;
}

/* The product with the longest axis of the batch innermost: one call takes it. */
static bool read_node(const struct op_call *call, struct product *p)
{
	if (!product_read(call, p))
		return false;
	struct loop *l = &p->batch;
	int longest = l->rank - 1;
	for (int i = 0; i < l->rank; i++)
		longest = l->dim[i] > l->dim[longest] ? i : longest;
	loop_move(l, longest, l->rank - 1);
	return true;
}

/*
 * Whether calls one after the other for a batch are worth it, each being large enough for a whole
 * GPU, or few; else operands that are copied together first, for a single call, are faster.
 */
static bool is_fast(const struct product *p)
{
	const struct loop *l = &p->batch;
	double each = 2.0 * (double)p->y.rows * (double)p->y.columns * (double)p->a.columns *
		      (double)l->dim[l->rank - 1];
	return loop_size(l, 0, l->rank - 1) <= CALLS_FEW || each >= CALL_LARGE;
}

/* ---- descriptions ---- */

static bool data_type(enum dtype dtype, cudaDataType *out)
{
	*out = dtype == DT_F32 ? CUDA_R_32F : dtype == DT_F16 ? CUDA_R_16F : CUDA_R_16BF;
	return dtype == DT_F32 || dtype == DT_F16 || dtype == DT_BF16;
}

/* The matrix as cuBLASLt sees it; one that is stored by rows is its transpose. */
static bool describe(struct state *s, const struct matrix *m, cudaDataType type, int operand,
		     cublasLtMatrixLayout_t *out)
{
	const struct loop *batch = &s->p.batch;
	bool by_rows = matrix_is_by_rows(m);
	int64_t rows = by_rows ? m->columns : m->rows, columns = by_rows ? m->rows : m->columns;
	int64_t step = matrix_step(m);
	int64_t offset = batch->stride[operand][batch->rank - 1];
	int32_t count = (int32_t)batch->dim[batch->rank - 1];
	return done(s, cublasLtMatrixLayoutCreate(out, type, (uint64_t)rows, (uint64_t)columns,
						  columns > 1 && step > rows ? step : rows)) &&
	       done(s, cublasLtMatrixLayoutSetAttribute(*out, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
							&count, sizeof count)) &&
	       done(s, cublasLtMatrixLayoutSetAttribute(*out,
							CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
							&offset, sizeof offset));
}

static bool describe_product(struct state *s, const struct op_call *call)
{
	cublasOperation_t n = CUBLAS_OP_N, t = CUBLAS_OP_T;
	cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
	cudaDataType type, type_y;
	data_type(call->in[0].t.dtype, &type);
	data_type(call->out[0].t.dtype, &type_y);
	/* the first operand of cuBLASLt is b^T, the second a^T */
	if (!done(s, cublasLtMatmulDescCreate(&s->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F)) ||
	    !set_desc(s, CUBLASLT_MATMUL_DESC_TRANSA, matrix_is_by_rows(&s->p.b) ? &n : &t,
		      sizeof n) ||
	    !set_desc(s, CUBLASLT_MATMUL_DESC_TRANSB, matrix_is_by_rows(&s->p.a) ? &n : &t,
		      sizeof n))
		return false;
	if (has_bias(&s->p) &&
	    (!set_desc(s, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue) ||
	     !set_desc(s, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &type, sizeof type)))
		return false;
	return describe(s, &s->p.y, type_y, 0, &s->y) && describe(s, &s->p.a, type, 1, &s->a) &&
	       describe(s, &s->p.b, type, 2, &s->b);
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

/* The first algorithms of the heuristic, at most so many; how many there are. */
static uint32_t choose_algorithms(struct state *s, uint32_t most)
{
	cublasLtMatmulPreference_t wishes;
	cublasLtMatmulHeuristicResult_t results[WAYS_MOST];
	uint32_t bytes = alignment(s), scheme = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
	int found = 0;
	uint32_t n = 0;
	uint64_t space = WORKSPACE;
	static const cublasLtMatmulPreferenceAttributes_t aligned[] = {
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES,
	};
	if (!done(s, cublasLtMatmulPreferenceCreate(&wishes)))
		return 0;
	bool good = done(s, cublasLtMatmulPreferenceSetAttribute(
				    wishes, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &space,
				    sizeof space)) &&
		    done(s, cublasLtMatmulPreferenceSetAttribute(
				    wishes, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &scheme,
				    sizeof scheme));
	for (size_t i = 0; i < ARRAY_SIZE(aligned) && good; i++)
		good = done(s, cublasLtMatmulPreferenceSetAttribute(wishes, aligned[i], &bytes,
								    sizeof bytes));
	good = good &&
	       done(s, cublasLtMatmulAlgoGetHeuristic(s->blas, s->desc, s->b, s->a, s->y, s->y,
						      wishes, (int)most, results, &found));
	cublasLtMatmulPreferenceDestroy(wishes);
	if (!good || !done(s, found ? results[0].state : CUBLAS_STATUS_NOT_SUPPORTED))
		return 0;
	for (int i = 0; i < found; i++) {
		if (results[i].state != CUBLAS_STATUS_SUCCESS)
			continue;
		s->algo[n++] = results[i].algo;
		if (results[i].workspaceSize > s->workspace)
			s->workspace = results[i].workspaceSize;
	}
	return n;
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
	*why = "nothing to multiply";
	if (!read_node(call, &p) || (out != type && p.beta != 0))
		return false;
	*why = "many small products";
	return strcmp(call->def->name, "StridedMatMul") != 0 || is_fast(&p);
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
	s->dtype = call->out[0].t.dtype;
	s->spread = s->p.beta != 0 && !has_bias(&s->p) &&
		    !shape_equal(&call->in[2].t.shape, &call->out[0].t.shape);
	uint32_t n = describe_product(s, call) ? choose_algorithms(s, ways_wanted(device->tuning))
					       : 0;
	if (!n) {
		cublasStatus_t failed = s->failed;
		destroy(s);
		if (failed == CUBLAS_STATUS_NOT_SUPPORTED)
			return fail(err, ERR_INTERNAL,
				    "cuBLASLt has no algorithm for this product");
		return fail(err, failed == CUBLAS_STATUS_ALLOC_FAILED ? ERR_MEMORY : ERR_INTERNAL,
			    "cuBLASLt can't prepare this product: %s",
			    cublasLtGetStatusString(failed));
	}
	ways_init(&s->ways, device->tuning, call, n);
	*workspace = s->workspace;
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	struct state *s = state;
	const struct loop *l = &s->p.batch;
	float beta = has_bias(&s->p) ? 0 : s->p.beta;
	const char *in_a = io->in[s->p.turned], *in_b = io->in[!s->p.turned];
	int64_t offset[LOOP_OPERANDS];
	if (has_bias(&s->p) &&
	    cublasLtMatmulDescSetAttribute(s->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &io->in[2],
					   sizeof io->in[2]))
		return ERR_INTERNAL;
	if (s->spread)
		TRY(launch_spread(io->out[0], io->in[2], s->p.y.rows, s->p.y.columns,
				  s->p.c_stride[0], s->p.c_stride[1], s->dtype, stream));
	for (int64_t i = 0, n = loop_size(l, 0, l->rank - 1); i < n; i++) {
		loop_offsets(l, l->rank - 1, i, offset);
		char *y = (char *)io->out[0] + offset[0] * (int64_t)s->size_y;
		const char *a = in_a + offset[1] * (int64_t)s->size;
		const char *b = in_b + offset[2] * (int64_t)s->size;
		const void *c = beta != 0 && !s->spread ? io->in[2] : y;
		if (cublasLtMatmul(s->blas, s->desc, &s->p.alpha, b, s->b, a, s->a, &beta, c, s->y,
				   y, s->y, &s->algo[s->ways.chosen], io->workspace, s->workspace,
				   stream->handle))
			return ERR_INTERNAL;
	}
	return OK;
}

static enum status tune(void *state, const struct kernel_io *io, struct stream *stream)
{
	return ways_tune(&((struct state *)state)->ways, run, state, io, stream);
}

#define MATMUL(operator)                                                                           \
	{                                                                                          \
		.op = operator, .name = "cuBLASLt", .supports = supports, .create = create,        \
		.run = run, .tune = tune, .destroy = destroy                                       \
	}

const struct kernel cuda_kernel_matmul = MATMUL("MatMul");
const struct kernel cuda_kernel_gemm = MATMUL("Gemm");
const struct kernel cuda_kernel_strided_matmul = MATMUL("StridedMatMul");
