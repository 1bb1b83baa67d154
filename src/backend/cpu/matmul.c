/*
 * matmul.c - MatMul and Gemm through oneDNN's matrix product; transposed operands are strides. The
 * rows of all batches are one long matrix where b has no batch, equal batches are one batched
 * product, and batches that broadcast are one product each. A bias along the columns goes into the
 * product, any other scaling or addition of Gemm is a pass over the result.
 *
 * float32 goes to dnn_gemm where that is faster than a primitive. With 512-bit vectors it is for large
 * products: primitives of 2.x take up to twice the time if operands are plain, and below them it would
 * cost 30 ms of every start, in which it generates all its code when it is first called. With AVX2 it is for
 * small ones, whose operands oneDNN reads where they are; rows that are a power of two apart then
 * share a few cache sets: half the speed. They are copied to rows of another distance first.
 *
 * Gradients of weights from bfloat16, a^T b, go to tiles.h where it can be had: oneDNN 2.x copies such
 * an a slowly.
 */
#include "backend/cpu/dnn.h"
#include "backend/cpu/simd.h"
#include "backend/cpu/tiles.h"

#include "backend/product.h"

#include <stdlib.h>
#include <string.h>

struct state {
	struct dnn_op *op;  /* NULL: one of the others runs it */
	struct tiles tiles; /* .m is 0: dnn_gemm does */
	struct product p;
	int64_t together; /* products of one batch of oneDNN; the others are products of their own */
	bool bias;        /* C is a bias that the product adds */
	bool copy_a, copy_b;
	size_t size, size_y; /* of the elements of a and b, and of y */
};

/* ---- what the node asks for ---- */

/* False when there is nothing to multiply. */
static bool read_node(const struct op_call *call, struct state *s)
{
	*s = (struct state){ .size = dtype_bits(call->in[0].t.dtype) / 8,
			     .size_y = dtype_bits(call->out[0].t.dtype) / 8,
			     .together = 1 };
	struct product *p = &s->p;
	if (!product_read(call, p))
		return false;
	const struct loop *l = &p->batch;
	if (l->rank == 1 && l->stride[1][0] && l->stride[2][0])
		s->together = l->dim[0];
	s->bias = p->c_row && p->alpha == 1 && p->beta == 1;
	return true;
}

/* Whether C or alpha are left for a pass over the result. */
static bool is_unfinished(const struct state *s)
{
	return s->p.alpha != 1 || (s->p.beta != 0 && !s->bias);
}

/* ---- the kernel ---- */

static bool supports(const struct op_call *call, const char **why)
{
	enum dtype type = call->in[0].t.dtype, out = call->out[0].t.dtype;
	struct state s;
	for (uint32_t k = 0; k < call->n_in; k++)
		if (call->in[k].layout != LAYOUT_PLAIN || call->out[0].layout != LAYOUT_PLAIN) {
			*why = "operands must be plain";
			return false;
		}
	if ((type != DT_F32 && !dnn_supports(type)) || (out != type && out != DT_F32)) {
		*why = "oneDNN has no matrix product of this type on this CPU";
		return false;
	}
	*why = "a tensor without elements";
	if (!read_node(call, &s))
		return false;
	*why = "alpha and beta are for float32";
	return type == DT_F32 || !is_unfinished(&s);
}

/* The matrices of a batch, `apart` elements between them. */
static struct dnn_tensor matrices(enum dtype dtype, const struct matrix *m, int64_t batch,
				  int64_t apart)
{
	if (batch == 1)
		return (struct dnn_tensor){ .dtype = dtype,
					    .rank = 2,
					    .dim = { m->rows, m->columns },
					    .stride = { m->down, m->across } };
	return (struct dnn_tensor){ .dtype = dtype,
				    .rank = 3,
				    .dim = { batch, m->rows, m->columns },
				    .stride = { apart, m->down, m->across } };
}

/* Rows and columns of a matrix in memory. */
static void stored(const struct matrix *m, int64_t size[2])
{
	bool by_rows = matrix_is_by_rows(m);
	size[0] = by_rows ? m->rows : m->columns;
	size[1] = by_rows ? m->columns : m->rows;
}

