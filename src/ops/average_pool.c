/*
 * average_pool.c - AveragePool: y = the mean of each window (ONNX AveragePool-1, 7, 10, 11, 19,
 * 22), and AveragePoolGrad, which spreads each dy over its window. A mean counts the elements inside the input,
 * with count_include_pad those of the padding too, but never what ceil_mode adds beyond it.
 */
#include "ops/pool.h"

static enum status infer(struct op_io *io)
{
	struct conv_geometry g;
	const struct tensor *x = io->in[0];
	TRY(pool_geometry(io->node, &x->shape, &g, io->err));
	TRY(infer_float(io));
	struct shape y = conv_output_shape(&g);
	return infer_set(io, 0, x->dtype, &y);
}

static enum status infer_grad(struct op_io *io)
{
	struct conv_geometry g;
	struct shape x;
	TRY(conv_shape_attr(io, &x));
	TRY(pool_geometry(io->node, &x, &g, io->err));
	TRY(conv_check_gradient(io, &g));
	return infer_set(io, 0, io->in[0]->dtype, &x);
}

/* What the sum over a window is divided by; a window in the padding alone has the mean 0. */
static double divisor(const struct op_io *io, const struct pool_window *w)
{
	int64_t n = node_int(io->node, "count_include_pad") ? w->padded : w->inside;
	return n ? (double)n : 1;
}

static enum status ref(struct op_io *io)
{
	struct conv_geometry g;
	const struct tensor *x = io->in[0];
	TRY(pool_geometry(io->node, &x->shape, &g, io->err));
	int64_t size_x = pool_plane_in(&g), size_y = pool_plane_out(&g);
	for (int64_t i = 0; i < g.n * g.c * size_y; i++) {
		struct pool_window w = pool_window(&g, i % size_y);
		double sum = 0;
		for (int64_t e = 0; e < w.inside; e++)
			sum += tensor_get(x, i / size_y * size_x + pool_element(&g, &w, e));
		tensor_set(&io->out[0], i, sum / divisor(io, &w));
	}
	return OK;
}

/* dx[each of window o] += dy[o] / divisor */
static enum status ref_grad(struct op_io *io)
{
	struct conv_geometry g;
	TRY(pool_geometry(io->node, &io->out[0].shape, &g, io->err));
	int64_t size_x = pool_plane_in(&g), size_y = pool_plane_out(&g);
	double *dx = arena_alloc(io->arena, (size_t)(g.n * g.c * size_x) * sizeof *dx);
	for (int64_t i = 0; i < g.n * g.c * size_y; i++) {
		struct pool_window w = pool_window(&g, i % size_y);
		double share = tensor_get(io->in[0], i) / divisor(io, &w);
		for (int64_t e = 0; e < w.inside; e++)
			dx[i / size_y * size_x + pool_element(&g, &w, e)] += share;
	}
	for (int64_t i = 0; i < g.n * g.c * size_x; i++)
		tensor_set(&io->out[0], i, dx[i]);
	return OK;
}

static void grad(struct grad *g)
{
	g->dx[0] = conv_build_gradient(g, "AveragePoolGrad", IN(g->dy[0]), g->x[0]);
}

#define POOL_ATTRS                                                                                 \
	{ "auto_pad", ATTR_STRING, 0, 0, 0, "NOTSET" }, { "ceil_mode", ATTR_INT, 0, 0, 0, NULL },  \
		{ "count_include_pad", ATTR_INT, 0, 0, 0, NULL },                                  \
		{ "dilations", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL },                             \
		{ "kernel_shape", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },                          \
		{ "pads", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL },                                  \
	{                                                                                          \
		"strides", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL                                    \
	}

static const struct op_attr attrs[] = { POOL_ATTRS, { 0 } };
static const struct op_attr attrs_grad[] = {
	POOL_ATTRS,
	{ "_shape", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };
static const struct op_arg grad_in[] = { { "dY", 0, 0 }, { 0 } };
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_average_pool_1 = {
	.domain = "",
	.name = "AveragePool",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_INNER,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};

const struct op_def op_onnxtune_average_pool_grad = {
	.domain = "onnxtune",
	.name = "AveragePoolGrad",
	.since = 1,
	.attrs = attrs_grad,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_INNER,
	.infer = infer_grad,
	.ref = ref_grad,
};

/* ---- GlobalAveragePool: the mean over the spatial axes ---- */

static void lower_global(struct lower *l)
{
	struct builder *b = l->b;
	static const int64_t axes[] = { 2, 3, 4, 5, 6, 7 };
	int spatial = build_shape(b, l->in[0])->rank - 2;
	if (spatial < 1) {
		build_fail(b, ERR_INPUT, "the input has no spatial axes");
		return;
	}
	l->out[0] = build(b, "ReduceMean", IN(l->in[0], build_ints(b, axes, (uint32_t)spatial)));
}

const struct op_def op_global_average_pool_1 = {
	.domain = "",
	.name = "GlobalAveragePool",
	.since = 1,
	.in = in,
	.out = out,
	.lower = lower_global,
};
