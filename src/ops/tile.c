/*
 * tile.c - Tile: the input repeated along each axis (ONNX Tile-6, 13). Axis by axis it is an Expand
 * of [before, 1, the axis and what follows] to [before, repeats, ...].
 */
#include "ops/build.h"

static void lower(struct lower *l)
{
	struct builder *b = l->b;
	struct shape y = *build_shape(b, l->in[0]);
	int64_t repeats[SHAPE_MAX_RANK], before = 1;
	uint32_t n, x = l->in[0];
	if (!build_get_ints(b, l->in, 1, repeats, SHAPE_MAX_RANK, &n))
		return;
	if (n != (uint32_t)y.rank)
		build_fail(b, ERR_INPUT, "%u repeats for rank %d", n, y.rank);
	for (uint32_t i = 0; i < n && b->status == OK; i++) {
		if (repeats[i] != 1) {
			int64_t rest = 1;
			for (int k = (int)i; k < y.rank; k++)
				rest *= y.dim[k];
			struct shape wide = SHAPE(before, repeats[i], rest);
			x = build_reshape(b, x, &SHAPE(before, 1, rest));
			x = build(b, "Expand", IN(x, build_ints(b, wide.dim, 3)));
			if (b->status == OK) /* so the product fits */
				y.dim[i] *= repeats[i];
			x = build_reshape(b, x, &y);
		}
		before *= y.dim[i];
	}
	l->out[0] = x;
}

static const struct op_arg in[] = {
	{ "input", 0, 0 },
	{ "repeats", ARG_HOST | ARG_KEEP | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_tile_6 = {
	.domain = "",
	.name = "Tile",
	.since = 6,
	.in = in,
	.out = out,
	.lower = lower,
};
