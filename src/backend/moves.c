/*
 * moves.c - operators that move elements, as strided copies (see moves.h). Each has a function that reads
 * a call.
 */
#include "backend/moves.h"

#include "ops/slice.h"

#include <stdlib.h>
#include <string.h>

bool moves_dtype(enum dtype dtype)
{
	unsigned bits = dtype_bits(dtype);
	return dtype != DT_STRING && (bits == 8 || bits == 16 || bits == 32 || bits == 64);
}

static struct moves *moves_new(uint32_t most)
{
	return mem_alloc(sizeof(struct moves) + most * sizeof(struct move));
}

/* Adds a copy over the shape, unless there is nothing to copy. */
static void add_move(struct moves *s, uint32_t out, uint32_t in, const struct shape *shape,
		     const int64_t *dst, const int64_t *src, int64_t at_dst, int64_t at_src)
{
	struct move m = { loop_start(shape), at_dst, at_src, in, out };
	loop_add_strides(&m.loop, dst);
	loop_add_strides(&m.loop, src);
	if (shape_elements(shape))
		s->moves[s->n++] = m;
}

static bool supports(const struct op_call *call, const char **why)
{
	*why = "elements of this size";
	return moves_dtype(call->out[0].t.dtype);
}

static bool any_last(const struct op_call *call)
{
	for (uint32_t k = 0; k < call->n_in; k++)
		if (call->in[k].layout == LAYOUT_LAST)
			return true;
	return false;
}

/* Channels-last if any input is; lists of axes and sizes, which have no layout, stay plain. */
static void propose_same(const struct op_call *call, enum layout *in, enum layout *out)
{
	enum layout layout = any_last(call) ? LAYOUT_LAST : LAYOUT_PLAIN;
	for (uint32_t k = 0; k < call->n_in; k++)
		if (call->in[k].t.shape.rank > 2)
			in[k] = layout;
	for (uint32_t k = 0; k < call->n_out; k++)
		out[k] = layout;
}

/* Reads any layout and writes plain. */
static void propose_plain(const struct op_call *call, enum layout *in, enum layout *out)
{
	in[0] = call->in[0].layout;
	out[0] = LAYOUT_PLAIN;
}

/* ---- Identity, Reshape ---- */

static enum status read_same(const struct op_call *call, struct moves **out)
{
	const struct op_operand *x = &call->in[0], *y = &call->out[0];
	int64_t from[SHAPE_MAX_RANK], to[SHAPE_MAX_RANK];
	struct moves *s = moves_new(1);
	layout_strides(&x->t.shape, x->layout, from);
	layout_strides(&y->t.shape, y->layout, to);
	add_move(s, 0, 0, &x->t.shape, to, from, 0, 0);
	*out = s;
	return OK;
}

static bool supports_reshape(const struct op_call *call, const char **why)
{
	*why = "operands must be plain";
	return call->in[0].layout == LAYOUT_PLAIN && call->out[0].layout == LAYOUT_PLAIN &&
	       supports(call, why);
}

static enum status read_reshape(const struct op_call *call, struct moves **out)
{
	struct moves *s = moves_new(1);
	int64_t n = shape_elements(&call->out[0].t.shape);
	add_move(s, 0, 0, &SHAPE(n), &(int64_t){ 1 }, &(int64_t){ 1 }, 0, 0);
	*out = s;
	return OK;
}

/* ---- Transpose ---- */

static enum status read_transpose(const struct op_call *call, struct moves **out)
{
	const struct op_operand *x = &call->in[0], *y = &call->out[0];
	const struct attr *perm = node_attr(call->node, "perm");
	int64_t own[SHAPE_MAX_RANK], from[SHAPE_MAX_RANK], to[SHAPE_MAX_RANK];
	struct moves *s = moves_new(1);
	int rank = x->t.shape.rank;
	layout_strides(&x->t.shape, x->layout, own);
	layout_strides(&y->t.shape, y->layout, to);
	for (int i = 0; i < rank; i++)
		from[i] = own[perm ? perm->ints[i] : rank - 1 - i];
	add_move(s, 0, 0, &y->t.shape, to, from, 0, 0);
	*out = s;
	return OK;
}

/* ---- Expand ---- */

/* Where each sample and channel is spread over an image, as gradients of means are, the convolutions
 * around want it channels-last. */
static void propose_expand(const struct op_call *call, enum layout *in, enum layout *out)
{
	const struct shape *x = &call->in[0].t.shape, *y = &call->out[0].t.shape;
	bool image = y->rank == 4 && x->rank == 4 && x->dim[1] == y->dim[1] && x->dim[1] > 1 &&
		     x->dim[2] == 1 && x->dim[3] == 1;
	in[0] = call->in[0].layout;
	out[0] = image ? LAYOUT_LAST : LAYOUT_PLAIN;
}

static enum status read_expand(const struct op_call *call, struct moves **out)
{
	const struct op_operand *x = &call->in[0], *y = &call->out[0];
	struct loop l = loop_start(&y->t.shape);
	int64_t to[SHAPE_MAX_RANK];
	struct moves *s = moves_new(1);
	loop_add(&l, &x->t.shape, x->layout);
	layout_strides(&y->t.shape, y->layout, to);
	add_move(s, 0, 0, &y->t.shape, to, l.stride[0], 0, 0);
	*out = s;
	return OK;
}

/* ---- Concat and Split ---- */

