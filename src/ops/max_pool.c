/*
 * max_pool.c - MaxPool: y = the largest element of each window, and where it stands (ONNX
 * MaxPool-1, 8, 10, 11, 12, 22), and MaxPoolGrad, which adds each dy to that element's dx. The first of equal
 * elements counts and NaN wins over all, as in PyTorch.
 */
#include "ops/pool.h"

#include <math.h>

static enum status infer(struct op_io *io)
{
	struct conv_geometry g;
	const struct tensor *x = io->in[0];
	TRY(pool_geometry(io->node, &x->shape, &g, io->err));
	if (!dtype_is_trainable(x->dtype) && x->dtype != DT_I8 && x->dtype != DT_U8)
		return fail(io->err, ERR_INPUT, "the input is %s", dtype_name(x->dtype));
	struct shape y = conv_output_shape(&g);
	if (io->n_out > 1)
		infer_set(io, 1, DT_I64, &y);
	return infer_set(io, 0, x->dtype, &y);
}

static enum status infer_grad(struct op_io *io)
{
	struct conv_geometry g;
	TRY(pool_geometry(io->node, &io->in[1]->shape, &g, io->err));
	TRY(conv_check_gradient(io, &g));
	return infer_set(io, 0, io->in[0]->dtype, &io->in[1]->shape);
}

/* Index in x of the largest element of window o of a plane that starts at `plane`; -1: it lies in
 * the padding alone. */
static int64_t window_max(const struct conv_geometry *g, const struct tensor *x, int64_t plane,
			  int64_t o)
{
	struct pool_window w = pool_window(g, o);
	int64_t best = -1;
	double max = 0;
	for (int64_t e = 0; e < w.inside; e++) {
		int64_t i = plane + pool_element(g, &w, e);
		double v = tensor_get(x, i);
		if (best < 0 || v > max || isnan(v)) {
			best = i;
			max = v;
		}
	}
	return best;
}

/* Index i of a plane counted with the first spatial axis innermost (storage_order 1). */
static int64_t column_major(const struct conv_geometry *g, int64_t i)
{
	int64_t i2 = i % g->in[2], i1 = i / g->in[2] % g->in[1], i0 = i / g->in[2] / g->in[1];
	return i0 + g->in[0] * (i1 + g->in[1] * i2);
}

static enum status ref(struct op_io *io)
{
	struct conv_geometry g;
	const struct tensor *x = io->in[0];
	TRY(pool_geometry(io->node, &x->shape, &g, io->err));
	int64_t size_x = pool_plane_in(&g), size_y = pool_plane_out(&g);
	bool columns = node_int(io->node, "storage_order") != 0;
	for (int64_t i = 0; i < g.n * g.c * size_y; i++) {
		int64_t plane = i / size_y * size_x;
		int64_t best = window_max(&g, x, plane, i % size_y);
		if (io->wanted[0])
			tensor_set(&io->out[0], i, best < 0 ? -INFINITY : tensor_get(x, best));
		if (io->n_out > 1 && io->wanted[1]) {
			if (columns && best >= 0)
				best = plane + column_major(&g, best - plane);
			tensor_set_int(&io->out[1], i, best);
		}
	}
	return OK;
}

/* dx[argmax of window o] += dy[o] */
static enum status ref_grad(struct op_io *io)
{
	struct conv_geometry g;
	const struct tensor *dy = io->in[0], *x = io->in[1];
	TRY(pool_geometry(io->node, &x->shape, &g, io->err));
	int64_t size_x = pool_plane_in(&g), size_y = pool_plane_out(&g);
	double *dx = arena_alloc(io->arena, (size_t)(g.n * g.c * size_x) * sizeof *dx);
	for (int64_t i = 0; i < g.n * g.c * size_y; i++) {
		int64_t best = window_max(&g, x, i / size_y * size_x, i % size_y);
		if (best >= 0)
			dx[best] += tensor_get(dy, i);
	}
	for (int64_t i = 0; i < g.n * g.c * size_x; i++)
		tensor_set(&io->out[0], i, dx[i]);
	return OK;
}

static void grad(struct grad *g)
{
	if (g->dy[0])
		g->dx[0] = conv_build_gradient(g, "MaxPoolGrad", IN(g->dy[0], g->x[0]), 0);
}

static const struct op_attr attrs[] = {
	{ "auto_pad", ATTR_STRING, 0, 0, 0, "NOTSET" },
	{ "ceil_mode", ATTR_INT, 0, 0, 0, NULL },
	{ "dilations", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL },
	{ "kernel_shape", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },
	{ "pads", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL },
	{ "storage_order", ATTR_INT, 0, 0, 0, NULL },
	{ "strides", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg in[] = { { "X", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { "Indices", ARG_OPTIONAL, 0 }, { 0 } };
static const struct op_arg grad_in[] = { { "dY", 0, 0 }, { "X", 0, 0 }, { 0 } };
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_max_pool_1 = {
	.domain = "",
	.name = "MaxPool",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_INNER,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};

const struct op_def op_onnxtune_max_pool_grad = {
	.domain = "onnxtune",
	.name = "MaxPoolGrad",
	.since = 1,
	.attrs = attrs,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_INNER,
	.infer = infer_grad,
	.ref = ref_grad,
};

/* ---- GlobalMaxPool: one window that holds the plane ---- */

static void lower_global(struct lower *l)
{
	struct shape x = *build_shape(l->b, l->in[0]);
	uint32_t n = x.rank > 2 ? (uint32_t)x.rank - 2 : 0;
	l->out[0] = build(l->b, "MaxPool", IN(l->in[0]), attr_ints("kernel_shape", x.dim + 2, n));
}

const struct op_def op_global_max_pool_1 = {
	.domain = "",
	.name = "GlobalMaxPool",
	.since = 1,
	.in = in,
	.out = grad_out,
	.lower = lower_global,
};
