/*
 * moves.h - for backends: the operators that move elements without looking at them, as lists of
 * strided copies: Identity, Relayout, Reshape, Transpose, Expand, Concat, Split, Slice and SliceGrad, in
 * any layouts of their operands.
 */
#ifndef ONNXTUNE_BACKEND_MOVES_H
#define ONNXTUNE_BACKEND_MOVES_H

#include "backend/backend.h"
#include "backend/loop.h"

/* to[at_to + i . strides of operand 0] = from[at_from + i . strides of operand 1] for all i, in
 * elements. The strides of operand 1 may be 0 or negative. */
struct move {
	struct loop loop;
	int64_t at_to, at_from;
	uint32_t in, out; /* which input is copied to which output */
};

struct moves {
	bool clear; /* output 0 is set to zero before */
	uint32_t n;
	struct move moves[]; /* none is empty */
};

/* Whether elements of the type are moved: those of 1, 2, 4 or 8 bytes. */
bool moves_dtype(enum dtype dtype);

/* supports and propose of kernels of these operators (struct kernel). */
bool moves_supports(const struct op_call *call, const char **why);
void moves_propose(const struct op_call *call, enum layout *in, enum layout *out);

/* What a call that is supported copies; free() it. */
enum status MUST_CHECK moves_read(const struct op_call *call, struct moves **out);

#endif
