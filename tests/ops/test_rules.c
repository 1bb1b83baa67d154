/*
 * test_rules.c - rules of single operators that no difference of outputs shows: what is done at
 * ties, with samples that do not count, with labels that are no class, with statistics of a batch
 * that is not finite; and which nodes the gradient of a matrix product is made of.
 */
#include "ops/build.h"
#include "ops/interpret.h"
#include "passes/gradient.h"

#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define F64(values, ...) ((struct tensor){ DT_F64, SHAPE(__VA_ARGS__), (void *)(values) })
#define F32(values, ...) ((struct tensor){ DT_F32, SHAPE(__VA_ARGS__), (void *)(values) })
#define I64(values, ...) ((struct tensor){ DT_I64, SHAPE(__VA_ARGS__), (void *)(values) })

struct fixture {
	struct arena arena;
	struct error err;
	struct tensor out[8];
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);
	arena_init(&f->arena);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	arena_release(&f->arena);
	free(f);
	return 0;
}

/* Runs an operator of ours or of ONNX into f->out. */
static void run(struct fixture *f, const char *op, const struct attr *attrs,
		const struct tensor *in, uint32_t n_in, uint32_t n_out)
{
	static const bool wanted[8] = { true, true, true, true, true, true, true, true };
	const struct tensor *p[8];
	const struct op_def *def = op_find("onnxtune", op, INT_MAX);
	if (!def)
		def = op_find("", op, INT_MAX);
	for (uint32_t k = 0; k < n_in; k++)
		p[k] = &in[k];
	if (interpret_op(def, attrs, p, n_in, wanted, f->out, n_out, &f->arena, &f->err) != OK)
		fail_msg("%s: %s", op, f->err.text);
}

static void expect(const struct tensor *t, const double *values, int64_t n)
{
	assert_int_equal(shape_elements(&t->shape), n);
	for (int64_t i = 0; i < n; i++) {
		double x = tensor_get(t, i);
		if (!(fabs(x - values[i]) < 1e-6) && !(isnan(x) && isnan(values[i])))
			fail_msg("element %lld is %g instead of %g", (long long)i, x, values[i]);
	}
}

/* ReduceMax and ReduceMin: elements that tie share the gradient, as in PyTorch's amax. */
static void test_ties(void **state)
{
	static const double x[] = { 1, 3, 3, 0, 3, -1 }, dy[] = { 2, 5 };
	static const double expected[] = { 0, 1, 1, 0, 5, 0 };
	static const int64_t axis[] = { 1 };
	struct fixture *f = *state;
	struct graph *graph = graph_new(&f->arena);
	struct builder b = { .graph = graph, .err = &f->err, .name = "max", .op = "ReduceMax" };
	struct problems problems = { 0 };
	struct tensor given[] = { F64(x, 2, 3), F64(dy, 2, 1) }, out;
	uint32_t ids[2], dx;
	for (int k = 0; k < 2; k++) {
		struct tensor type = { DT_F64, given[k].shape, NULL };
		ids[k] = graph_add_value(graph, k ? "dy" : "x", VALUE_INPUT, type);
		*array_push(&graph->inputs) = ids[k];
	}
	uint32_t y = build(&b, "ReduceMax", IN(ids[0], build_ints(&b, axis, 1)));
	assert_int_equal(gradient_build(&b, &y, &ids[1], 1, &ids[0], 1, GRADIENT_AS_VALUES, &dx,
					&problems),
			 OK);
	*array_push(&graph->outputs) = dx;
	assert_int_equal(interpret_graph(graph, given, &out, NULL, &f->arena, &f->err), OK);
	expect(&out, expected, 6);
	graph_free(graph);
}

/* Rows of weight 0 do not exist: neither NaN nor a label that is no class reaches anything. */
static void test_ignored_rows(void **state)
{
	static const double x[] = { 0, 0, NAN, INFINITY, 0, 0 }, dloss[] = { 1 };
	static const int64_t labels[] = { 0, INT64_MIN, 1 };
	static const float weights[] = { 1, 0, 2 };
	static const double loss[] = { 3 * M_LN2 }, dx[] = { -0.5, 0.5, 0, 0, 1, -1 };
	struct fixture *f = *state;
	struct tensor in[] = { { DT_F64, SHAPE_SCALAR, (void *)dloss },
			       F64(x, 3, 2),
			       I64(labels, 3),
			       F32(weights, 3) };
	run(f, "SoftmaxCrossEntropy", NULL, in + 1, 3, 1);
	expect(&f->out[0], loss, 1);
	run(f, "SoftmaxCrossEntropyGrad", NULL, in, 4, 1);
	expect(&f->out[0], dx, 6);
}

