/*
 * pool.h - the geometry of pooling and the walk over its windows (see conv.h for the meaning).
 */
#ifndef ONNXTUNE_OPS_POOL_H
#define ONNXTUNE_OPS_POOL_H

#include "ops/conv.h"

/*
 * The geometry of MaxPool, AveragePool or their gradients; x is the shape of the pooling's input.
 * With ceil_mode the last window may reach beyond the padding, but never starts there.
 */
enum status MUST_CHECK pool_geometry(const struct node *node, const struct shape *x,
				     struct conv_geometry *out, struct error *err);

/*
 * One window: the kernel positions [first, last) of each axis that lie inside the input, and the
 * input position of kernel position 0.
 */
struct pool_window {
	int64_t start[CONV_MAX_SPATIAL];
	int64_t first[CONV_MAX_SPATIAL], last[CONV_MAX_SPATIAL];
	int64_t inside; /* elements inside the input */
	int64_t padded; /* elements inside the input and its padding (count_include_pad) */
};

/* The window of output position o (row-major index in out[]). */
struct pool_window pool_window(const struct conv_geometry *g, int64_t o);

/* Row-major index in in[] of element e of the window, 0 <= e < inside, in row-major order. */
int64_t pool_element(const struct conv_geometry *g, const struct pool_window *w, int64_t e);

/* Elements of one channel of the input and of the output. */
int64_t pool_plane_in(const struct conv_geometry *g);
int64_t pool_plane_out(const struct conv_geometry *g);

#endif