#define PADDING 16 /* elements between rows of copied operands */

/*
 * Decides which operands are copied: where oneDNN would not copy them (its rule: 1/m + 1/n), and the
 * other operand has enough rows or columns to make up for it.
 */
static void choose_copies(struct state *s)
{
	int64_t m = s->p.y.rows, n = s->p.y.columns, a[2], b[2];
	bool in_place = (double)(m + n) >= 0.0038 * (double)m * (double)n;
	bool trans_a = !matrix_is_by_rows(&s->p.a), trans_b = !matrix_is_by_rows(&s->p.b);
	stored(&s->p.a, a);
	stored(&s->p.b, b);
	if (dnn_wide() || s->size != 4 || loop_size(&s->p.batch, 0, s->p.batch.rank) > 1 ||
	    !in_place || trans_b)
		return;
	s->copy_b = m >= 96 && b[1] % (trans_a ? 256 : 512) == 0;
	s->copy_a = n >= 96 && trans_a && a[1] % 256 == 0;
}

static bool prefers_gemm(const struct state *s)
{
	const struct product *p = &s->p;
	return dnn_wide() && s->size == 4 && loop_size(&p->batch, 0, p->batch.rank) == 1 &&
	       p->y.rows * p->y.columns * p->a.columns > 1 << 26;
}

/* Makes it a product of dnn_gemm, which knows neither batches nor a bias. */
static void use_gemm(struct state *s, size_t *workspace)
{
	int64_t a[2], b[2];
	stored(&s->p.a, a);
	stored(&s->p.b, b);
	*workspace = (size_t)((s->copy_a ? a[0] * (a[1] + PADDING) : 0) +
			      (s->copy_b ? b[0] * (b[1] + PADDING) : 0)) *
		     sizeof(float);
	s->bias = false;
	s->together = 1;
}

#define TILES_MIN 32 /* columns of a and b from which tiles are filled */

/* Whether it is a^T b of dense rows, and wanted in float32. */
static bool prefers_tiles(const struct state *s)
{
	const struct product *p = &s->p;
	return s->size == 2 && s->size_y == 4 && loop_size(&p->batch, 0, p->batch.rank) == 1 &&
	       !is_unfinished(s) && !s->bias && !matrix_is_by_rows(&p->a) &&
	       matrix_step(&p->a) == p->y.rows && matrix_is_by_rows(&p->b) &&
	       matrix_step(&p->b) == p->y.columns && p->y.rows >= TILES_MIN &&
	       p->y.columns >= TILES_MIN && tiles_available();
}

static void use_tiles(struct state *s, int threads, size_t *workspace)
{
	s->tiles = (struct tiles){ .m = s->p.y.rows,
				   .n = s->p.y.columns,
				   .taps = 1,
				   .samples = 1,
				   .plane = s->p.a.columns,
				   .plane_b = s->p.a.columns,
				   .threads = threads };
	s->together = 1;
	*workspace = tiles_workspace(&s->tiles);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	struct state s;
	const struct product *p = &s.p;
	const struct loop *l = &p->batch;
	read_node(call, &s);
	choose_copies(&s);
	struct dnn_matmul m = {
		.a = matrices(call->in[0].t.dtype, &p->a, s.together, l->stride[1][0]),
		.b = matrices(call->in[1].t.dtype, &p->b, s.together, l->stride[2][0]),
		.y = matrices(call->out[0].t.dtype, &p->y, s.together, l->stride[0][0]),
	};
	if (s.bias)
		m.bias = matrices(call->in[2].t.dtype,
				  &(struct matrix){ 1, p->y.columns, p->y.columns, 1 }, 1, 0);
	if (call->in[0].t.dtype == DT_BF16 && prefers_tiles(&s)) {
		use_tiles(&s, device->threads, workspace);
	} else if (s.copy_a || s.copy_b || !DNN_AVAILABLE || prefers_gemm(&s)) {
		use_gemm(&s, workspace);
	} else {
		TRY(dnn_matmul_new(device->dnn, &m, &s.op, err));
		*workspace = dnn_op_workspace(s.op);
	}
	struct state *kept = mem_alloc(sizeof *kept);
	*kept = s;
	*state = kept;
	return OK;
}

