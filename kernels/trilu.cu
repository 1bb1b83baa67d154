/* trilu.cu - Trilu for elements of any size: a copy with zeros beyond the diagonal. */
#include "kernels/rows.h"

#include <stdlib.h>

struct call {
	int64_t total, rows, columns;
	enum dtype k;
	bool upper;
	unsigned bytes; /* of an element */
};

template <class T> static __global__ void trilu(const T *x, const void *k, T *y, struct call c)
{
	int64_t diagonal = k ? load_int(c.k, k, 0) : 0;
	EACH(i, c.total)
	{
		int64_t d = i % c.columns - i / c.columns % c.rows;
		bool keep = c.upper ? d >= diagonal : d <= diagonal;
		y[i] = keep ? x[i] : T{};
	}
}

static bool supports(const struct op_call *call, const char **why)
{
	unsigned bits = dtype_bits(call->in[0].t.dtype);
	*why = "for elements of whole bytes in plain layouts";
	return bits >= 8 && bits <= 64 && call->in[0].layout == LAYOUT_PLAIN &&
	       call->out[0].layout == LAYOUT_PLAIN &&
	       (call->n_in < 2 || dtype_bits(call->in[1].t.dtype) != 4);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	const struct shape *shape = &call->in[0].t.shape;
	struct call *c = (struct call *)mem_alloc(sizeof *c);
	*c = { .total = shape_elements(shape),
	       .rows = shape->dim[shape->rank - 2],
	       .columns = shape->dim[shape->rank - 1] };
	c->k = call->n_in > 1 ? call->in[1].t.dtype : DT_NONE;
	c->upper = node_int(call->node, "upper") != 0;
	c->bytes = dtype_bits(call->in[0].t.dtype) / 8;
	*state = c;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct call *c = (const struct call *)state;
	FOR_UNIT(c->bytes, U,
		 LAUNCH((trilu<U>), blocks_for(c->total), THREADS, 0, work_handle(stream),
			(const U *)io->in[0], (const void *)(c->k ? io->in[1] : NULL),
			(U *)io->out[0], *c));
	return launched();
}

extern "C" const struct kernel cuda_kernel_trilu = {
	.op = "Trilu",
	.name = "CUDA",
	.rank = 0,
	.supports = supports,
	.propose = NULL,
	.create = create,
	.run = run,
	.destroy = free,
};
