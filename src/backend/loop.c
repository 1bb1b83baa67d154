/* loop.c - the index arithmetic of loops over several tensors (see loop.h). */
#include "backend/loop.h"

#include <string.h>

void layout_strides(const struct shape *shape, enum layout layout, int64_t strides[SHAPE_MAX_RANK])
{
	int64_t stride = 1;
	shape_strides(shape, strides);
	if (layout == LAYOUT_PLAIN || shape->rank < 3)
		return;
	strides[1] = 1;
	stride = shape->dim[1];
	for (int i = shape->rank - 1; i >= 0; i--)
		if (i != 1) {
			strides[i] = stride;
			stride *= shape->dim[i];
		}
}

struct loop loop_start(const struct shape *shape)
{
	struct loop loop = { .rank = shape->rank };
	memcpy(loop.dim, shape->dim, sizeof loop.dim);
	return loop;
}

void loop_add_strides(struct loop *loop, const int64_t *strides)
{
	memcpy(loop->stride[loop->n++], strides, (size_t)loop->rank * sizeof *strides);
}

void loop_add(struct loop *loop, const struct shape *shape, enum layout layout)
{
	int64_t own[SHAPE_MAX_RANK], *stride = loop->stride[loop->n++];
	int missing = loop->rank - shape->rank;
	layout_strides(shape, layout, own);
	for (int i = 0; i < loop->rank; i++)
		stride[i] = i < missing || shape->dim[i - missing] == 1 ? 0 : own[i - missing];
}

static void move_axis(struct loop *loop, int to, int from)
{
	loop->dim[to] = loop->dim[from];
	for (int k = 0; k < loop->n; k++)
		loop->stride[k][to] = loop->stride[k][from];
}

void loop_order(struct loop *loop, int k)
{
	for (int i = 1; i < loop->rank; i++) { /* insertion sort: stable, and ranks are small */
		struct loop old = *loop;
		int j = i;
		while (j > 0 && old.stride[k][j - 1] < old.stride[k][i])
			j--;
		for (int to = i; to > j; to--)
			move_axis(loop, to, to - 1);
		loop->dim[j] = old.dim[i];
		for (int o = 0; o < loop->n; o++)
			loop->stride[o][j] = old.stride[o][i];
	}
}

void loop_move(struct loop *loop, int from, int to)
{
	struct loop old = *loop;
	for (int i = from; i < to; i++)
		move_axis(loop, i, i + 1);
	loop->dim[to] = old.dim[from];
	for (int k = 0; k < loop->n; k++)
		loop->stride[k][to] = old.stride[k][from];
}

/* Whether a step along axis i is, for all operands, a whole pass over axis j. */
static bool continues(const struct loop *loop, int i, int j)
{
	for (int k = 0; k < loop->n; k++)
		if (loop->stride[k][i] != loop->stride[k][j] * loop->dim[j])
			return false;
	return true;
}

void loop_merge(struct loop *loop, int keep)
{
	int rank = 0;
	for (int i = 0; i < loop->rank; i++) {
		if (loop->dim[i] == 1)
			continue;
		if (rank && continues(loop, rank - 1, i)) {
			int64_t outer = loop->dim[rank - 1];
			move_axis(loop, rank - 1, i);
			loop->dim[rank - 1] *= outer;
		} else {
			move_axis(loop, rank++, i);
		}
	}
	int added = keep - rank;
	for (int i = rank - 1; i >= 0 && added > 0; i--)
		move_axis(loop, i + added, i);
	for (int i = 0; i < added; i++) {
		loop->dim[i] = 1;
		for (int k = 0; k < loop->n; k++)
			loop->stride[k][i] = 0;
	}
	loop->rank = added > 0 ? keep : rank;
}
