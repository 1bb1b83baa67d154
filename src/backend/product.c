/*
 * product.c - reads MatMul, Gemm and StridedMatMul (see product.h). A transposed operand is a matrix of
 * other strides; the rows of all batches are one long matrix where b has no batch.
 */
#include "backend/product.h"

#include "ops/strided_matmul.h"

#include <string.h>

static bool read_gemm(const struct op_call *call, struct product *p)
{
	const struct shape *a = &call->in[0].t.shape, *y = &call->out[0].t.shape;
	bool trans_a = node_int(call->node, "transA"), trans_b = node_int(call->node, "transB");
	int64_t m = y->dim[0], n = y->dim[1], k = a->dim[!trans_a], stride[SHAPE_MAX_RANK];
	*p = (struct product){ .y = { m, n, n, 1 },
			       .a = { m, k, trans_a ? 1 : k, trans_a ? m : 1 },
			       .b = { k, n, trans_b ? 1 : n, trans_b ? k : 1 },
			       .batch = loop_start(&SHAPE_SCALAR),
			       .alpha = node_float(call->node, "alpha") };
	if (call->n_in < 3 || !call->in[2].t.dtype)
		return true;
	const struct shape *c = &call->in[2].t.shape;
	shape_broadcast_strides(c, y, stride);
	p->beta = node_float(call->node, "beta");
	p->c_stride[0] = stride[0];
	p->c_stride[1] = stride[1];
	p->c_row = c->rank && c->dim[c->rank - 1] == n && shape_elements(c) == n;
	return true;
}

static struct shape as_matrix(const struct shape *s, bool left)
{
	if (s->rank != 1)
		return *s;
	return left ? SHAPE(1, s->dim[0]) : SHAPE(s->dim[0], 1);
}

static bool read_matmul(const struct op_call *call, struct product *p)
{
	struct shape a = as_matrix(&call->in[0].t.shape, true), outer;
	struct shape b = as_matrix(&call->in[1].t.shape, false);
	int64_t m = a.dim[a.rank - 2], k = a.dim[a.rank - 1], n = b.dim[b.rank - 1];
	*p = (struct product){
		.y = { m, n, n, 1 }, .a = { m, k, k, 1 }, .b = { k, n, n, 1 }, .alpha = 1
	};
	a.rank -= 2;
	b.rank -= 2;
	shape_broadcast(&a, &b, &outer);
	if (shape_elements(&b) == 1) { /* the rows of all batches are one long matrix */
		p->y.rows = p->a.rows = m * shape_elements(&outer);
		p->batch = loop_start(&SHAPE_SCALAR);
		return true;
	}
	p->batch = loop_start(&outer);
	loop_add(&p->batch, &outer, LAYOUT_PLAIN);
	loop_add(&p->batch, &a, LAYOUT_PLAIN);
	loop_add(&p->batch, &b, LAYOUT_PLAIN);
	for (int i = 0; i < p->batch.rank; i++) {
		p->batch.stride[0][i] *= m * n;
		p->batch.stride[1][i] *= m * k;
		p->batch.stride[2][i] *= k * n;
	}
	return true;
}

static struct matrix turned(const struct matrix *m)
{
	return (struct matrix){ m->columns, m->rows, m->across, m->down };
}

static bool read_strided(const struct op_call *call, struct product *p)
{
	struct strided_matmul m;
	struct error err;
	if (strided_matmul_read(call->node, &call->in[0].t.shape, &call->in[1].t.shape, &m, &err) !=
	    OK)
		return false;
	int i = m.y.rank - 2, j = i + 1;
	struct shape outer = m.y;
	outer.rank -= 2;
	*p = (struct product){
		.y = { m.y.dim[i], m.y.dim[j], m.stride_y[i], m.stride_y[j] },
		.a = { m.a.dim[i], m.a.dim[j], m.stride_a[i], m.stride_a[j] },
		.b = { m.b.dim[i], m.b.dim[j], m.stride_b[i], m.stride_b[j] },
		.batch = loop_start(&outer),
		.alpha = node_float(call->node, "alpha"),
	};
	p->turned = !matrix_is_by_rows(&p->y);
	if (p->turned) {
		struct matrix a = p->a;
		p->y = turned(&p->y);
		p->a = turned(&p->b);
		p->b = turned(&a);
	}
	loop_add_strides(&p->batch, m.stride_y);
	loop_add_strides(&p->batch, p->turned ? m.stride_b : m.stride_a);
	loop_add_strides(&p->batch, p->turned ? m.stride_a : m.stride_b);
	return true;
}

/* Whether its rows or its columns are dense. */
static bool is_matrix(const struct matrix *m)
{
	return matrix_is_by_rows(m) || m->down == 1 || m->rows == 1;
}

static const struct {
	const char *op;
	bool (*read)(const struct op_call *call, struct product *p);
} ops[] = {
	{ "MatMul", read_matmul },
	{ "Gemm", read_gemm },
	{ "StridedMatMul", read_strided },
};

bool product_read(const struct op_call *call, struct product *out)
{
	struct product p;
	unsigned k = 0;
	while (strcmp(ops[k].op, call->def->name) != 0)
		k++;
	if (!ops[k].read(call, &p))
		return false;
	while (p.batch.n < 3) { /* no batch */
		int64_t none[SHAPE_MAX_RANK] = { 0 };
		loop_add_strides(&p.batch, none);
	}
	loop_merge(&p.batch, 1);
	*out = p;
	return p.y.rows && p.y.columns && p.a.columns && loop_size(&p.batch, 0, p.batch.rank) &&
	       matrix_is_by_rows(&p.y) && is_matrix(&p.a) && is_matrix(&p.b);
}
