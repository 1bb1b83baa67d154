/*
 * conv.c - Conv: y = x * w + bias over one to three spatial axes with groups, strides, dilations
 * and padding (ONNX Conv-1, 11, 22), and the two operators of its gradient. All three are one sum over the
 * same triples (y, x, w): the forward pass sums into y, the gradients into x and into w. FusedConv (ours)
 * is what passes/conv_epilogue makes of a Conv with a bias and what follows it:
 *
 *	y = x * w + bias + residual, where relu is set limited to [0, high],
 *
 * rounded once. It needs no gradient of its own: it is made when the gradients are built, and that of
 * the limits reads y.
 */
#include "ops/conv.h"

#include <math.h>
#include <string.h>

/* ---- shapes ---- */

static enum status infer(struct op_io *io)
{
	struct conv_geometry g;
	const struct tensor *x = io->in[0], *w = io->in[1];
	const struct tensor *bias = io->n_in > 2 ? io->in[2] : NULL;
	TRY(conv_geometry(io->node, &x->shape, &w->shape, &g, io->err));
	if (!dtype_is_trainable(x->dtype) || w->dtype != x->dtype ||
	    (bias && bias->dtype != x->dtype))
		return fail(io->err, ERR_INPUT, "inputs are %s, %s and %s", dtype_name(x->dtype),
			    dtype_name(w->dtype), dtype_name(bias ? bias->dtype : x->dtype));
	if (bias && (bias->shape.rank != 1 || bias->shape.dim[0] != g.k))
		return fail(io->err, ERR_INPUT, "the bias is not one number per output channel");
	struct shape y = conv_output_shape(&g);
	const struct tensor *residual = io->n_in > 3 ? io->in[3] : NULL;
	if (residual && (residual->dtype != x->dtype || !shape_equal(&residual->shape, &y)))
		return fail(io->err, ERR_INPUT, "the residual is not like the output");
	return infer_set(io, 0, x->dtype, &y);
}

/* dy must belong to the convolution of x with w. */
static enum status infer_grad(struct op_io *io, const struct shape *x, const struct shape *w)
{
	struct conv_geometry g;
	TRY(conv_geometry(io->node, x, w, &g, io->err));
	return conv_check_gradient(io, &g);
}

static enum status infer_grad_input(struct op_io *io)
{
	struct shape x;
	TRY(conv_shape_attr(io, &x));
	TRY(infer_grad(io, &x, &io->in[1]->shape));
	return infer_set(io, 0, io->in[0]->dtype, &x);
}

static enum status infer_grad_weight(struct op_io *io)
{
	struct shape w;
	TRY(conv_shape_attr(io, &w));
	TRY(infer_grad(io, &io->in[1]->shape, &w));
	return infer_set(io, 0, infer_wide(io), &w);
}

/* ---- the sum ---- */

enum target { TARGET_Y, TARGET_X, TARGET_W };

/* Output positions [*first, *last) of axis i at which kernel position k meets the input. */
static void valid_outputs(const struct conv_geometry *g, int i, int64_t k, int64_t *first,
			  int64_t *last)
{
	int64_t s = g->stride[i], offset = k * g->dilation[i] - g->pad_begin[i];
	*first = offset < 0 ? (-offset + s - 1) / s : 0;
	*last = offset < g->in[i] ? (g->in[i] - offset + s - 1) / s : 0;
	if (*last > g->out[i])
		*last = g->out[i];
}

/* The geometry with the used axes last, so that the innermost loop runs over a used one. */
static struct conv_geometry used_last(struct conv_geometry g)
{
	int64_t *const lists[] = { g.in,       g.out,       g.kernel, g.stride,
				   g.dilation, g.pad_begin, g.pad_end };
	for (int unused = CONV_MAX_SPATIAL - g.spatial; unused > 0; unused--)
		for (unsigned i = 0; i < ARRAY_SIZE(lists); i++) {
			int64_t last = lists[i][2];
			memmove(lists[i] + 1, lists[i], 2 * sizeof *lists[i]);
			lists[i][0] = last;
		}
	return g;
}

/*
 * One kernel position k on one plane x[in] and one plane y[out]:
 * y[o] += w x[i], x[i] += w y[o] or w += sum y[o] x[i], i = o * stride - pad_begin + k * dilation.
 */
