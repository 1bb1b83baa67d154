/*
 * depth_to_space.c - DepthToSpace: channels become blocks of pixels (ONNX DepthToSpace-1, 13; 11:
 * mode CRD), and SpaceToDepth, its inverse (ONNX SpaceToDepth-1, 13; 28: modes). Both are Reshape,
 * Transpose, Reshape.
 */
#include "ops/build.h"

#include <string.h>

/* The size of blocks for an image whose dims `divided` it must divide; 0: the builder has failed. */
static int64_t block(struct lower *l, const int64_t *divided, int n, bool *crd)
{
	const char *mode = node_string(l->node, "mode");
	int64_t size = node_int(l->node, "blocksize");
	*crd = !strcmp(mode, "CRD");
	if (build_shape(l->b, l->in[0])->rank != 4)
		build_fail(l->b, ERR_INPUT, "the input is not [N,C,H,W]");
	else if (!*crd && strcmp(mode, "DCR"))
		build_fail(l->b, ERR_INPUT, "mode '%s' is not known", mode);
	else if (size <= 0 || size > INT32_MAX)
		build_fail(l->b, ERR_INPUT, "blocksize is %lld", (long long)size);
	for (int i = 0; i < n && l->b->status == OK; i++)
		if (divided[i] % size)
			build_fail(l->b, ERR_INPUT, "%lld is no multiple of the blocksize",
				   (long long)divided[i]);
	return l->b->status == OK ? size : 0;
}

/* [n, C b b, h, w] -> [n, C, h b, w b], a channel being (by, bx, c) or, CRD, (c, by, bx) */
static void lower_to_space(struct lower *l)
{
	static const int64_t dcr[] = { 0, 3, 4, 1, 5, 2 }, crd[] = { 0, 1, 4, 2, 5, 3 };
	struct builder *b = l->b;
	const int64_t *x = build_shape(b, l->in[0])->dim;
	bool is_crd;
	int64_t s = block(l, x + 1, 1, &is_crd);
	if (!s)
		return;
	if (x[1] % (s * s)) {
		build_fail(b, ERR_INPUT, "%lld channels are no multiple of %lld", (long long)x[1],
			   (long long)(s * s));
		return;
	}
	int64_t c = x[1] / (s * s);
	struct shape blocks = is_crd ? SHAPE(x[0], c, s, s, x[2], x[3])
				     : SHAPE(x[0], s, s, c, x[2], x[3]);
	uint32_t y = build_reshape(b, l->in[0], &blocks);
	y = build_transpose(b, y, is_crd ? crd : dcr);
	l->out[0] = build_reshape(b, y, &SHAPE(x[0], c, x[2] * s, x[3] * s));
}

/* [n, c, H b, W b] -> [n, b b c, H, W] */
static void lower_to_depth(struct lower *l)
{
	static const int64_t dcr[] = { 0, 3, 5, 1, 2, 4 }, crd[] = { 0, 1, 3, 5, 2, 4 };
	struct builder *b = l->b;
	const int64_t *x = build_shape(b, l->in[0])->dim;
	bool is_crd;
	int64_t s = block(l, x + 2, 2, &is_crd);
	if (!s)
		return;
	uint32_t y = build_reshape(b, l->in[0], &SHAPE(x[0], x[1], x[2] / s, s, x[3] / s, s));
	y = build_transpose(b, y, is_crd ? crd : dcr);
	l->out[0] = build_reshape(b, y, &SHAPE(x[0], x[1] * s * s, x[2] / s, x[3] / s));
}

static const struct op_attr attrs[] = {
	{ "blocksize", ATTR_INT, ATTR_REQUIRED, 0, 0, NULL },
	{ "mode", ATTR_STRING, 0, 0, 0, "DCR" },
	{ 0 },
};
static const struct op_arg in[] = { { "input", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_depth_to_space_1 = {
	.domain = "",
	.name = "DepthToSpace",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.lower = lower_to_space,
};

const struct op_def op_space_to_depth_1 = {
	.domain = "",
	.name = "SpaceToDepth",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.lower = lower_to_depth,
};
