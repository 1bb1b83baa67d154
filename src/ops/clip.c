/*
 * clip.c - Clip: y = min(max(x, low), high), either bound optional (ONNX Clip-11, 12, 13; Clip-6
 * has the bounds as attributes), and ClipGrad: dx = dy where low < x < high, else 0 (x or y:
 * that is the same). On the bounds it is 0 as in PyTorch, whose ReLU6 and Hardtanh become Clip in a file.
 */
#include "ops/build.h"

#include <math.h>

/* Inputs k and k + 1 are absent or one number each, of the type of input 0. */
static enum status check_bounds(struct op_io *io, uint32_t k)
{
	TRY(infer_number(io));
	for (; k < io->n_in; k++) {
		const struct tensor *bound = io->in[k];
		if (!bound)
			continue;
		if (bound->dtype != io->in[0]->dtype)
			return fail(io->err, ERR_INPUT, "a bound is %s for an input of %s",
				    dtype_name(bound->dtype), dtype_name(io->in[0]->dtype));
		if (shape_elements(&bound->shape) != 1)
			return fail(io->err, ERR_INPUT, "a bound is no scalar");
	}
	return OK;
}

static const struct tensor *bound(const struct op_io *io, uint32_t k)
{
	return k < io->n_in ? io->in[k] : NULL;
}

static enum status infer(struct op_io *io)
{
	return check_bounds(io, 1);
}

/* Order on integers as tensor_get_int gives them. */
static bool less_int(int64_t a, int64_t b, bool is_unsigned)
{
	return is_unsigned ? (uint64_t)a < (uint64_t)b : a < b;
}

static enum status ref_int(struct op_io *io)
{
	const struct tensor *low = bound(io, 1), *high = bound(io, 2);
	int64_t lo = low ? tensor_get_int(low, 0) : 0, hi = high ? tensor_get_int(high, 0) : 0;
	bool is_unsigned = io->in[0]->dtype == DT_U64;
	for (int64_t i = 0, n = shape_elements(&io->out[0].shape); i < n; i++) {
		int64_t x = tensor_get_int(io->in[0], i);
		if (low && less_int(x, lo, is_unsigned))
			x = lo;
		if (high && less_int(hi, x, is_unsigned))
			x = hi;
		tensor_set_int(&io->out[0], i, x);
	}
	return OK;
}

static enum status ref(struct op_io *io)
{
	const struct tensor *low = bound(io, 1), *high = bound(io, 2);
	if (!dtype_is_float(io->in[0]->dtype))
		return ref_int(io);
	double lo = low ? tensor_get(low, 0) : -INFINITY;
	double hi = high ? tensor_get(high, 0) : INFINITY;
	for (int64_t i = 0, n = shape_elements(&io->out[0].shape); i < n; i++) {
		double x = tensor_get(io->in[0], i);
		x = x < lo ? lo : x;
		tensor_set(&io->out[0], i, x > hi ? hi : x);
	}
	return OK;
}

/* The bounds get the gradient of the elements that lie beyond them. */
static void grad(struct grad *g)
{
	struct builder *b = g->b;
	uint32_t n = g->node->n_in, x = g->x[0], dy = g->dy[0];
	uint32_t low = n > 1 ? g->x[1] : 0, high = n > 2 ? g->x[2] : 0;
	if (g->need[0]) /* y is between the bounds where x is: x need not be kept */
		g->dx[0] = build(b, "ClipGrad", IN(dy, g->y[0], low, high));
	if (low && g->need[1]) {
		uint32_t zero = build_scalar(b, 0, dy);
		g->dx[1] = build(b, "Where", IN(build(b, "Less", IN(x, low)), dy, zero));
		if (high) /* a lower bound above the upper one has no effect */
			g->dx[1] = build(b, "Where",
					 IN(build(b, "Less", IN(low, high)), g->dx[1], zero));
	}
	if (high && g->need[2]) {
		uint32_t before = low ? build(b, "Max", IN(x, low)) : x;
		g->dx[2] = build(b, "Where",
				 IN(build(b, "Greater", IN(before, high)), dy,
				    build_scalar(b, 0, dy)));
	}
}

static enum status infer_grad(struct op_io *io)
{
	TRY(check_bounds(io, 2));
	return infer_gradient(io);
}

static enum status ref_grad(struct op_io *io)
{
	const struct tensor *low = bound(io, 2), *high = bound(io, 3);
	double lo = low ? tensor_get(low, 0) : -INFINITY;
	double hi = high ? tensor_get(high, 0) : INFINITY;
	for (int64_t i = 0, n = shape_elements(&io->out[0].shape); i < n; i++) {
		double x = tensor_get(io->in[1], i);
		tensor_set(&io->out[0], i, x <= lo || x >= hi ? 0 : tensor_get(io->in[0], i));
	}
	return OK;
}

/* The default bounds of Clip-6, the largest finite numbers, are taken as none. */
static void lower_6(struct lower *l)
{
	const struct attr *low = node_attr(l->node, "min"), *high = node_attr(l->node, "max");
	uint32_t x = l->in[0];
	l->out[0] = build(l->b, "Clip",
			  IN(x, low ? build_scalar(l->b, low->f, x) : 0,
			     high ? build_scalar(l->b, high->f, x) : 0));
}

static const struct op_arg in[] = {
	{ "input", 0, 0 }, { "min", ARG_OPTIONAL, 0 }, { "max", ARG_OPTIONAL, 0 }, { 0 }
};
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_clip_11 = {
	.domain = "",
	.name = "Clip",
	.since = 11,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};

static const struct op_attr attrs_6[] = {
	{ "min", ATTR_FLOAT, ATTR_OPTIONAL, 0, 0, NULL },
	{ "max", ATTR_FLOAT, ATTR_OPTIONAL, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg in_6[] = { { "input", 0, 0 }, { 0 } };

const struct op_def op_clip_6 = {
	.domain = "",
	.name = "Clip",
	.since = 6,
	.attrs = attrs_6,
	.in = in_6,
	.out = out,
	.lower = lower_6,
};

static const struct op_arg grad_in[] = {
	{ "dY", 0, 0 }, { "X", 0, 0 }, { "min", ARG_OPTIONAL, 0 }, { "max", ARG_OPTIONAL, 0 }, { 0 }
};
static const struct op_arg grad_out[] = { { "dX", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_clip_grad = {
	.domain = "onnxtune",
	.name = "ClipGrad",
	.since = 1,
	.in = grad_in,
	.out = grad_out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_INPLACE,
	.infer = infer_grad,
	.ref = ref_grad,
};