static void sum_position(const struct conv_geometry *g, enum target target, const int64_t k[3],
			 double *x, double *w, double *y)
{
	int64_t first[3], last[3], s = g->stride[2];
	double weight = *w, sum = 0;
	for (int i = 0; i < 3; i++)
		valid_outputs(g, i, k[i], &first[i], &last[i]);
	int64_t n = last[2] - first[2];
	for (int64_t o0 = first[0]; n > 0 && o0 < last[0]; o0++)
		for (int64_t o1 = first[1]; o1 < last[1]; o1++) {
			int64_t i0 = o0 * g->stride[0] - g->pad_begin[0] + k[0] * g->dilation[0];
			int64_t i1 = o1 * g->stride[1] - g->pad_begin[1] + k[1] * g->dilation[1];
			int64_t i2 = first[2] * s - g->pad_begin[2] + k[2] * g->dilation[2];
			double *yo = y + (o0 * g->out[1] + o1) * g->out[2] + first[2];
			double *xi = x + (i0 * g->in[1] + i1) * g->in[2] + i2;
			if (target == TARGET_Y)
				for (int64_t j = 0; j < n; j++)
					yo[j] += weight * xi[j * s];
			else if (target == TARGET_X)
				for (int64_t j = 0; j < n; j++)
					xi[j * s] += weight * yo[j];
			else
				for (int64_t j = 0; j < n; j++)
					sum += yo[j] * xi[j * s];
		}
	if (target == TARGET_W)
		*w += sum;
}

/*
 * Adds to y, x or w the products of the other two: x [n, c, in], w [k, c / group, kernel],
 * y [n, k, out]; output channel m reads the input channels of its group.
 */
static void convolve(const struct conv_geometry *geometry, enum target target, double *x, double *w,
		     double *y)
{
	struct conv_geometry g = used_last(*geometry);
	int64_t cg = g.c / g.group, kg = g.k / g.group;
	int64_t size_x = g.in[0] * g.in[1] * g.in[2], size_y = g.out[0] * g.out[1] * g.out[2];
	for (int64_t pair = 0; size_y && pair < g.n * g.k * cg; pair++) {
		int64_t c = pair % cg, m = pair / cg % g.k, n = pair / cg / g.k;
		double *wk = w + (m * cg + c) * g.kernel[0] * g.kernel[1] * g.kernel[2];
		double *xc = x + (n * g.c + m / kg * cg + c) * size_x;
		double *ym = y + (n * g.k + m) * size_y;
		int64_t k[3];
		for (k[0] = 0; k[0] < g.kernel[0]; k[0]++)
			for (k[1] = 0; k[1] < g.kernel[1]; k[1]++)
				for (k[2] = 0; k[2] < g.kernel[2]; k[2]++)
					sum_position(&g, target, k, xc, wk++, ym);
	}
}

static double *to_double(struct op_io *io, const struct tensor *t)
{
	int64_t n = shape_elements(&t->shape);
	double *d = arena_alloc(io->arena, (size_t)n * sizeof *d);
	for (int64_t i = 0; i < n; i++)
		d[i] = tensor_get(t, i);
	return d;
}

static double *zeros(struct op_io *io)
{
	return arena_alloc(io->arena, (size_t)shape_elements(&io->out[0].shape) * sizeof(double));
}

static void from_double(struct op_io *io, const double *d)
{
	for (int64_t i = 0, n = shape_elements(&io->out[0].shape); i < n; i++)
		tensor_set(&io->out[0], i, d[i]);
}

static enum status ref(struct op_io *io)
{
	struct conv_geometry g;
	TRY(conv_geometry(io->node, &io->in[0]->shape, &io->in[1]->shape, &g, io->err));
	double *y = zeros(io);
	convolve(&g, TARGET_Y, to_double(io, io->in[0]), to_double(io, io->in[1]), y);
	if (io->n_in > 2 && io->in[2]) {
		int64_t plane = g.out[0] * g.out[1] * g.out[2];
		for (int64_t i = 0; i < g.n * g.k * plane; i++)
			y[i] += tensor_get(io->in[2], i / plane % g.k);
	}
	if (io->n_in > 3 && io->in[3])
		for (int64_t i = 0, n = shape_elements(&io->out[0].shape); i < n; i++)
			y[i] += tensor_get(io->in[3], i);
	const struct attr *relu = node_attr(io->node, "relu");
	double high = relu && relu->i ? node_float(io->node, "high") : 0;
	for (int64_t i = 0, n = shape_elements(&io->out[0].shape); relu && relu->i && i < n; i++)
		y[i] = y[i] < 0 ? 0 : y[i] > high ? high : y[i];
	from_double(io, y);
	return OK;
}

static enum status ref_grad_input(struct op_io *io)
{
	struct conv_geometry g;
	TRY(conv_geometry(io->node, &io->out[0].shape, &io->in[1]->shape, &g, io->err));
	double *dx = zeros(io);
	convolve(&g, TARGET_X, dx, to_double(io, io->in[1]), to_double(io, io->in[0]));
	from_double(io, dx);
	return OK;
}

static enum status ref_grad_weight(struct op_io *io)
{
	struct conv_geometry g;
	TRY(conv_geometry(io->node, &io->in[1]->shape, &io->out[0].shape, &g, io->err));
	double *dw = zeros(io);
	convolve(&g, TARGET_W, to_double(io, io->in[1]), dw, to_double(io, io->in[0]));
	from_double(io, dw);
	return OK;
}