/* Part k of a Split along the axis; that of an output that nobody wants has no shape of its own. */
static int64_t part_size(const struct op_call *call, int axis, uint32_t k)
{
	int64_t n = call->n_out, whole = call->in[0].t.shape.dim[axis];
	if (call->out[k].t.dtype)
		return call->out[k].t.shape.dim[axis];
	if (call->n_in > 1 && call->in[1].t.data)
		return tensor_get_int(&call->in[1].t, k);
	return whole / n + (whole % n != 0);
}

/* Each part with its place in the whole, along the axis. */
static enum status read_parts(const struct op_call *call, bool split, struct moves **out)
{
	uint32_t n = split ? call->n_out : call->n_in;
	const struct op_operand *whole = split ? &call->in[0] : &call->out[0];
	int64_t strides[SHAPE_MAX_RANK], own[SHAPE_MAX_RANK], start = 0;
	struct moves *s = moves_new(n);
	int axis = 0;
	shape_axis(&whole->t.shape, node_int(call->node, "axis"), &axis);
	layout_strides(&whole->t.shape, whole->layout, strides);
	for (uint32_t k = 0; k < n; k++) {
		const struct op_operand *part = split ? &call->out[k] : &call->in[k];
		const struct shape *shape = &part->t.shape;
		int64_t at = start * strides[axis];
		start += split ? part_size(call, axis, k) : shape->dim[axis];
		if (!part->t.dtype) /* nobody wants it */
			continue;
		layout_strides(shape, part->layout, own);
		if (split)
			add_move(s, k, 0, shape, own, strides, 0, at);
		else
			add_move(s, 0, k, shape, strides, own, at, 0);
	}
	*out = s;
	return OK;
}

static enum status read_concat(const struct op_call *call, struct moves **out)
{
	return read_parts(call, false, out);
}

static bool supports_split(const struct op_call *call, const char **why)
{
	*why = "elements of this size";
	return moves_dtype(call->in[0].t.dtype);
}

static enum status read_split(const struct op_call *call, struct moves **out)
{
	return read_parts(call, true, out);
}

/* ---- Slice and SliceGrad ---- */

static enum status ranges_of(const struct op_call *call, struct slice_ranges *r)
{
	const struct tensor *in[5];
	struct error err;
	if (call->n_in > ARRAY_SIZE(in))
		return ERR_INTERNAL;
	struct op_io io = op_call_io(call, in, &err);
	return slice_ranges(&io, r);
}

static bool supports_slice(const struct op_call *call, const char **why)
{
	struct slice_ranges r;
	*why = "ranges that are not known";
	return ranges_of(call, &r) == OK && supports(call, why);
}

/* The slice, with strides of its own and the place that it has in the whole. */
static void add_slice(struct moves *s, const struct op_operand *slice,
		      const struct op_operand *whole, const int64_t *start, const int64_t *step,
		      bool back)
{
	const struct shape *shape = &slice->t.shape;
	int64_t own[SHAPE_MAX_RANK], strides[SHAPE_MAX_RANK], at = 0;
	layout_strides(shape, slice->layout, own);
	layout_strides(&whole->t.shape, whole->layout, strides);
	for (int i = 0; i < shape->rank && shape_elements(shape); i++) {
		at += start[i] * strides[i];
		strides[i] *= step[i];
	}
	if (back)
		add_move(s, 0, 0, shape, strides, own, at, 0);
	else
		add_move(s, 0, 0, shape, own, strides, 0, at);
}

static enum status read_slice(const struct op_call *call, struct moves **out)
{
	struct slice_ranges r;
	TRY(ranges_of(call, &r));
	struct moves *s = moves_new(1);
	add_slice(s, &call->out[0], &call->in[0], r.start, r.step, false);
	*out = s;
	return OK;
}

static enum status read_slice_grad(const struct op_call *call, struct moves **out)
{
	struct moves *s = moves_new(1);
	s->clear = true;
	add_slice(s, &call->in[0], &call->out[0], node_attr(call->node, "starts")->ints,
		  node_attr(call->node, "steps")->ints, true);
	*out = s;
	return OK;
}

/* ---- all of them ---- */

static const struct {
	const char *op;
	bool (*supports)(const struct op_call *call, const char **why);
	void (*propose)(const struct op_call *call, enum layout *in, enum layout *out);
	enum status (*read)(const struct op_call *call, struct moves **out);
} ops[] = {
	{ "Identity", supports, propose_common, read_same },
	{ "Relayout", supports, NULL, read_same },
	{ "Reshape", supports_reshape, NULL, read_reshape },
	{ "Transpose", supports, propose_plain, read_transpose },
	{ "Expand", supports, propose_expand, read_expand },
	{ "Concat", supports, propose_same, read_concat },
	{ "Split", supports_split, propose_same, read_split },
	{ "Slice", supports_slice, propose_same, read_slice },
	{ "SliceGrad", supports, propose_same, read_slice_grad },
};

static unsigned find(const struct op_call *call)
{
	unsigned k = 0;
	while (strcmp(ops[k].op, call->def->name) != 0)
		k++;
	return k;
}

bool moves_supports(const struct op_call *call, const char **why)
{
	return ops[find(call)].supports(call, why);
}

void moves_propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	unsigned k = find(call);
	if (ops[k].propose)
		ops[k].propose(call, in, out);
}

enum status moves_read(const struct op_call *call, struct moves **out)
{
	return ops[find(call)].read(call, out);
}
