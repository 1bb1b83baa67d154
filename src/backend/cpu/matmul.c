/*
 * matmul.c - MatMul and Gemm through oneDNN's matrix product; transposed operands are strides. The
 * rows of all batches are one long matrix where b has no batch, equal batches are one batched
 * product, and batches that broadcast are one product each. A bias along the columns goes into the
 * product, any other scaling or addition of Gemm is a pass over the result.
 *
 * float32 goes to dnn_gemm where that is faster than a primitive. With 512-bit vectors it is: those of
 * 2.x take up to twice the time if operands are plain. With AVX2 it is for small products, whose
 * operands oneDNN reads where they are; rows that are a power of two apart then share a few cache
 * sets: half the speed. They are copied to rows of another distance first.
 */
#include "backend/cpu/dnn.h"
#include "backend/cpu/simd.h"

#include "ops/op.h"

#include <stdlib.h>
#include <string.h>

/* y = alpha a b + beta C with C read at (i * c_stride[0] + j * c_stride[1]). */
struct product {
	int64_t m, k, n, batch;
	bool trans_a, trans_b;
	bool bias;         /* C is a bias of n elements that the product adds */
	float alpha, beta; /* beta 0: there is no C, or it is the bias */
	int64_t c_stride[2];
};

struct state {
	struct dnn_op *op; /* NULL: dnn_gemm runs it */
	struct product p;
	bool copy_a, copy_b;
	struct shape outer; /* of products of their own: batches that broadcast */
	struct shape outer_a, outer_b;
	size_t size, size_y; /* of the elements of a and b, and of y */
};

/* ---- what the node asks for ---- */

static void gemm_product(const struct op_call *call, struct product *p)
{
	const struct shape *a = &call->in[0].t.shape, *y = &call->out[0].t.shape;
	bool has_c = call->n_in > 2 && call->in[2].t.dtype;
	*p = (struct product){
		.m = y->dim[0],
		.n = y->dim[1],
		.batch = 1,
		.trans_a = node_int(call->node, "transA") != 0,
		.trans_b = node_int(call->node, "transB") != 0,
		.alpha = node_float(call->node, "alpha"),
		.beta = has_c ? node_float(call->node, "beta") : 0,
	};
	p->k = a->dim[!p->trans_a];
	if (!has_c)
		return;
	int64_t stride[SHAPE_MAX_RANK];
	shape_broadcast_strides(&call->in[2].t.shape, y, stride);
	p->c_stride[0] = stride[0];
	p->c_stride[1] = stride[1];
	p->bias = p->alpha == 1 && p->beta == 1 && call->in[2].t.shape.rank &&
		  shape_elements(&call->in[2].t.shape) == p->n &&
		  call->in[2].t.shape.dim[call->in[2].t.shape.rank - 1] == p->n;
	if (p->bias)
		p->beta = 0;
}

static struct shape as_matrix(const struct shape *s, bool left)
{
	if (s->rank != 1)
		return *s;
	return left ? SHAPE(1, s->dim[0]) : SHAPE(s->dim[0], 1);
}

/* Fills s->p and the shapes of batches that broadcast. */
static void matmul_product(const struct op_call *call, struct state *s)
{
	struct shape a = as_matrix(&call->in[0].t.shape, true);
	struct shape b = as_matrix(&call->in[1].t.shape, false), outer;
	struct product *p = &s->p;
	*p = (struct product){ .m = a.dim[a.rank - 2],
			       .k = a.dim[a.rank - 1],
			       .n = b.dim[b.rank - 1],
			       .batch = 1,
			       .alpha = 1 };
	a.rank -= 2;
	b.rank -= 2;
	shape_broadcast(&a, &b, &outer);
	int64_t batch = shape_elements(&outer);
	if (shape_elements(&b) == 1) {
		p->m *= batch;
	} else if (shape_elements(&a) == batch && shape_elements(&b) == batch) {
		p->batch = batch;
	} else {
		s->outer = outer;
		s->outer_a = a;
		s->outer_b = b;
	}
}

static void read_node(const struct op_call *call, struct state *s)
{
	*s = (struct state){ .size = dtype_bits(call->in[0].t.dtype) / 8,
			     .size_y = dtype_bits(call->out[0].t.dtype) / 8 };
	if (!strcmp(call->def->name, "Gemm"))
		gemm_product(call, &s->p);
	else
		matmul_product(call, s);
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
	read_node(call, &s);
	if (type != DT_F32 && (s.p.alpha != 1 || s.p.beta != 0)) {
		*why = "alpha and beta are for float32";
		return false;
	}
	*why = "a tensor without elements";
	return s.p.m && s.p.k && s.p.n && shape_elements(&call->out[0].t.shape);
}

