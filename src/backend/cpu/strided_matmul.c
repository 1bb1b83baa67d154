/*
 * strided_matmul.c - StridedMatMul: one product of ours for each index of the batch (gemm.h, or tiles.h for
 * bfloat16), where the matrices lie. Each thread takes the next one that nobody has.
 */
#include "backend/cpu/dnn.h"
#include "backend/cpu/gemm.h"
#include "backend/cpu/tiles.h"

#include "backend/product.h"

#include <omp.h>
#include <stdlib.h>

struct state {
	struct gemm gemm;           /* but for a, b and c */
	struct tiles_product tiles; /* the same for bfloat16; m is 0 for float32 */
	struct product product;
	int threads;
	size_t space; /* bytes of workspace of a thread */
};

/* All of the product but the memory. */
static struct gemm gemm_of(const struct product *p)
{
	return (struct gemm){ .m = p->y.rows,
			      .n = p->y.columns,
			      .k = p->a.columns,
			      .trans_a = !matrix_is_by_rows(&p->a),
			      .trans_b = !matrix_is_by_rows(&p->b),
			      .lda = matrix_step(&p->a),
			      .ldb = matrix_step(&p->b),
			      .ldc = matrix_step(&p->y),
			      .alpha = p->alpha };
}

static struct tiles_product tiles_of(const struct gemm *g, bool wide)
{
	return (struct tiles_product){ .m = g->m,
				       .n = g->n,
				       .k = g->k,
				       .trans_a = g->trans_a,
				       .trans_b = g->trans_b,
				       .lda = g->lda,
				       .ldb = g->ldb,
				       .ldc = g->ldc,
				       .alpha = g->alpha,
				       .wide = wide };
}

static int64_t batch_of(const struct product *p)
{
	return loop_size(&p->batch, 0, p->batch.rank);
}

#define COPY_MOST (4 << 20) /* elements of b that each thread copies */

/* Of bfloat16, each thread has a product of its own and copies all of b. */
static bool fits_tiles(const struct op_call *call, const struct product *p, const char **why)
{
	*why = "bfloat16 is for CPUs with AMX";
	if (!dnn_supports(DT_BF16) || !tiles_available())
		return false;
	*why = "one product, or a large one";
	return batch_of(p) > 1 && p->y.columns * p->a.columns <= COPY_MOST &&
	       (call->out[0].t.dtype == DT_BF16 || call->out[0].t.dtype == DT_F32);
}

static bool supports(const struct op_call *call, const char **why)
{
	enum dtype type = call->in[0].t.dtype;
	struct product p;
	*why = "for float32 and bfloat16, plain";
	for (uint32_t k = 0; k < 2; k++)
		if (call->in[k].layout != LAYOUT_PLAIN || call->in[k].t.dtype != type)
			return false;
	if (call->out[0].layout != LAYOUT_PLAIN || (type != DT_F32 && type != DT_BF16))
		return false;
	*why = "rows of a matrix that are scattered in memory, or none";
	return product_read(call, &p) && (type == DT_F32 || fits_tiles(call, &p, why));
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)err;
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .threads = device->threads };
	product_read(call, &s->product);
	s->gemm = gemm_of(&s->product);
	if (call->in[0].t.dtype == DT_BF16)
		s->tiles = tiles_of(&s->gemm, call->out[0].t.dtype == DT_F32);
	s->space = s->tiles.m ? tiles_product_workspace(&s->tiles) : gemm_workspace(&s->gemm);
	s->space = (s->space + 63) / 64 * 64;
	*workspace = s->space * (size_t)(batch_of(&s->product) > 1 ? s->threads : 1);
	*state = s;
	return OK;
}

static void multiply(const struct state *s, const struct kernel_io *io, int64_t i, int slot)
{
	const struct product *p = &s->product;
	int64_t offset[LOOP_OPERANDS];
	void *workspace = (char *)io->workspace + s->space * (size_t)slot;
	void *a = io->in[p->turned], *b = io->in[!p->turned], *c = io->out[0];
	struct gemm g = s->gemm;
	loop_offsets(&p->batch, p->batch.rank, i, offset);
	if (s->tiles.m) {
		c = s->tiles.wide ? (void *)((float *)c + offset[0])
				  : (void *)((uint16_t *)c + offset[0]);
		tiles_product_run(&s->tiles, (uint16_t *)a + offset[1], (uint16_t *)b + offset[2],
				  c, workspace);
		return;
	}
	g.c = (float *)c + offset[0];
	g.a = (const float *)a + offset[1];
	g.b = (const float *)b + offset[2];
	gemm_run(&g, workspace);
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	int64_t batch = batch_of(&s->product);
	if (batch == 1) {
		multiply(s, io, 0, 0);
		return OK;
	}
#pragma omp parallel for schedule(dynamic) num_threads(s->threads)
	for (int64_t i = 0; i < batch; i++)
		multiply(s, io, i, omp_get_thread_num());
	return OK;
}

const struct kernel kernel_strided_matmul = {
	.op = "StridedMatMul",
	.name = "matrix products in place",
	.supports = supports,
	.create = create,
	.run = run,
	.destroy = free,
};
