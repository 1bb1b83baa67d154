/* ref.c - loops that the reference implementations of operators share (see op.h). */
#include "ops/op.h"

#include <string.h>

struct walk walk_start(const struct shape *shape, int n)
{
	struct walk w = { .shape = *shape, .n = n, .left = shape_elements(shape) };
	for (int k = 0; k < n; k++)
		shape_strides(shape, w.stride[k]);
	return w;
}

void walk_broadcast(struct walk *w, int k, const struct shape *shape)
{
	shape_broadcast_strides(shape, &w->shape, w->stride[k]);
}

void walk_next(struct walk *w)
{
	w->left--;
	for (int i = w->shape.rank - 1; i >= 0; i--) {
		for (int k = 0; k < w->n; k++)
			w->offset[k] += w->stride[k][i];
		if (++w->index[i] < w->shape.dim[i])
			return;
		for (int k = 0; k < w->n; k++)
			w->offset[k] -= w->stride[k][i] * w->shape.dim[i];
		w->index[i] = 0;
	}
}

enum status ref_unary(struct op_io *io, double (*f)(double))
{
	int64_t n = shape_elements(&io->out[0].shape);
	for (int64_t i = 0; i < n; i++)
		tensor_set(&io->out[0], i, f(tensor_get(io->in[0], i)));
	return OK;
}

enum status ref_binary(struct op_io *io, double (*f)(double, double),
		       int64_t (*fi)(int64_t, int64_t))
{
	const struct tensor *a = io->in[0], *b = io->in[1];
	struct tensor *y = &io->out[0];
	bool exact = fi && !dtype_is_float(a->dtype);
	struct walk w = walk_start(&y->shape, 3);
	walk_broadcast(&w, 1, &a->shape);
	walk_broadcast(&w, 2, &b->shape);
	for (; walk_more(&w); walk_next(&w)) {
		if (exact)
			tensor_set_int(y, w.offset[0],
				       fi(tensor_get_int(a, w.offset[1]),
					  tensor_get_int(b, w.offset[2])));
		else
			tensor_set(y, w.offset[0],
				   f(tensor_get(a, w.offset[1]), tensor_get(b, w.offset[2])));
	}
	return OK;
}

enum status ref_view(struct op_io *io)
{
	if (shape_elements(&io->out[0].shape))
		memmove(io->out[0].data, io->in[0]->data, tensor_bytes(&io->out[0]));
	return OK;
}

enum status ref_ternary(struct op_io *io, double (*f)(double, double, double))
{
	struct tensor *y = &io->out[0];
	struct walk w = walk_start(&y->shape, 4);
	for (int k = 0; k < 3; k++)
		walk_broadcast(&w, k + 1, &io->in[k]->shape);
	for (; walk_more(&w); walk_next(&w))
		tensor_set(y, w.offset[0],
			   f(tensor_get(io->in[0], w.offset[1]), tensor_get(io->in[1], w.offset[2]),
			     tensor_get(io->in[2], w.offset[3])));
	return OK;
}

void ref_copy(struct tensor *dst, int64_t i, const struct tensor *src, int64_t j)
{
	unsigned bits = dtype_bits(dst->dtype);
	if (bits < 8)
		tensor_set_int(dst, i, tensor_get_int(src, j));
	else
		memcpy((char *)dst->data + (size_t)i * (bits / 8),
		       (const char *)src->data + (size_t)j * (bits / 8), bits / 8);
}
