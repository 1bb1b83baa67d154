/*
 * test_parity_dnn.c - which of its implementations oneDNN runs. Its reference ones are hundreds of
 * times slower than the others and must never be taken; its convolutions through matrix products are
 * for what is rare. And that operations compute what they should, whenever their code is generated.
 */
#include "backend/cpu/dnn.h"

#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct dnn *dnn;

static int open_dnn(void **state)
{
	(void)state;
	struct error err;
	return dnn_open(&dnn, &err) != OK;
}

static int close_dnn(void **state)
{
	(void)state;
	dnn_close(dnn);
	return 0;
}

static struct dnn_tensor tensor(int spatial, int64_t a, int64_t b, int64_t size, enum layout layout)
{
	struct shape shape = { .rank = 2 + spatial, .dim = { a, b, size, size, size } };
	return dnn_tensor(DT_F32, &shape, layout);
}

static void test_convolutions(void **state)
{
	(void)state;
	static const struct {
		int spatial;
		int64_t n, c, size, k, kernel, stride, pad, dilation, group;
		bool products[3]; /* may be through matrix products: forward, dx, dw */
	} cases[] = {
		{ 2, 8, 1, 28, 6, 5, 1, 2, 1, 1, { 0 } },
		{ 2, 8, 6, 14, 16, 5, 1, 0, 1, 1, { 0 } },
		{ 2, 8, 3, 64, 64, 7, 2, 3, 1, 1, { false, true, false } },
		{ 2, 8, 64, 16, 64, 3, 1, 1, 1, 1, { 0 } },
		{ 2, 8, 64, 16, 128, 3, 2, 1, 1, 1, { 0 } },
		{ 2, 8, 256, 14, 64, 1, 1, 0, 1, 1, { 0 } },
		{ 2, 8, 64, 14, 128, 1, 2, 0, 1, 1, { 0 } },
		{ 2, 8, 19, 9, 35, 3, 1, 1, 1, 1, { true, true, true } },
		{ 2, 8, 32, 12, 32, 3, 1, 1, 1, 32, { 0 } },
		{ 2, 8, 32, 12, 32, 3, 1, 1, 1, 4, { true, true, true } },
		{ 2, 8, 32, 12, 32, 3, 1, 1, 1, 8, { true, true, true } },
		{ 2, 8, 16, 12, 16, 3, 1, 2, 2, 1, { false, false, true } },
		{ 1, 8, 16, 40, 32, 3, 1, 1, 1, 1, { 0 } },
		{ 3, 2, 8, 8, 16, 3, 1, 1, 1, 1, { true, true, true } },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		for (int d = 0; d < 3; d++) {
			int64_t extent = (cases[i].kernel - 1) * cases[i].dilation + 1;
			int64_t pad = cases[i].pad, s = cases[i].stride;
			int64_t out = (cases[i].size + 2 * pad - extent) / s + 1;
			int spatial = cases[i].spatial;
			struct dnn_conv c = {
				.direction = (enum dnn_direction)d,
				.x = tensor(spatial, cases[i].n, cases[i].c, cases[i].size,
					    LAYOUT_LAST),
				.w = tensor(spatial, cases[i].k, cases[i].c / cases[i].group,
					    cases[i].kernel, LAYOUT_PLAIN),
				.y = tensor(spatial, cases[i].n, cases[i].k, out, LAYOUT_LAST),
				.group = cases[i].group,
				.stride = { s, s, s },
				.pad_begin = { pad, pad, pad },
				.pad_end = { pad, pad, pad },
				.dilation = { cases[i].dilation, cases[i].dilation,
					      cases[i].dilation },
			};
			struct dnn_op *op;
			struct error err;
			if (dnn_conv_new(dnn, &c, &op, &err) != OK)
				fail_msg("convolution %u, direction %d: %s", i, d, err.text);
			const char *name = dnn_op_name(op);
			if (strstr(name, "ref") || (strstr(name, "gemm") && !cases[i].products[d]))
				fail_msg("convolution %u, direction %d: %s", i, d, name);
			dnn_op_free(op);
		}
}

static void test_products(void **state)
{
	(void)state;
	static const struct {
		int64_t batch, m, k, n;
		bool trans_a, trans_b, bias;
	} cases[] = {
		{ 1, 128, 784, 512, false, true, true }, { 1, 1, 64, 10, false, false, true },
		{ 1, 10, 128, 512, true, false, false }, { 1, 4, 4, 1, true, true, false },
		{ 12, 33, 17, 33, false, true, false },  { 12, 33, 33, 17, true, false, false },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t m = cases[i].m, k = cases[i].k, n = cases[i].n, batch = cases[i].batch;
		bool ta = cases[i].trans_a, tb = cases[i].trans_b;
		struct dnn_matmul p = {
			.a = { DT_F32, 3, { batch, m, k }, { m * k, ta ? 1 : k, ta ? m : 1 } },
			.b = { DT_F32, 3, { batch, k, n }, { k * n, tb ? 1 : n, tb ? k : 1 } },
			.y = { DT_F32, 3, { batch, m, n }, { m * n, n, 1 } },
		};
		struct dnn_op *op;
		struct error err;
		if (cases[i].bias)
			p.bias = (struct dnn_tensor){ DT_F32, 3, { 1, 1, n }, { n, n, 1 } };
		if (dnn_matmul_new(dnn, &p, &op, &err) != OK)
			fail_msg("product %u: %s", i, err.text);
		if (strstr(dnn_op_name(op), "ref"))
			fail_msg("product %u: %s", i, dnn_op_name(op));
		dnn_op_free(op);
	}
}

enum { ROWS = 7, MAX_SIZE = 96 };

/* y = a b for a [ROWS, n] of ones and b[i][j] = j: runs the operation and compares. */
static void expect_product(struct dnn_op *op, int n)
{
	static float a[ROWS * MAX_SIZE], b[MAX_SIZE * MAX_SIZE], y[ROWS * MAX_SIZE];
	void *workspace = NULL, *data[] = { a, b, NULL, y };
	struct error err;
	for (int i = 0; i < ROWS * n; i++)
		a[i] = 1;
	for (int i = 0; i < n * n; i++)
		b[i] = (float)(i % n);
	memset(y, 0, sizeof y);
	assert_int_equal(mem_try_alloc(dnn_op_workspace(op), &workspace, &err), OK);
	assert_int_equal(dnn_op_run(op, data, workspace), OK);
	for (int i = 0; i < ROWS * n; i++)
		assert_true(y[i] == (float)(n * (i % n)));
	free(workspace);
}

/* Many at once, used in the order of making, the opposite one, or not at all. */
static void make_and_use(int threads, int order)
{
	enum { COUNT = 24 };
	struct dnn_op *ops[COUNT];
	struct error err;
	omp_set_num_threads(threads);
	assert_int_equal(dnn_open(&dnn, &err), OK);
	for (int i = 0; i < COUNT; i++) {
		/* no two tests use the same size, whose code would be there; but some here do */
		int64_t n = 1 + threads + 3 * order + 9 * (i % 8);
		struct dnn_matmul p = { .a = { DT_F32, 2, { ROWS, n }, { n, 1 } },
					.b = { DT_F32, 2, { n, n }, { n, 1 } },
					.y = { DT_F32, 2, { ROWS, n }, { n, 1 } } };
		assert_int_equal(dnn_matmul_new(dnn, &p, &ops[i], &err), OK);
	}
	for (int k = 0; k < COUNT; k++) {
		int i = order ? COUNT - 1 - k : k, n = 1 + threads + 3 * order + 9 * (i % 8);
		if (order < 2)
			for (int again = 0; again < 2; again++)
				expect_product(ops[i], n);
		dnn_op_free(ops[i]);
	}
	dnn_close(dnn);
}

static void test_making(void **state)
{
	(void)state;
	struct dnn *shared = dnn;
	int before = omp_get_max_threads();
	for (int threads = 1; threads <= 3; threads++)
		for (int order = 0; order < 3; order++)
			make_and_use(threads, order);
	omp_set_num_threads(before);
	dnn = shared;
}

static void test_none(void **state)
{
	(void)state;
	assert_null(dnn);
	assert_false(dnn_supports(DT_F32));
}

int main(void)
{
	const struct CMUnitTest with[] = {
		cmocka_unit_test(test_convolutions),
		cmocka_unit_test(test_products),
		cmocka_unit_test(test_making),
	};
	const struct CMUnitTest without[] = { cmocka_unit_test(test_none) };
	return DNN_AVAILABLE ? cmocka_run_group_tests(with, open_dnn, close_dnn)
			     : cmocka_run_group_tests(without, open_dnn, close_dnn);
}