/* [batch, rows, columns], stored transposed or not. */
static struct dnn_tensor matrices(enum dtype dtype, int64_t batch, int64_t rows, int64_t columns,
				  bool transposed)
{
	struct dnn_tensor t = { .dtype = dtype,
				.rank = 2,
				.dim = { rows, columns },
				.stride = { transposed ? 1 : columns, transposed ? rows : 1 } };
	if (batch > 1)
		t = (struct dnn_tensor){ .dtype = dtype,
					 .rank = 3,
					 .dim = { batch, rows, columns },
					 .stride = { rows * columns, t.stride[0], t.stride[1] } };
	return t;
}

/* Rows and columns of a and b in memory. */
static void stored(const struct product *p, int64_t a[2], int64_t b[2])
{
	a[p->trans_a] = p->m;
	a[!p->trans_a] = p->k;
	b[p->trans_b] = p->k;
	b[!p->trans_b] = p->n;
}

#define PADDING 16 /* elements between rows of copied operands */

/*
 * Decides which operands are copied: where oneDNN would not copy them (its rule: 1/m + 1/n), and the
 * other operand has enough rows or columns to make up for it.
 */
static void choose_copies(struct state *s)
{
	const struct product *p = &s->p;
	int64_t a[2], b[2];
	bool in_place = (double)(p->m + p->n) >= 0.0038 * (double)p->m * (double)p->n;
	stored(p, a, b);
	if (dnn_wide() || s->size != 4 || p->batch > 1 || s->outer.rank || !in_place || p->trans_b)
		return;
	s->copy_b = p->m >= 96 && b[1] % (p->trans_a ? 256 : 512) == 0;
	s->copy_a = p->n >= 96 && p->trans_a && a[1] % 256 == 0;
}

static bool prefers_gemm(const struct state *s)
{
	const struct product *p = &s->p;
	return dnn_wide() && s->size == 4 && p->batch == 1 && !s->outer.rank &&
	       p->m * p->n * p->k > 65536;
}

/* Makes it a product of dnn_gemm, which knows neither batches nor a bias. */
static void use_gemm(struct state *s, size_t *workspace)
{
	struct product *p = &s->p;
	int64_t a[2], b[2];
	stored(p, a, b);
	*workspace = (size_t)((s->copy_a ? a[0] * (a[1] + PADDING) : 0) +
			      (s->copy_b ? b[0] * (b[1] + PADDING) : 0)) *
		     sizeof(float);
	if (p->bias) {
		p->bias = false;
		p->beta = 1;
	}
	if (p->batch > 1) {
		s->outer = s->outer_a = s->outer_b = SHAPE(p->batch);
		p->batch = 1;
	}
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	struct state s;
	const struct product *p = &s.p;
	read_node(call, &s);
	choose_copies(&s);
	struct dnn_matmul m = {
		.a = matrices(call->in[0].t.dtype, p->batch, p->m, p->k, p->trans_a),
		.b = matrices(call->in[1].t.dtype, p->batch, p->k, p->n, p->trans_b),
		.y = matrices(call->out[0].t.dtype, p->batch, p->m, p->n, false),
	};
	if (p->bias)
		m.bias = matrices(call->in[2].t.dtype, 1, 1, p->n, false);
	if (s.copy_a || s.copy_b || !DNN_AVAILABLE || prefers_gemm(&s)) {
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

static void finish(const struct product *p, float *y, const float *c)
{
	if (p->alpha == 1 && p->beta == 0)
		return;
#pragma omp parallel for schedule(static) if (p->m * p->n > 32768)
	for (int64_t i = 0; i < p->m; i++)
		if (p->beta != 0)
			scale_add(y + i * p->n, c + i * p->c_stride[0], p->n, p->c_stride[1],
				  p->alpha, p->beta);
		else
			scale(y + i * p->n, p->n, p->alpha);
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
	stored(p, a, b);
	struct dnn_gemm g = { .trans_a = p->trans_a,
			      .trans_b = p->trans_b,
			      .m = p->m,
			      .n = p->n,
			      .k = p->k,
			      .a = data[0],
			      .lda = a[1],
			      .b = data[1],
			      .ldb = b[1],
			      .c = data[2],
			      .ldc = p->n };
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
	const struct product *p = &s->p;
	void *c = p->bias || p->beta != 0 ? io->in[2] : NULL;
	struct walk w = walk_start(&s->outer, 3);
	walk_broadcast(&w, 1, &s->outer_a);
	walk_broadcast(&w, 2, &s->outer_b);
	for (; walk_more(&w); walk_next(&w)) {
		void *a = (char *)io->in[0] + (size_t)(w.offset[1] * p->m * p->k) * s->size;
		void *b = (char *)io->in[1] + (size_t)(w.offset[2] * p->k * p->n) * s->size;
		void *y = (char *)io->out[0] + (size_t)(w.offset[0] * p->m * p->n) * s->size_y;
		TRY(s->op ? dnn_op_run(s->op, (void *[]){ a, b, p->bias ? c : NULL, y },
				       io->workspace)
			  : multiply(s, (void *[]){ a, b, y }, io->workspace));
	}
	finish(p, io->out[0], c);
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
