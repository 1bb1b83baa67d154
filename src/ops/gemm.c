/*
 * gemm.c - Gemm: y = alpha A' B' + beta C for matrices, where ' is a transposition if transA
 * (transB) says so and C broadcasts (ONNX Gemm-7, 9, 11, 13). Gradients of matrix products are Gemms too, so
 * that no operand is ever transposed in memory.
 */
#include "ops/build.h"

/* Rows and columns of A' or B'. */
static void dims(const struct tensor *t, bool trans, int64_t *rows, int64_t *columns)
{
	*rows = t->shape.dim[trans];
	*columns = t->shape.dim[!trans];
}

static enum status infer(struct op_io *io)
{
	const struct tensor *a = io->in[0], *b = io->in[1], *c = io->n_in > 2 ? io->in[2] : NULL;
	char ta[SHAPE_TEXT], tb[SHAPE_TEXT];
	int64_t m, k, k2, n;
	TRY(infer_number(io));
	if (a->dtype != b->dtype || (c && a->dtype != c->dtype))
		return fail(io->err, ERR_INPUT, "inputs are %s, %s and %s", dtype_name(a->dtype),
			    dtype_name(b->dtype), dtype_name(c ? c->dtype : a->dtype));
	if (a->shape.rank != 2 || b->shape.rank != 2)
		return fail(io->err, ERR_INPUT, "inputs %s and %s are not matrices",
			    shape_format(&a->shape, ta), shape_format(&b->shape, tb));
	dims(a, node_int(io->node, "transA"), &m, &k);
	dims(b, node_int(io->node, "transB"), &k2, &n);
	if (k != k2)
		return fail(io->err, ERR_INPUT, "shapes %s and %s do not multiply",
			    shape_format(&a->shape, ta), shape_format(&b->shape, tb));
	struct shape y = SHAPE(m, n), both;
	if (c && (!shape_broadcast(&y, &c->shape, &both) || !shape_equal(&y, &both)))
		return fail(io->err, ERR_INPUT, "C of shape %s does not broadcast to %s",
			    shape_format(&c->shape, ta), shape_format(&y, tb));
	return infer_set(io, 0, infer_wide(io), &y);
}

/* y[i, j] = alpha * sum over p of A'[i, p] * B'[p, j] + beta * C[i, j] */
static enum status ref(struct op_io *io)
{
	const struct tensor *a = io->in[0], *b = io->in[1], *c = io->n_in > 2 ? io->in[2] : NULL;
	bool trans_a = node_int(io->node, "transA"), trans_b = node_int(io->node, "transB");
	double alpha = node_float(io->node, "alpha"), beta = node_float(io->node, "beta");
	struct tensor *y = &io->out[0];
	int64_t m, k, n;
	dims(a, trans_a, &m, &k);
	dims(b, trans_b, &k, &n);
	struct walk w = walk_start(&y->shape, 2);
	if (c)
		walk_broadcast(&w, 1, &c->shape);
	for (; walk_more(&w); walk_next(&w)) {
		int64_t i = w.index[0], j = w.index[1];
		double sum = 0;
		for (int64_t p = 0; p < k; p++)
			sum += tensor_get(a, trans_a ? p * m + i : i * k + p) *
			       tensor_get(b, trans_b ? j * k + p : p * n + j);
		sum *= alpha;
		if (c)
			sum += beta * tensor_get(c, w.offset[1]);
		tensor_set(y, w.offset[0], sum);
	}
	return OK;
}

/* alpha A' B' as a new node */
static uint32_t product(struct grad *g, uint32_t a, bool trans_a, uint32_t b, bool trans_b)
{
	return build(g->b, "Gemm", IN(a, b), attr_float("alpha", node_float(g->node, "alpha")),
		     attr_int("transA", trans_a), attr_int("transB", trans_b));
}

/*
 * dA' = alpha dy B'^T, dB' = alpha A'^T dy, each transposed if the operand was, dC = beta dy. Where
 * `_out` made y wider than the operands, dy is rounded to their type as they were.
 */
static void grad(struct grad *g)
{
	bool trans_a = node_int(g->node, "transA"), trans_b = node_int(g->node, "transB");
	uint32_t a = g->x[0], b = g->x[1];
	uint32_t dy = build_cast(g->b, g->dy[0], build_type(g->b, a)->dtype);
	if (g->need[0])
		g->dx[0] = trans_a ? product(g, b, trans_b, dy, true)
				   : product(g, dy, false, b, !trans_b);
	if (g->need[1])
		g->dx[1] = trans_b ? product(g, dy, true, a, trans_a)
				   : product(g, a, !trans_a, dy, false);
	if (g->node->n_in > 2 && g->need[2]) {
		float beta = node_float(g->node, "beta");
		g->dx[2] = beta == 1 ? dy
				     : build(g->b, "Mul", IN(dy, build_scalar(g->b, beta, dy)));
	}
}

static double operations(const struct op_io *io)
{
	int64_t depth = io->in[0]->shape.dim[!node_int(io->node, "transA")];
	return 2.0 * (double)shape_elements(&io->out[0].shape) * (double)depth;
}

static const struct op_attr attrs[] = {
	{ "alpha", ATTR_FLOAT, 0, 0, 1, NULL }, { "beta", ATTR_FLOAT, 0, 0, 1, NULL },
	{ "transA", ATTR_INT, 0, 0, 0, NULL },  { "transB", ATTR_INT, 0, 0, 0, NULL },
	{ "_out", ATTR_INT, 0, 0, 0, NULL },    { 0 },
};
static const struct op_arg in[] = {
	{ "A", ARG_PARAM, 0 },
	{ "B", ARG_PARAM, 0 },
	{ "C", ARG_PARAM | ARG_OPTIONAL, 0 },
	{ 0 },
};
static const struct op_arg out[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_gemm_7 = {
	.domain = "",
	.name = "Gemm",
	.since = 7,
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
