/*
 * matmul.c - MatMul: y = a b over the last two axes, the others broadcast, rank 1 as in NumPy
 * (ONNX MatMul-1, 9, 13). Sums are formed in double here and in fp32 or wider in kernels.
 */
#include "ops/build.h"

/* Rank 1 operands become [1,k] and [k,1]; the added axis is dropped from the result. */
static struct shape as_matrix(const struct shape *s, bool left)
{
	if (s->rank != 1)
		return *s;
	return left ? SHAPE(1, s->dim[0]) : SHAPE(s->dim[0], 1);
}

static enum status infer(struct op_io *io)
{
	const struct tensor *a = io->in[0], *b = io->in[1];
	char ta[SHAPE_TEXT], tb[SHAPE_TEXT];
	TRY(infer_number(io));
	if (!a->shape.rank || !b->shape.rank)
		return fail(io->err, ERR_INPUT, "an input is a scalar");
	if (a->dtype != b->dtype)
		return fail(io->err, ERR_INPUT, "inputs are %s and %s", dtype_name(a->dtype),
			    dtype_name(b->dtype));
	struct shape sa = as_matrix(&a->shape, true), sb = as_matrix(&b->shape, false), y;
	struct shape batch_a = sa, batch_b = sb;
	batch_a.rank -= 2;
	batch_b.rank -= 2;
	if (sa.dim[sa.rank - 1] != sb.dim[sb.rank - 2] || !shape_broadcast(&batch_a, &batch_b, &y))
		return fail(io->err, ERR_INPUT, "shapes %s and %s do not multiply",
			    shape_format(&a->shape, ta), shape_format(&b->shape, tb));
	if (a->shape.rank > 1)
		y.dim[y.rank++] = sa.dim[sa.rank - 2];
	if (b->shape.rank > 1)
		y.dim[y.rank++] = sb.dim[sb.rank - 1];
	return infer_set(io, 0, infer_wide(io), &y);
}

/* y[..., i, j] = sum over k of a[..., i, k] * b[..., k, j] */
static enum status ref(struct op_io *io)
{
	const struct tensor *a = io->in[0], *b = io->in[1];
	struct tensor *y = &io->out[0];
	struct shape sa = as_matrix(&a->shape, true), sb = as_matrix(&b->shape, false);
	int64_t m = sa.dim[sa.rank - 2], k = sa.dim[sa.rank - 1], n = sb.dim[sb.rank - 1];
	struct shape batch_a = sa, batch_b = sb, batch;
	batch_a.rank -= 2;
	batch_b.rank -= 2;
	shape_broadcast(&batch_a, &batch_b, &batch);
	struct walk w = walk_start(&batch, 3);
	walk_broadcast(&w, 1, &batch_a);
	walk_broadcast(&w, 2, &batch_b);
	bool exact = !dtype_is_float(a->dtype);
	for (; m && n && walk_more(&w); walk_next(&w)) {
		int64_t oy = w.offset[0] * m * n, oa = w.offset[1] * m * k,
			ob = w.offset[2] * k * n;
		for (int64_t i = 0; i < m; i++)
			for (int64_t j = 0; j < n; j++) {
				double sum = 0;
				uint64_t sum_int = 0;
				for (int64_t p = 0; p < k; p++) {
					int64_t ia = oa + i * k + p, ib = ob + p * n + j;
					if (exact)
						sum_int += (uint64_t)tensor_get_int(a, ia) *
							   (uint64_t)tensor_get_int(b, ib);
					else
						sum += tensor_get(a, ia) * tensor_get(b, ib);
				}
				if (exact)
					tensor_set_int(y, oy + i * n + j, (int64_t)sum_int);
				else
					tensor_set(y, oy + i * n + j, sum);
			}
	}
	return OK;
}

static uint32_t swap_last(struct builder *b, uint32_t x)
{
	int64_t perm[SHAPE_MAX_RANK];
	int rank = build_shape(b, x)->rank;
	for (int i = 0; i < rank; i++)
		perm[i] = i;
	if (rank >= 2) {
		perm[rank - 2] = rank - 1;
		perm[rank - 1] = rank - 2;
	}
	return build_transpose(b, x, perm);
}

/*
 * da = dy b^T and db = a^T dy. A weight [k,n] under a batched a needs no batch of products: the
 * rows of all batches are one long matrix. For matrices the transpositions are flags of Gemm.
 */
static void grad(struct grad *g)
{
	struct builder *b = g->b;
	struct shape sa = *build_shape(b, g->x[0]), sb = *build_shape(b, g->x[1]);
	struct shape ma = as_matrix(&sa, true), mb = as_matrix(&sb, false);
	struct shape my = *build_shape(b, g->dy[0]);
	if (b->status != OK)
		return;
	if (sb.rank == 1) { /* put back the axes that rank 1 operands dropped */
		my.dim[my.rank++] = 1;
	}
	if (sa.rank == 1) {
		my.dim[my.rank] = my.dim[my.rank - 1];
		my.dim[my.rank++ - 1] = 1;
	}
	uint32_t xa = build_reshape(b, g->x[0], &ma), xb = build_reshape(b, g->x[1], &mb);
	uint32_t dy = build_reshape(b, g->dy[0], &my);
	bool matrices = mb.rank == 2;
	if (matrices) {
		int64_t rows = 1;
		for (int i = 0; i < ma.rank - 1; i++)
			rows *= ma.dim[i];
		xa = build_reshape(b, xa, &SHAPE(rows, mb.dim[0]));
		dy = build_reshape(b, dy, &SHAPE(rows, mb.dim[1]));
	}
	if (g->need[0]) {
		uint32_t da = matrices ? build(b, "Gemm", IN(dy, xb), attr_int("transB", 1))
				       : build(b, "MatMul", IN(dy, swap_last(b, xb)));
		if (!matrices)
			da = build_reduce_to(b, da, &ma);
		g->dx[0] = build_reshape(b, da, &sa);
	}
	if (g->need[1]) {
		uint32_t db = matrices ? build(b, "Gemm", IN(xa, dy), attr_int("transA", 1))
				       : build(b, "MatMul", IN(swap_last(b, xa), dy));
		db = build_reduce_to(b, db, &mb);
		g->dx[1] = build_reshape(b, db, &sb);
	}
}

static double operations(const struct op_io *io)
{
	const struct shape *a = &io->in[0]->shape;
	return 2.0 * (double)shape_elements(&io->out[0].shape) * (double)a->dim[a->rank - 1];
}

static const struct op_attr attrs[] = { { "_out", ATTR_INT, 0, 0, 0, NULL }, { 0 } };
static const struct op_arg in[] = { { "A", ARG_PARAM, 0 }, { "B", ARG_PARAM, 0 }, { 0 } };
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_matmul_1 = {
	.domain = "",
	.name = "MatMul",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.precision = PRECISION_HALF,
	.flags = OP_WIDE,
	.infer = infer,
	.ref = ref,
	.grad = grad,
	.operations = operations,
};
