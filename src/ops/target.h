/*
 * target.h - what a backend tells the passes: which kernels it has. Filled by the backend, so that
 * passes and backends do not include each other.
 */
#ifndef ONNXTUNE_OPS_TARGET_H
#define ONNXTUNE_OPS_TARGET_H

#include "ops/op.h"

/* One input or output of a node as a kernel sees it. dtype DT_NONE: absent. */
struct op_operand {
	struct tensor t; /* t.data: content when it is a constant of the host, else NULL */
	enum layout layout;
	bool fixed; /* does not change between micro-batches: a weight, or made from weights only */
};

/* A node with the types and layouts of its operands. */
struct op_call {
	const struct op_def *def;
	const struct node *node; /* for its attributes and name */
	uint32_t n_in, n_out;
	const struct op_operand *in, *out;
};

/* The call that a kernel sees for a node of a graph; the operands are allocated in the arena. */
struct op_call op_call_of(const struct graph *graph, const struct node *node, struct arena *arena);

/* What infer and ref would see of its inputs, their content where it is known; in[] has a place for
 * each. */
struct op_io op_call_io(const struct op_call *call, const struct tensor **in, struct error *err);

/* Whether a tensor of this shape has the same bytes in both layouts. */
bool layout_same_bytes(const struct shape *shape, enum layout a, enum layout b);

enum fusible {
	FUSIBLE_NOT,
	FUSIBLE_COSTLY, /* worth more than reading its result back from memory */
	FUSIBLE_CHEAP,
};

struct target {
	const void *ctx;
	/*
	 * The name of the kernel that would run the call, or NULL when only the reference can.
	 * why (may be NULL) gets the reason why no better one can.
	 */
	const char *(*kernel)(const struct target *target, const struct op_call *call,
			      const char **why);
	/*
	 * The layouts that the best kernel wishes for, given those that the inputs have now (in
	 * call): in[] and out[] are filled for every operand. All plain when nothing else helps.
	 */
	void (*propose)(const struct target *target, const struct op_call *call, enum layout *in,
			enum layout *out);
	/*
	 * Whether a pointwise call, or a ReduceSum at the end, may be part of a Fused node
	 * (ops/fused.c). NULL: none may.
	 */
	enum fusible (*fusible)(const struct target *target, const struct op_call *call);
	/*
	 * Whether one kernel does a FusedConv (ops/conv.c) as fast as the convolution alone; the
	 * layouts of the call are not looked at. NULL: none does.
	 */
	bool (*fuses_conv)(const struct target *target, const struct op_call *call);
};

#endif
