/*
 * window.c - the geometry of convolution and pooling (see conv.h, pool.h): reads the attributes,
 * resolves auto_pad and ceil_mode, and checks everything against overflow, because attributes come
 * from a file.
 */
#include "ops/pool.h"

#include <string.h>

/* Sizes and attributes below this keep all of the arithmetic here far from overflow. */
#define LIMIT INT32_MAX

/* n integers of an attribute, each in [low, LIMIT], or `fallback` n times. */
static enum status read_ints(const struct node *node, const char *name, int n, int64_t low,
			     int64_t fallback, int64_t *out, struct error *err)
{
	const struct attr *a = node_attr(node, name);
	if (a && a->n != (uint32_t)n)
		return fail(err, ERR_INPUT, "'%s' has %u elements instead of %d", name, a->n, n);
	for (int i = 0; i < n; i++) {
		int64_t x = a ? a->ints[i] : fallback;
		if (x < low || x > LIMIT)
			return fail(err, x < 0 ? ERR_UNSUPPORTED : ERR_INPUT, "'%s' holds %lld",
				    name, (long long)x);
		out[i] = x;
	}
	return OK;
}

enum auto_pad { NOTSET, VALID, SAME_UPPER, SAME_LOWER };

static enum status read_auto_pad(const struct node *node, enum auto_pad *out, struct error *err)
{
	static const char *const names[] = { "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER" };
	const char *name = node_string(node, "auto_pad");
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]) || (i == NOTSET && !*name)) {
			*out = (enum auto_pad)i;
			return OK;
		}
	return fail(err, ERR_INPUT, "auto_pad '%s' is not known", name);
}

/* Fills stride, dilation, pads and out of each axis; in and kernel are known. */
static enum status slide(const struct node *node, bool ceil_mode, struct conv_geometry *g,
			 struct error *err)
{
	int64_t pads[2 * CONV_MAX_SPATIAL];
	enum auto_pad mode = NOTSET;
	TRY(read_ints(node, "strides", g->spatial, 1, 1, g->stride, err));
	TRY(read_ints(node, "dilations", g->spatial, 1, 1, g->dilation, err));
	TRY(read_ints(node, "pads", 2 * g->spatial, 0, 0, pads, err));
	TRY(read_auto_pad(node, &mode, err));
	for (int i = 0; i < g->spatial; i++) {
		int64_t in = g->in[i], stride = g->stride[i];
		if (in > LIMIT)
			return fail(err, ERR_UNSUPPORTED, "spatial axis %d is too long", i);
		int64_t extent = (g->kernel[i] - 1) * g->dilation[i] + 1;
		if (mode == SAME_UPPER || mode == SAME_LOWER) {
			g->out[i] = (in + stride - 1) / stride;
			int64_t pad = (g->out[i] - 1) * stride + extent - in;
			if (pad < 0)
				pad = 0;
			g->pad_begin[i] = mode == SAME_UPPER ? pad / 2 : pad - pad / 2;
			g->pad_end[i] = pad - g->pad_begin[i];
			continue;
		}
		g->pad_begin[i] = mode == VALID ? 0 : pads[i];
		g->pad_end[i] = mode == VALID ? 0 : pads[g->spatial + i];
		int64_t room = in + g->pad_begin[i] + g->pad_end[i] - extent;
		if (room < 0)
			return fail(err, ERR_INPUT,
				    "the kernel is larger than spatial axis %d with its padding",
				    i);
		g->out[i] = room / stride + 1;
		if (ceil_mode && mode == NOTSET && room % stride &&
		    g->out[i] * stride < in + g->pad_begin[i])
			g->out[i]++;
	}
	return OK;
}

/* n, c and in from the shape of the input; everything else as if there were no window. */
static enum status start(const struct shape *x, struct conv_geometry *g, struct error *err)
{
	if (x->rank < 3)
		return fail(err, ERR_INPUT, "the input has rank %d, less than 3", x->rank);
	if (x->rank > 2 + CONV_MAX_SPATIAL)
		return fail(err, ERR_UNSUPPORTED, "the input has rank %d, more than %d", x->rank,
			    2 + CONV_MAX_SPATIAL);
	*g = (struct conv_geometry){ .spatial = x->rank - 2,
				     .n = x->dim[0],
				     .c = x->dim[1],
				     .k = x->dim[1],
				     .group = x->dim[1] };
	for (int i = 0; i < CONV_MAX_SPATIAL; i++) {
		g->in[i] = i < g->spatial ? x->dim[2 + i] : 1;
		g->out[i] = g->kernel[i] = g->stride[i] = g->dilation[i] = 1;
	}
	return OK;
}