/* Where y has this shape and w that one; what meets the padding is counted too. */
static double count(const struct shape *y, const struct shape *w)
{
	return 2.0 * (double)shape_elements(y) * (double)shape_elements(w) / (double)w->dim[0];
}

static double operations(const struct op_io *io)
{
	return count(&io->out[0].shape, &io->in[1]->shape);
}

static double operations_grad_input(const struct op_io *io)
{
	return count(&io->in[0]->shape, &io->in[1]->shape);
}

static double operations_grad_weight(const struct op_io *io)
{
	return count(&io->in[0]->shape, &io->out[0].shape);
}

/* ---- the gradient ---- */

static void grad(struct grad *g)
{
	if (g->need[0])
		g->dx[0] = conv_build_gradient(g, "ConvGradInput", IN(g->dy[0], g->x[1]), g->x[0]);
	if (g->need[1])
		g->dx[1] = conv_build_gradient(g, "ConvGradWeight", IN(g->dy[0], g->x[0]), g->x[1]);
	if (g->node->n_in > 2 && g->need[2]) {
		static const int64_t axes[] = { 0, 2, 3, 4 };
		uint32_t n = (uint32_t)build_shape(g->b, g->x[0])->rank - 1;
		g->dx[2] = build(g->b, "ReduceSum", IN(g->dy[0], build_ints(g->b, axes, n)),
				 attr_int("keepdims", 0));
	}
}

/* ---- the definitions ---- */

#define CONV_ATTRS                                                                                 \
	{ "auto_pad", ATTR_STRING, 0, 0, 0, "NOTSET" },                                            \
		{ "dilations", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL },                             \
		{ "group", ATTR_INT, 0, 1, 0, NULL },                                              \
		{ "kernel_shape", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL },                          \
		{ "pads", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL },                                  \
	{                                                                                          \
		"strides", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL                                    \
	}

static const struct op_attr attrs[] = { CONV_ATTRS, { 0 } };
static const struct op_attr attrs_fused[] = {
	CONV_ATTRS,
	{ "relu", ATTR_INT, 0, 0, 0, NULL },
	{ "high", ATTR_FLOAT, 0, 0, INFINITY, NULL },
	{ 0 },
};
static const struct op_attr attrs_grad_input[] = {
	CONV_ATTRS,
	{ "_shape", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },
	{ 0 },
};
static const struct op_attr attrs_grad_weight[] = {
	CONV_ATTRS,
	{ "_shape", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },
	{ "_out", ATTR_INT, 0, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg in[] = {
	{ "X", 0, 0 }, { "W", ARG_PARAM, 0 }, { "B", ARG_PARAM | ARG_OPTIONAL, 0 }, { 0 }
};
static const struct op_arg fused_in[] = {
	{ "X", 0, 0 }, { "W", 0, 0 }, { "B", 0, 0 }, { "Residual", ARG_OPTIONAL, 0 }, { 0 }
};
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };
static const struct op_arg grad_input_in[] = { { "dY", 0, 0 }, { "W", 0, 0 }, { 0 } };
static const struct op_arg grad_input_out[] = { { "dX", 0, 0 }, { 0 } };
static const struct op_arg grad_weight_in[] = { { "dY", 0, 0 }, { "X", 0, 0 }, { 0 } };
static const struct op_arg grad_weight_out[] = { { "dW", 0, 0 }, { 0 } };

const struct op_def op_conv_1 = {
	.domain = "",
	.name = "Conv",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_HALF,
	.infer = infer,
	.ref = ref,
	.grad = grad,
	.operations = operations,
};

const struct op_def op_onnxtune_fused_conv = {
	.domain = "onnxtune",
	.name = "FusedConv",
	.since = 1,
	.attrs = attrs_fused,
	.in = fused_in,
	.out = out,
	.precision = PRECISION_HALF,
	.infer = infer,
	.ref = ref,
	.operations = operations,
};

const struct op_def op_onnxtune_conv_grad_input = {
	.domain = "onnxtune",
	.name = "ConvGradInput",
	.since = 1,
	.attrs = attrs_grad_input,
	.in = grad_input_in,
	.out = grad_input_out,
	.precision = PRECISION_HALF,
	.infer = infer_grad_input,
	.ref = ref_grad_input,
	.operations = operations_grad_input,
};

const struct op_def op_onnxtune_conv_grad_weight = {
	.domain = "onnxtune",
	.name = "ConvGradWeight",
	.since = 1,
	.attrs = attrs_grad_weight,
	.in = grad_weight_in,
	.out = grad_weight_out,
	.precision = PRECISION_HALF,
	.flags = OP_WIDE,
	.infer = infer_grad_weight,
	.ref = ref_grad_weight,
	.operations = operations_grad_weight,
};
