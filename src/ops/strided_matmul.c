/*
 * strided_matmul.c - StridedMatMul (ours), a batched product whose operands are read, and whose
 * result is written, with their axes in another order:
 *
 *	a' = Transpose(a, perm_a), b' = Transpose(b, perm_b),
 *	y' = alpha a' b' for each index of the axes before the last two, which a' and b' have in common,
 *	y  = Transpose(y', perm_y)
 *
 * passes/strided makes it out of the nodes around MatMul when the gradients are built, so it needs no
 * gradient of its own. Sums are formed in double here and in fp32 or wider in kernels.
 */
#include "ops/strided_matmul.h"

/* The shape and strides of Transpose(x, perm). */
static bool permuted(const struct attr *perm, const struct shape *x, struct shape *out,
		     int64_t strides[SHAPE_MAX_RANK])
{
	int64_t own[SHAPE_MAX_RANK];
	unsigned seen = 0;
	if (perm->n != (uint32_t)x->rank)
		return false;
	shape_strides(x, own);
	out->rank = x->rank;
	for (int i = 0; i < x->rank; i++) {
		int64_t p = perm->ints[i];
		if (p < 0 || p >= x->rank || (seen & 1u << p))
			return false;
		seen |= 1u << p;
		out->dim[i] = x->dim[p];
		strides[i] = own[p];
	}
	return true;
}

/* Strides of y' in the memory of y = Transpose(y', perm): axis i of y is axis perm[i] of y'. */
static bool permuted_back(const struct attr *perm, const struct shape *y,
			  int64_t strides[SHAPE_MAX_RANK])
{
	struct shape stored;
	int64_t unused[SHAPE_MAX_RANK], own[SHAPE_MAX_RANK];
	if (!permuted(perm, y, &stored, unused))
		return false;
	shape_strides(&stored, own);
	for (int i = 0; i < y->rank; i++)
		strides[perm->ints[i]] = own[i];
	return true;
}

enum status strided_matmul_read(const struct node *node, const struct shape *a,
				const struct shape *b, struct strided_matmul *out,
				struct error *err)
{
	struct strided_matmul m;
	if (!permuted(node_attr(node, "perm_a"), a, &m.a, m.stride_a) ||
	    !permuted(node_attr(node, "perm_b"), b, &m.b, m.stride_b) || a->rank < 2 ||
	    b->rank != a->rank)
		return fail(err, ERR_INPUT, "a permutation does not fit its operand");
	int r = a->rank;
	m.y = m.a;
	m.y.dim[r - 1] = m.b.dim[r - 1];
	if (!permuted_back(node_attr(node, "perm_y"), &m.y, m.stride_y))
		return fail(err, ERR_INPUT, "perm_y does not fit the result");
	for (int i = 0; i < r - 2; i++)
		if (m.a.dim[i] != m.b.dim[i])
			return fail(err, ERR_INPUT, "the batches differ");
	if (m.a.dim[r - 1] != m.b.dim[r - 2])
		return fail(err, ERR_INPUT, "the matrices do not multiply");
	*out = m;
	return OK;
}

static enum status infer(struct op_io *io)
{
	struct strided_matmul m;
	struct shape y;
	TRY(infer_float(io));
	if (io->in[0]->dtype != io->in[1]->dtype)
		return fail(io->err, ERR_INPUT, "inputs are %s and %s",
			    dtype_name(io->in[0]->dtype), dtype_name(io->in[1]->dtype));
	TRY(strided_matmul_read(io->node, &io->in[0]->shape, &io->in[1]->shape, &m, io->err));
	const struct attr *perm = node_attr(io->node, "perm_y");
	y.rank = m.y.rank;
	for (int i = 0; i < y.rank; i++)
		y.dim[i] = m.y.dim[perm->ints[i]];
	return infer_set(io, 0, io->in[0]->dtype, &y);
}

/* y'[..., i, j] = alpha * sum over p of a'[..., i, p] * b'[..., p, j] */
static enum status ref(struct op_io *io)
{
	struct strided_matmul m;
	TRY(strided_matmul_read(io->node, &io->in[0]->shape, &io->in[1]->shape, &m, io->err));
	int row = m.y.rank - 2, column = m.y.rank - 1;
	int64_t depth = m.a.dim[column];
	double alpha = node_float(io->node, "alpha");
	struct walk w = walk_start(&m.y, 3);
	for (int i = 0; i < m.y.rank; i++) {
		w.stride[0][i] = m.stride_y[i];
		w.stride[1][i] = i == column ? 0 : m.stride_a[i];
		w.stride[2][i] = i == row ? 0 : m.stride_b[i];
	}
	for (; walk_more(&w); walk_next(&w)) {
		double sum = 0;
		for (int64_t p = 0; p < depth; p++)
			sum += tensor_get(io->in[0], w.offset[1] + p * m.stride_a[column]) *
			       tensor_get(io->in[1], w.offset[2] + p * m.stride_b[row]);
		tensor_set(&io->out[0], w.offset[0], alpha * sum);
	}
	return OK;
}

static double operations(const struct op_io *io)
{
	struct strided_matmul m;
	struct error err;
	if (strided_matmul_read(io->node, &io->in[0]->shape, &io->in[1]->shape, &m, &err) != OK)
		return 0;
	return 2.0 * (double)shape_elements(&m.y) * (double)m.a.dim[m.a.rank - 1];
}

static const struct op_attr attrs[] = {
	{ "perm_a", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },
	{ "perm_b", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },
	{ "perm_y", ATTR_INTS, ATTR_REQUIRED, 0, 0, NULL },
	{ "alpha", ATTR_FLOAT, 0, 0, 1, NULL },
	{ 0 },
};
static const struct op_arg in[] = { { "A", 0, 0 }, { "B", 0, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_strided_matmul = {
	.domain = "onnxtune",
	.name = "StridedMatMul",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_HALF,
	.infer = infer,
	.ref = ref,
	.operations = operations,
};