static void test_ignored_samples(void **state)
{
	static const char *const ops[] = { "SigmoidCrossEntropy", "SquaredError" };
	static const double y[] = { 0, 0, NAN, INFINITY }, t[] = { 1, 1, NAN, NAN },
			    dloss[] = { 1 };
	static const float weights[] = { 2, 0 };
	static const double loss[] = { 2 * M_LN2, 2 };
	static const double dy[2][4] = { { -0.5, -0.5, 0, 0 }, { -2, -2, 0, 0 } };
	struct fixture *f = *state;
	struct tensor in[] = {
		{ DT_F64, SHAPE_SCALAR, (void *)dloss }, F64(y, 2, 2), F64(t, 2, 2), F32(weights, 2)
	};
	for (int i = 0; i < 2; i++) {
		char grad[64];
		snprintf(grad, sizeof grad, "%sGrad", ops[i]);
		run(f, ops[i], NULL, in + 1, 3, 1);
		expect(&f->out[0], &loss[i], 1);
		run(f, grad, NULL, in, 4, 1);
		expect(&f->out[0], dy[i], 4);
	}
}

/* A label that is no class makes the loss and the gradient of its row NaN. */
static void test_bad_label(void **state)
{
	static const double x[] = { 0, 0, 0, 0 }, dloss[] = { 1 }, nan[] = { NAN };
	static const int64_t labels[] = { 0, 2 };
	static const float weights[] = { 1, 1 };
	static const double dx[] = { -0.5, 0.5, NAN, NAN };
	struct fixture *f = *state;
	struct tensor in[] = { { DT_F64, SHAPE_SCALAR, (void *)dloss },
			       F64(x, 2, 2),
			       I64(labels, 2),
			       F32(weights, 2) };
	run(f, "SoftmaxCrossEntropy", NULL, in + 1, 3, 1);
	expect(&f->out[0], nan, 1);
	run(f, "SoftmaxCrossEntropyGrad", NULL, in, 4, 1);
	expect(&f->out[0], dx, 4);
}

/* The loss of float16 logits is float32, that of float64 logits float64. */
static void test_loss_type(void **state)
{
	static const uint16_t half[] = { 0, 0 };
	static const double x[] = { 0, 0 };
	static const int64_t labels[] = { 1 };
	static const float weights[] = { 1 };
	struct fixture *f = *state;
	struct tensor in[] = { { DT_F16, SHAPE(1, 2), (void *)half },
			       I64(labels, 1),
			       F32(weights, 1) };
	run(f, "SoftmaxCrossEntropy", NULL, in, 3, 1);
	assert_int_equal(f->out[0].dtype, DT_F32);
	in[0] = F64(x, 1, 2);
	run(f, "SoftmaxCrossEntropy", NULL, in, 3, 1);
	assert_int_equal(f->out[0].dtype, DT_F64);
}

/* running * momentum + batch * (1 - momentum) with the population's variance, channel by channel;
 * the second channel has overflowed and keeps what it had. */
static void test_running_statistics(void **state)
{
	static const double x[] = { 1, 2, 3, INFINITY }, scale[] = { 1, 1 }, bias[] = { 0, 0 };
	static const double mean[] = { 10, 20 }, var[] = { 4, 5 };
	static const double new_mean[] = { 8, 20 }, new_var[] = { 3.25, 5 };
	struct fixture *f = *state;
	struct tensor in[] = { F64(x, 2, 2), F64(scale, 2), F64(bias, 2), F64(mean, 2),
			       F64(var, 2) };
	struct attr attrs[] = { attr_float("momentum", 0.75f), { 0 } };
	run(f, "BatchNormTrain", attrs, in, 5, 5);
	expect(&f->out[1], new_mean, 2);
	expect(&f->out[2], new_var, 2);
}

/* The gradient of a product of matrices, also of one with a batch of them, is two Gemms. */
static void test_no_transposes(void **state)
{
	static const struct shape left[] = { SHAPE(3, 4), SHAPE(2, 3, 4) };
	static const char *const ops[] = { "MatMul", "Gemm" };
	struct fixture *f = *state;
	for (int i = 0; i < 3; i++) {
		struct graph *graph = graph_new(&f->arena);
		struct builder b = { .graph = graph, .err = &f->err, .name = "n", .op = "n" };
		struct problems problems = { 0 };
		struct tensor a = { DT_F16, left[i % 2], NULL }, w = { DT_F16, SHAPE(4, 5), NULL };
		uint32_t x[2], dx[2], gemms = 0;
		x[0] = graph_add_value(graph, "a", VALUE_INPUT, a);
		x[1] = graph_add_value(graph, "b", VALUE_INPUT, w);
		uint32_t y = build_op(&b, ops[i / 2], IN(x[0], x[1]), NULL);
		struct tensor type = *build_type(&b, y);
		uint32_t n = graph->order.n, dy = graph_add_value(graph, "dy", VALUE_INPUT, type);
		assert_int_equal(gradient_build(&b, &y, &dy, 1, x, 2, GRADIENT_WIDE_ENDS, dx,
						&problems),
				 OK);
		for (; n < graph->order.n; n++) {
			const char *op = graph_node(graph, graph->order.v[n])->def->name;
			gemms += !strcmp(op, "Gemm");
			assert_true(!strcmp(op, "Gemm") || !strcmp(op, "Reshape"));
		}
		assert_int_equal(gemms, 2);
		assert_int_equal(build_type(&b, dx[1])->dtype, DT_F32); /* never rounded to half */
		graph_free(graph);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_ties),          TEST(test_ignored_rows), TEST(test_ignored_samples),
		TEST(test_bad_label),     TEST(test_loss_type),    TEST(test_running_statistics),
		TEST(test_no_transposes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
