/* one_hot.cu - OneHot for elements of any size: each thread writes the elements of one of two values. */
#include "kernels/rows.h"

#include <stdlib.h>

struct call {
	int64_t total, depth, inner; /* elements of the output, of the new axis, after it */
	enum dtype indices;
	unsigned bytes; /* of an element */
};

template <class T>
static __global__ void one_hot(const void *indices, const T *values, T *y, struct call c)
{
	EACH(i, c.total)
	{
		int64_t k = i / c.inner % c.depth,
			j = i / c.inner / c.depth * c.inner + i % c.inner;
		double at = trunc(load_any(c.indices, indices, j));
		y[i] = values[at == (double)k || at + (double)c.depth == (double)k];
	}
}

static bool supports(const struct op_call *call, const char **why)
{
	enum dtype indices = call->in[0].t.dtype;
	unsigned bits = dtype_bits(call->out[0].t.dtype);
	*why = "for indices of f64, f32, f16, bf16 and integers";
	if (!dtype_is_trainable(indices) && (!dtype_is_integer(indices) || dtype_bits(indices) < 8))
		return false;
	*why = "for elements of whole bytes";
	if (bits < 8 || bits > 64)
		return false;
	*why = "for plain layouts";
	return call->in[0].layout == LAYOUT_PLAIN && call->out[0].layout == LAYOUT_PLAIN;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	const struct shape *shape = &call->out[0].t.shape;
	struct call *c = (struct call *)mem_alloc(sizeof *c);
	int axis = 0;
	shape_axis(shape, node_int(call->node, "axis"), &axis);
	*c = { .total = shape_elements(shape), .depth = shape->dim[axis], .inner = 1 };
	for (int a = axis + 1; a < shape->rank; a++)
		c->inner *= shape->dim[a];
	c->indices = call->in[0].t.dtype;
	c->bytes = dtype_bits(call->out[0].t.dtype) / 8;
	*state = c;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct call *c = (const struct call *)state;
	FOR_UNIT(c->bytes, U,
		 LAUNCH((one_hot<U>), blocks_for(c->total), THREADS, 0, work_handle(stream),
			(const void *)io->in[0], (const U *)io->in[2], (U *)io->out[0], *c));
	return launched();
}

extern "C" const struct kernel cuda_kernel_one_hot = {
	.op = "OneHot",
	.name = "CUDA",
	.rank = 0,
	.supports = supports,
	.propose = NULL,
	.create = create,
	.run = run,
	.destroy = free,
};
