/*
 * strided_matmul.c - StridedMatMul: one product of ours (gemm.h) for each index of the batch, where
 * the matrices lie. Each thread takes the next one that nobody has.
 */
#include "backend/cpu/cpu.h"
#include "backend/cpu/gemm.h"

#include "backend/product.h"

#include <omp.h>
#include <stdlib.h>

struct state {
	struct gemm gemm; /* but for a, b and c */
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

static bool supports(const struct op_call *call, const char **why)
{
	struct product p;
	*why = "for float32, plain";
	for (uint32_t k = 0; k < 2; k++)
		if (call->in[k].layout != LAYOUT_PLAIN || call->in[k].t.dtype != DT_F32)
			return false;
	if (call->out[0].layout != LAYOUT_PLAIN)
		return false;
	*why = "rows of a matrix that are scattered in memory, or none";
	return product_read(call, &p);
}

static int64_t batch_of(const struct state *s)
{
	return loop_size(&s->product.batch, 0, s->product.batch.rank);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)err;
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .threads = device->threads };
	product_read(call, &s->product);
	s->gemm = gemm_of(&s->product);
	s->space = (gemm_workspace(&s->gemm) + 63) / 64 * 64;
	*workspace = s->space * (size_t)(batch_of(s) > 1 ? s->threads : 1);
	*state = s;
	return OK;
}

static void multiply(const struct state *s, const struct kernel_io *io, int64_t i, int slot)
{
	const struct product *p = &s->product;
	int64_t offset[LOOP_OPERANDS];
	struct gemm g = s->gemm;
	loop_offsets(&p->batch, p->batch.rank, i, offset);
	g.c = (float *)io->out[0] + offset[0];
	g.a = (const float *)io->in[p->turned] + offset[1];
	g.b = (const float *)io->in[!p->turned] + offset[2];
	gemm_run(&g, (char *)io->workspace + s->space * (size_t)slot);
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	int64_t batch = batch_of(s);
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