enum status conv_geometry(const struct node *node, const struct shape *x, const struct shape *w,
			  struct conv_geometry *out, struct error *err)
{
	struct conv_geometry g;
	char tx[SHAPE_TEXT], tw[SHAPE_TEXT];
	TRY(start(x, &g, err));
	g.group = node_int(node, "group");
	if (w->rank != x->rank || g.group < 1 || g.c % g.group || w->dim[0] % g.group ||
	    w->dim[1] != g.c / g.group)
		return fail(err, ERR_INPUT, "weights %s do not fit input %s in %lld groups",
			    shape_format(w, tw), shape_format(x, tx), (long long)g.group);
	g.k = w->dim[0];
	const struct attr *kernel = node_attr(node, "kernel_shape");
	for (int i = 0; i < g.spatial; i++) {
		g.kernel[i] = w->dim[2 + i];
		if (g.kernel[i] < 1 || g.kernel[i] > LIMIT)
			return fail(err, ERR_INPUT, "the weights have shape %s",
				    shape_format(w, tw));
		if (kernel && (kernel->n != (uint32_t)g.spatial || kernel->ints[i] != g.kernel[i]))
			return fail(err, ERR_INPUT, "'kernel_shape' differs from weights %s",
				    shape_format(w, tw));
	}
	TRY(slide(node, false, &g, err));
	*out = g;
	return OK;
}

enum status pool_geometry(const struct node *node, const struct shape *x, struct conv_geometry *out,
			  struct error *err)
{
	struct conv_geometry g;
	TRY(start(x, &g, err));
	TRY(read_ints(node, "kernel_shape", g.spatial, 1, 1, g.kernel, err));
	if (g.kernel[0] * g.kernel[1] > LIMIT || g.kernel[0] * g.kernel[1] * g.kernel[2] > LIMIT)
		return fail(err, ERR_UNSUPPORTED, "'kernel_shape' is too large");
	TRY(slide(node, node_int(node, "ceil_mode") != 0, &g, err));
	*out = g;
	return OK;
}

struct shape conv_output_shape(const struct conv_geometry *g)
{
	struct shape y = SHAPE(g->n, g->k);
	for (int i = 0; i < g->spatial; i++)
		y.dim[y.rank++] = g->out[i];
	return y;
}

enum status conv_check_gradient(const struct op_io *io, const struct conv_geometry *g)
{
	struct shape y = conv_output_shape(g);
	char given[SHAPE_TEXT], expected[SHAPE_TEXT];
	if (!shape_equal(&y, &io->in[0]->shape))
		return fail(io->err, ERR_INPUT, "gradient %s for output %s",
			    shape_format(&io->in[0]->shape, given), shape_format(&y, expected));
	for (uint32_t k = 0; k < io->n_in; k++)
		if (!dtype_is_trainable(io->in[k]->dtype) || io->in[k]->dtype != io->in[0]->dtype)
			return fail(io->err, ERR_INPUT, "input %u is %s", k,
				    dtype_name(io->in[k]->dtype));
	return OK;
}

enum status conv_shape_attr(const struct op_io *io, struct shape *out)
{
	const struct attr *a = node_attr(io->node, "_shape");
	if (a->n > SHAPE_MAX_RANK)
		return fail(io->err, ERR_INPUT, "'_shape' has rank %u", a->n);
	out->rank = (int)a->n;
	for (uint32_t i = 0; i < a->n; i++) {
		if (a->ints[i] < 0)
			return fail(io->err, ERR_INPUT, "'_shape' holds %lld",
				    (long long)a->ints[i]);
		out->dim[i] = a->ints[i];
	}
	return OK;
}

uint32_t conv_build_gradient(struct grad *g, const char *op, struct inputs in, uint32_t like)
{
	struct attr attrs[12];
	struct shape shape = *build_shape(g->b, like);
	unsigned n = 0;
	for (const struct attr *a = g->node->attrs; a->kind != ATTR_END; a++)
		attrs[n++] = *a;
	if (like)
		attrs[n++] = attr_ints("_shape", shape.dim, (uint32_t)shape.rank);
	attrs[n] = (struct attr){ 0 };
	return build_op(g->b, op, in, attrs);
}

struct pool_window pool_window(const struct conv_geometry *g, int64_t o)
{
	struct pool_window w = { .inside = 1, .padded = 1 };
	for (int i = CONV_MAX_SPATIAL - 1; i >= 0; i--) {
		int64_t start = o % g->out[i] * g->stride[i] - g->pad_begin[i];
		int64_t d = g->dilation[i], end = g->in[i] + g->pad_end[i];
		o /= g->out[i];
		/* kernel positions from the first at or after 0 to the last before `in` */
		int64_t first = start < 0 ? (-start + d - 1) / d : 0;
		int64_t last = start < g->in[i] ? (g->in[i] - start + d - 1) / d : 0;
		int64_t padded = start < end ? (end - start + d - 1) / d : 0;
		w.start[i] = start;
		w.last[i] = last < g->kernel[i] ? last : g->kernel[i];
		w.first[i] = first < w.last[i] ? first : w.last[i];
		w.inside *= w.last[i] - w.first[i];
		w.padded *= padded < g->kernel[i] ? padded : g->kernel[i];
	}
	return w;
}

int64_t pool_element(const struct conv_geometry *g, const struct pool_window *w, int64_t e)
{
	int64_t index = 0, stride = 1;
	for (int i = CONV_MAX_SPATIAL - 1; i >= 0; i--) {
		int64_t n = w->last[i] - w->first[i];
		index += (w->start[i] + (w->first[i] + e % n) * g->dilation[i]) * stride;
		e /= n;
		stride *= g->in[i];
	}
	return index;
}

int64_t pool_plane_in(const struct conv_geometry *g)
{
	return g->in[0] * g->in[1] * g->in[2];
}

int64_t pool_plane_out(const struct conv_geometry *g)
{
	return g->out[0] * g->out[1] * g->out[2];
}
