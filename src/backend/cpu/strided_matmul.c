/*
 * strided_matmul.c - StridedMatMul: one product of ours (gemm.h) for each index of the batch, where
 * the matrices lie. Each thread takes the next one that nobody has.
 */
#include "backend/cpu/cpu.h"
#include "backend/cpu/gemm.h"

#include "ops/strided_matmul.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Where the matrices of one index of the batch begin, in elements. */
struct place {
	int64_t a, b, y;
};

struct state {
	struct gemm gemm; /* but for a, b and c */
	bool swapped;     /* y^T = b^T a^T: the columns of y' are the rows of c */
	int threads;
	size_t space; /* bytes of workspace of a thread */
	int64_t batch;
	struct place *places;
};

/* How a matrix lies in memory: [rows][ld], or transposed. */
static bool matrix(int64_t row, int64_t column, int64_t rows, int64_t columns, bool *transposed,
		   int64_t *ld)
{
	*transposed = column != 1 && columns != 1;
	*ld = *transposed ? column : row;
	return !*transposed || row == 1 || rows == 1;
}

/* Fills all of the product but the memory; false where it can't be one. */
static bool product(const struct op_call *call, struct gemm *g, struct strided_matmul *m,
		    bool *swapped)
{
	struct error err;
	bool trans_y;
	if (strided_matmul_read(call->node, &call->in[0].t.shape, &call->in[1].t.shape, m, &err) !=
	    OK)
		return false;
	int i = m->y.rank - 2, j = i + 1;
	*g = (struct gemm){ .m = m->y.dim[i], .n = m->y.dim[j], .k = m->a.dim[j] };
	g->alpha = node_float(call->node, "alpha");
	if (!g->m || !g->n || !g->k ||
	    !matrix(m->stride_a[i], m->stride_a[j], g->m, g->k, &g->trans_a, &g->lda) ||
	    !matrix(m->stride_b[i], m->stride_b[j], g->k, g->n, &g->trans_b, &g->ldb) ||
	    !matrix(m->stride_y[i], m->stride_y[j], g->m, g->n, &trans_y, &g->ldc))
		return false;
	*swapped = trans_y;
	if (trans_y) {
		struct gemm t = *g;
		g->m = t.n;
		g->n = t.m;
		g->trans_a = !t.trans_b;
		g->trans_b = !t.trans_a;
		g->lda = t.ldb;
		g->ldb = t.lda;
	}
	return true;
}

static bool supports(const struct op_call *call, const char **why)
{
	struct gemm g;
	struct strided_matmul m;
	bool swapped;
	*why = "for float32, plain";
	for (uint32_t k = 0; k < 2; k++)
		if (call->in[k].layout != LAYOUT_PLAIN || call->in[k].t.dtype != DT_F32)
			return false;
	if (call->out[0].layout != LAYOUT_PLAIN)
		return false;
	*why = "rows of a matrix that are scattered in memory, or none";
	return shape_elements(&call->out[0].t.shape) && product(call, &g, &m, &swapped);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)err;
	struct strided_matmul m;
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .threads = device->threads };
	bool fits = product(call, &s->gemm, &m, &s->swapped);
	struct shape outer = m.y;
	outer.rank -= 2;
	s->batch = fits ? shape_elements(&outer) : 0;
	s->places = mem_alloc((size_t)s->batch * sizeof *s->places);
	struct walk w = walk_start(&outer, 3);
	for (int i = 0; i < outer.rank; i++) {
		w.stride[0][i] = m.stride_a[i];
		w.stride[1][i] = m.stride_b[i];
		w.stride[2][i] = m.stride_y[i];
	}
	for (struct place *p = s->places; walk_more(&w); walk_next(&w))
		*p++ = (struct place){ w.offset[0], w.offset[1], w.offset[2] };
	s->space = (gemm_workspace(&s->gemm) + 63) / 64 * 64;
	*workspace = s->space * (size_t)(s->batch > 1 ? s->threads : 1);
	*state = s;
	return OK;
}

static void multiply(const struct state *s, const struct kernel_io *io, int64_t i, int slot)
{
	const struct place *p = &s->places[i];
	const float *a = (const float *)io->in[0] + p->a, *b = (const float *)io->in[1] + p->b;
	struct gemm g = s->gemm;
	g.a = s->swapped ? b : a;
	g.b = s->swapped ? a : b;
	g.c = (float *)io->out[0] + p->y;
	gemm_run(&g, (char *)io->workspace + s->space * (size_t)slot);
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	if (s->batch == 1) {
		multiply(s, io, 0, 0);
		return OK;
	}
#pragma omp parallel for schedule(dynamic) num_threads(s->threads)
	for (int64_t i = 0; i < s->batch; i++)
		multiply(s, io, i, omp_get_thread_num());
	return OK;
}

static void destroy(void *state)
{
	struct state *s = state;
	free(s->places);
	free(s);
}

const struct kernel kernel_strided_matmul = {
	.op = "StridedMatMul",
	.name = "matrix products in place",
	.supports = supports,
	.create = create,
	.run = run,
	.destroy = destroy,
};
