/*
 * loop.h - for backends: loops over several tensors at once, prepared when a kernel is created: a space of indices
 * in which every operand has a stride per axis (0: it is broadcast along it). The axes are ordered
 * as one operand lies in memory, and neighbours that all operands pass in one stride are merged, so
 * that whatever the shapes and layouts were, the common cases end as one or two long axes.
 */
#ifndef ONNXTUNE_BACKEND_LOOP_H
#define ONNXTUNE_BACKEND_LOOP_H

#include "ops/target.h"

#define LOOP_OPERANDS 23

struct loop {
	int rank, n; /* axes, outermost first; operands */
	int64_t dim[SHAPE_MAX_RANK];
	int64_t stride[LOOP_OPERANDS][SHAPE_MAX_RANK]; /* in elements */
};

/* Strides in elements of the axes of a dense tensor in a layout. */
void layout_strides(const struct shape *shape, enum layout layout, int64_t strides[SHAPE_MAX_RANK]);

/* The space of the shape; operands are added with loop_add or by writing strides. */
struct loop loop_start(const struct shape *shape);
/* A tensor that broadcasts to the space. */
void loop_add(struct loop *loop, const struct shape *shape, enum layout layout);
/* An operand of these strides, one for each axis. */
void loop_add_strides(struct loop *loop, const int64_t *strides);

/* Orders the axes by falling strides of operand k. */
void loop_order(struct loop *loop, int k);
/* Moves an axis inwards; those between move outwards by one. */
void loop_move(struct loop *loop, int from, int to);
/* Drops axes of size 1 and merges neighbours; at least `keep` axes are left (of size 1). */
void loop_merge(struct loop *loop, int keep);

/* The offsets of the operands at row-major index i of the first `axes` axes. */
static inline void loop_offsets(const struct loop *loop, int axes, int64_t i, int64_t *offset)
{
	for (int k = 0; k < loop->n; k++)
		offset[k] = 0;
	for (int a = axes - 1; a >= 0 && i; a--) {
		int64_t at = i % loop->dim[a];
		i /= loop->dim[a];
		for (int k = 0; k < loop->n; k++)
			offset[k] += at * loop->stride[k][a];
	}
}

/* Elements of the axes from, from + 1, ... to - 1. */
static inline int64_t loop_size(const struct loop *loop, int from, int to)
{
	int64_t n = 1;
	for (int a = from; a < to; a++)
		n *= loop->dim[a];
	return n;
}

#endif
