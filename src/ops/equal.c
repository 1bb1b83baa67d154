/*
 * equal.c - comparisons with broadcasting, bool results: Equal (also of bools and strings), Less,
 * LessOrEqual, Greater, GreaterOrEqual (ONNX Equal-7, 11, 13, 19; Less-7, 9, 13; LessOrEqual-12, 16
 * and the same of Greater). A NaN is in no order to anything.
 */
#include "ops/op.h"

#include <math.h>
#include <string.h>

/* How a stands to b, as bits, so that an operator is the set of orders for which it is true. */
enum { LESS = 1, EQUAL = 2, GREATER = 4, UNORDERED = 8 };

static unsigned order_string(const struct tensor *a, int64_t i, const struct tensor *b, int64_t j)
{
	struct string s, t;
	memcpy(&s, (const char *)a->data + (size_t)i * sizeof s, sizeof s);
	memcpy(&t, (const char *)b->data + (size_t)j * sizeof t, sizeof t);
	return s.n == t.n && (!s.n || !memcmp(s.s, t.s, s.n)) ? EQUAL : UNORDERED;
}

static unsigned order(const struct tensor *a, int64_t i, const struct tensor *b, int64_t j)
{
	if (a->dtype == DT_STRING)
		return order_string(a, i, b, j);
	if (dtype_is_float(a->dtype)) {
		double x = tensor_get(a, i), y = tensor_get(b, j);
		return x < y ? LESS : x > y ? GREATER : x == y ? EQUAL : UNORDERED;
	}
	int64_t x = tensor_get_int(a, i), y = tensor_get_int(b, j);
	if (x == y)
		return EQUAL;
	bool less = a->dtype == DT_U64 ? (uint64_t)x < (uint64_t)y : x < y;
	return less ? LESS : GREATER;
}

static enum status compare(struct op_io *io, unsigned orders)
{
	struct tensor *y = &io->out[0];
	struct walk w = walk_start(&y->shape, 3);
	walk_broadcast(&w, 1, &io->in[0]->shape);
	walk_broadcast(&w, 2, &io->in[1]->shape);
	for (; walk_more(&w); walk_next(&w))
		tensor_set_int(y, w.offset[0],
			       (order(io->in[0], w.offset[1], io->in[1], w.offset[2]) & orders) !=
				       0);
	return OK;
}

static enum status ref_equal(struct op_io *io)
{
	return compare(io, EQUAL);
}

static enum status ref_less(struct op_io *io)
{
	return compare(io, LESS);
}

static enum status ref_less_or_equal(struct op_io *io)
{
	return compare(io, LESS | EQUAL);
}

static enum status ref_greater(struct op_io *io)
{
	return compare(io, GREATER);
}

static enum status ref_greater_or_equal(struct op_io *io)
{
	return compare(io, GREATER | EQUAL);
}

static enum status infer_equal(struct op_io *io)
{
	enum dtype a = io->in[0]->dtype;
	if (a == io->in[1]->dtype && (a == DT_BOOL || a == DT_STRING))
		return infer_shapes(io, DT_BOOL);
	return infer_compare(io);
}

static const struct op_arg in[] = { { "A", 0, 0 }, { "B", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "C", 0, 0 }, { 0 } };

const struct op_def op_equal_7 = {
	.domain = "",
	.name = "Equal",
	.since = 7,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_NO_GRAD,
	.infer = infer_equal,
	.ref = ref_equal,
};

const struct op_def op_less_7 = {
	.domain = "",
	.name = "Less",
	.since = 7,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_NO_GRAD,
	.infer = infer_compare,
	.ref = ref_less,
};

const struct op_def op_less_or_equal_12 = {
	.domain = "",
	.name = "LessOrEqual",
	.since = 12,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_NO_GRAD,
	.infer = infer_compare,
	.ref = ref_less_or_equal,
};

const struct op_def op_greater_7 = {
	.domain = "",
	.name = "Greater",
	.since = 7,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_NO_GRAD,
	.infer = infer_compare,
	.ref = ref_greater,
};

const struct op_def op_greater_or_equal_12 = {
	.domain = "",
	.name = "GreaterOrEqual",
	.since = 12,
	.in = in,
	.out = out,
	.precision = PRECISION_FOLLOW,
	.flags = OP_POINTWISE | OP_NO_GRAD,
	.infer = infer_compare,
	.ref = ref_greater_or_equal,
};