/* y[j] = alpha * y[j] + beta * c[j * stride] */
SIMD static void scale_add(float *y, const float *c, int64_t n, int64_t stride, float alpha,
			   float beta)
{
	if (stride)
		for (int64_t j = 0; j < n; j++)
			y[j] = alpha * y[j] + beta * c[j];
	else
		for (int64_t j = 0; j < n; j++)
			y[j] = alpha * y[j] + beta * *c;
}

SIMD static void scale(float *y, int64_t n, float alpha)
{
	for (int64_t j = 0; j < n; j++)
		y[j] *= alpha;
}

static void finish(const struct state *s, float *y, const float *c)
{
	const struct product *p = &s->p;
	int64_t m = p->y.rows, n = p->y.columns;
	if (!is_unfinished(s))
		return;
#pragma omp parallel for schedule(static) if (m * n > 32768)
	for (int64_t i = 0; i < m; i++)
		if (p->beta != 0)
			scale_add(y + i * n, c + i * p->c_stride[0], n, p->c_stride[1], p->alpha,
				  p->beta);
		else
			scale(y + i * n, n, p->alpha);
}

/* Copies a matrix to rows that are PADDING further apart; *to moves behind it. */
static const float *copy(const float *from, const int64_t size[2], float **to)
{
	int64_t ld = size[1] + PADDING;
	float *start = *to;
#pragma omp parallel for schedule(static)
	for (int64_t i = 0; i < size[0]; i++)
		memcpy(start + i * ld, from + i * size[1], (size_t)size[1] * sizeof *from);
	*to += size[0] * ld;
	return start;
}

/* A product of its own; the data are those of a, b and y. */
static enum status multiply(const struct state *s, void *const data[3], float *workspace)
{
	const struct product *p = &s->p;
	int64_t a[2], b[2];
	stored(&p->a, a);
	stored(&p->b, b);
	struct dnn_gemm g = { .trans_a = !matrix_is_by_rows(&p->a),
			      .trans_b = !matrix_is_by_rows(&p->b),
			      .m = p->y.rows,
			      .n = p->y.columns,
			      .k = p->a.columns,
			      .a = data[0],
			      .lda = a[1],
			      .b = data[1],
			      .ldb = b[1],
			      .c = data[2],
			      .ldc = p->y.columns };
	if (s->copy_a) {
		g.a = copy(g.a, a, &workspace);
		g.lda += PADDING;
	}
	if (s->copy_b) {
		g.b = copy(g.b, b, &workspace);
		g.ldb += PADDING;
	}
	return dnn_gemm(&g);
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	struct state *s = state;
	const struct loop *l = &s->p.batch;
	void *c = s->p.beta != 0 ? io->in[2] : NULL;
	int64_t offset[LOOP_OPERANDS], n = loop_size(l, 0, l->rank) / s->together;
	if (s->tiles.m) {
		tiles_run(&s->tiles, io->in[0], io->in[1], io->out[0], io->workspace);
		return OK;
	}
	for (int64_t i = 0; i < n; i++) {
		loop_offsets(l, l->rank, i, offset);
		void *y = (char *)io->out[0] + (size_t)offset[0] * s->size_y;
		void *a = (char *)io->in[0] + (size_t)offset[1] * s->size;
		void *b = (char *)io->in[1] + (size_t)offset[2] * s->size;
		TRY(s->op ? dnn_op_run(s->op, (void *[]){ a, b, s->bias ? c : NULL, y },
				       io->workspace)
			  : multiply(s, (void *[]){ a, b, y }, io->workspace));
	}
	finish(s, io->out[0], c);
	return OK;
}

static void destroy(void *state)
{
	struct state *s = state;
	dnn_op_free(s->op);
	free(s);
}

const struct kernel kernel_matmul = {
	.op = "MatMul",
	.name = "matrix product",
	.supports = supports,
	.create = create,
	.run = run,
	.destroy = destroy,
};

const struct kernel kernel_gemm = {
	.op = "Gemm",
	.name = "matrix product",
	.supports = supports,
	.create = create,
	.run = run,
	.destroy = destroy,
};
