/*
 * conv.h - how a window slides over the spatial axes of a tensor [N, C, D1, D2, D3]: the geometry
 * of convolutions, of their gradients and (pool.h) of pooling, with auto_pad resolved. The
 * operators' infer and reference and the kernels of every backend take it from here.
 *
 * Along a spatial axis, output position o and kernel position k meet input position
 *
 *	i = o * stride - pad_begin + k * dilation,
 *
 * which lies in the padding where it is outside [0, in).
 */
#ifndef ONNXTUNE_OPS_CONV_H
#define ONNXTUNE_OPS_CONV_H

#include "ops/build.h"

#define CONV_MAX_SPATIAL 3

struct conv_geometry {
	int spatial;     /* axes in use, 1 to 3, from the first; the others are 1, pads 0 */
	int64_t n, c, k; /* batch, input channels, output channels (pooling: k = c) */
	int64_t group;   /* divides c and k (pooling: c) */
	int64_t in[CONV_MAX_SPATIAL], out[CONV_MAX_SPATIAL], kernel[CONV_MAX_SPATIAL];
	int64_t stride[CONV_MAX_SPATIAL], dilation[CONV_MAX_SPATIAL];
	int64_t pad_begin[CONV_MAX_SPATIAL], pad_end[CONV_MAX_SPATIAL];
};

/*
 * The geometry of Conv, FusedConv, ConvGradInput or ConvGradWeight: x is the shape of the convolution's input
 * [N, C, ...], w that of its weights [K, C / group, ...]. pad_end is what the attributes say: with
 * strides the window may end before it. ERR_INPUT and ERR_UNSUPPORTED name the attribute.
 */
enum status MUST_CHECK conv_geometry(const struct node *node, const struct shape *x,
				     const struct shape *w, struct conv_geometry *out,
				     struct error *err);

/* [N, K, out...] of a convolution or of a pooling. */
struct shape conv_output_shape(const struct conv_geometry *g);

/*
 * For gradient operators: checks that input 0 is the gradient of the output of g and all inputs are
 * of one floating-point type; gives the shape in the attribute `_shape`, of a tensor that is no
 * input of theirs; builds a node with the attributes of g->node and, where `like` is not 0, its
 * shape as `_shape`.
 */
enum status MUST_CHECK conv_check_gradient(const struct op_io *io, const struct conv_geometry *g);
enum status MUST_CHECK conv_shape_attr(const struct op_io *io, struct shape *out);
uint32_t conv_build_gradient(struct grad *g, const char *op, struct inputs in, uint32_t like);

#endif
