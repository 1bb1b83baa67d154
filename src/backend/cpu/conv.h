/*
 * conv.h - what the kernels of Conv, ConvGradInput and ConvGradWeight share: all three are about the
 * same x, w and y, each of them the output of one operator.
 */
#ifndef ONNXTUNE_BACKEND_CPU_CONV_H
#define ONNXTUNE_BACKEND_CPU_CONV_H

#include "backend/cpu/dnn.h"

#include "ops/conv.h"

/* A node as a convolution. bias->t.dtype is DT_NONE where there is none. */
struct conv_call {
	enum dnn_direction direction;
	struct conv_geometry g;
	const struct op_operand *x, *w, *y, *bias;
};
enum status MUST_CHECK conv_call_read(const struct op_call *call, struct conv_call *out,
				      struct error *err);

/* The propose of all of them: x and y channels-last, w and the bias plain. */
void conv_propose(const struct op_call *call, enum layout *in, enum layout *out);

/* The same with w channels-last where it is read. */
void conv_propose_inward(const struct op_call *call, enum layout *in, enum layout *out);

/* For the loops of ours: none of the tensors is empty, and they are laid out as conv_propose_inward
 * says; conv_is_simple: and are float32. */
bool conv_fits_loops(const struct conv_call *c, const char **why);
bool conv_is_simple(const struct conv_call *c, const char **why);

/* The memory of a run. bias is NULL unless `with_bias`. */
struct conv_memory {
	void *x, *w, *y, *bias;
};
struct conv_memory conv_memory(enum dnn_direction direction, bool with_bias,
			       const struct kernel_io *io);

/* The position in a plane of x that position k of the kernel meets at position o of a plane of y; -1 in
 * the padding. */
int64_t conv_input_position(const struct conv_geometry *g, int64_t o, int64_t k);

/* w' [k, positions, c / group] of float32, ld elements from one k to the next, to plain weights. */
void conv_weights_outward(const struct conv_geometry *g, const float *from, int64_t ld, float *w);

#endif
