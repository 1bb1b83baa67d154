/*
 * test_parity_loops.c - what the cases of operators can't show of the CPU's own loops: broadcasts,
 * layouts and ranges of random shapes against the reference; how far exponentials and the like are
 * from the exact result; sums that are the same on any number of threads.
 */
#include "parity/parity.h"

#include "backend/cpu/cpu.h"
#include "base/rng.h"
#include "ops/build.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct device *device;

/* ---- random cases ---- */

/* A stream of random numbers. */
struct dice {
	uint64_t stream, at;
};

/* In [0, n). */
static int64_t roll(struct dice *d, int64_t n)
{
	uint32_t word[4];
	philox(2718, d->stream, d->at++, word);
	return (int64_t)(word[0] % (uint64_t)n);
}

/* Rank 1 to 5, odd sizes, at most a few thousand elements. */
static struct shape roll_shape(struct dice *d)
{
	static const int64_t sizes[] = { 1, 2, 3, 5, 8, 17, 33 };
	struct shape s = { .rank = 1 + (int)roll(d, 5) };
	int64_t total = 1;
	for (int i = 0; i < s.rank; i++) {
		s.dim[i] = sizes[roll(d, 7)];
		if (total * s.dim[i] > 5000)
			s.dim[i] = 1;
		total *= s.dim[i];
	}
	return s;
}

/* A shape that broadcasts to s: leading axes left away, others 1. */
static struct shape roll_broadcast(struct dice *d, const struct shape *s)
{
	int drop = roll(d, 3) ? 0 : (int)roll(d, s->rank + 1);
	struct shape b = { .rank = s->rank - drop };
	for (int i = 0; i < b.rank; i++)
		b.dim[i] = roll(d, 3) ? s->dim[drop + i] : 1;
	return b;
}

static struct case_input normal(const struct shape *s)
{
	return (struct case_input){ .fill = FILL_NORMAL, .dtype = DT_F64, .shape = *s, .hi = 1 };
}

static struct case_input integers(enum dtype dtype, const struct shape *s, double most)
{
	return (struct case_input){ .fill = FILL_INTS, .dtype = dtype, .shape = *s, .hi = most };
}

/* A list of integers that the operator must know. */
static struct case_input list(const double *values, int64_t n)
{
	return (struct case_input){
		.fill = FILL_VALUES, .dtype = DT_I64, .shape = SHAPE(n), .values = values
	};
}

/* Runs the case through all kernels of its operator, in float32 and bfloat16. */
static void run_case(const struct op_case *c)
{
	static const enum dtype types[] = { DT_F32, DT_BF16 };
	unsigned runs = 0;
	for (const struct kernel *const *k = cpu_kernel_table; *k; k++)
		for (unsigned t = 0; !strcmp((*k)->op, c->op) && t < ARRAY_SIZE(types); t++)
			runs += parity_run(&backend_cpu, device, *k, c, types[t]);
	if (!runs)
		print_message("%s: folded or not supported\n", c->op);
}

static void test_broadcasts(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 150; i++) {
		struct dice d = { i, 0 };
		struct shape s = roll_shape(&d), a = roll_broadcast(&d, &s);
		struct shape b = roll_broadcast(&d, &s), c = roll_broadcast(&d, &s);
		struct op_case add = { "random", "Add", .in = { normal(&a), normal(&b) } };
		struct op_case full = { "random", "Mul", .in = { normal(&s), normal(&b) } };
		struct op_case less = { "random", "Less", .in = { normal(&s), normal(&c) } };
		struct op_case where = { "random", "Where",
					 .in = { integers(DT_BOOL, &a, 1), normal(&b),
						 normal(&c) } };
		run_case(&add);
		run_case(&full);
		run_case(&less);
		run_case(&where);
	}
}

static void test_reductions(void **state)
{
	static const char *const ops[] = { "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin" };
	(void)state;
	for (uint64_t i = 0; i < 150; i++) {
		struct dice d = { 1000 + i, 0 };
		struct shape s = roll_shape(&d);
		double axes[SHAPE_MAX_RANK];
		int64_t n = 0;
		for (int a = 0; a < s.rank; a++)
			if (roll(&d, 2))
				axes[n++] = a;
		struct op_case c = { "random", ops[i % 4],
				     .attrs = { attr_int("keepdims", roll(&d, 2)) },
				     .in = { normal(&s), list(axes, n) } };
		run_case(&c);
	}
}

static void test_softmax(void **state)
{
	static const char *const ops[] = { "Softmax", "LogSoftmax", "SoftmaxGrad",
					   "LogSoftmaxGrad" };
	(void)state;
	for (uint64_t i = 0; i < 80; i++) {
		struct dice d = { 2000 + i, 0 };
		struct shape s = roll_shape(&d);
		struct op_case c = { "random", ops[i % 4], i % 4 < 2 ? "" : "onnxtune",
				     .attrs = { attr_int("axis", roll(&d, s.rank)) },
				     .in = { normal(&s) } };
		if (i % 4 >= 2)
			c.in[1] = normal(&s);
		run_case(&c);
	}
}

static void test_transpositions(void **state)
{
	static const enum dtype types[] = { DT_F64, DT_U8, DT_I64 };
	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		struct dice d = { 3000 + i, 0 };
		struct shape s = roll_shape(&d);
		int64_t perm[SHAPE_MAX_RANK];
		for (int a = 0; a < s.rank; a++) {
			int k = (int)roll(&d, a + 1);
			perm[a] = perm[k];
			perm[k] = a;
		}
		struct op_case c = { "random", "Transpose",
				     .attrs = { attr_ints("perm", perm, (uint32_t)s.rank) },
				     .in = { normal(&s) } };
		if (i % 3)
			c.in[0] = integers(types[i % 3], &s, 99);
		run_case(&c);
	}
}

static void test_slices_and_pads(void **state)
{
	static const char *const modes[] = { "constant", "reflect", "edge", "wrap" };
	(void)state;
	for (uint64_t i = 0; i < 150; i++) {
		struct dice d = { 4000 + i, 0 };
		struct shape s = roll_shape(&d);
		double start[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK], axes[SHAPE_MAX_RANK];
		double step[SHAPE_MAX_RANK], pads[2 * SHAPE_MAX_RANK];
		for (int a = 0; a < s.rank; a++) {
			axes[a] = a;
			start[a] = (double)(roll(&d, s.dim[a] + 2) - 1);
			end[a] = roll(&d, 3) ? 1000 : (double)roll(&d, s.dim[a] + 1);
			step[a] = (double)(1 + roll(&d, 3));
			if (roll(&d, 4) == 0) {
				end[a] = -1000;
				step[a] = -step[a];
			}
			pads[a] = (double)(roll(&d, 3) ? 0 : roll(&d, 5) - (s.dim[a] > 2));
			pads[s.rank + a] = (double)(roll(&d, 3) ? 0 : roll(&d, 5) - (s.dim[a] > 2));
		}
		struct op_case slice = { "random", "Slice",
					 .in = { normal(&s), list(start, s.rank), list(end, s.rank),
						 list(axes, s.rank), list(step, s.rank) } };
		struct op_case pad = { "random", "Pad",
				       .attrs = { attr_string("mode", modes[i % 4]) },
				       .in = { normal(&s), list(pads, 2 * s.rank), SCALAR(1.5) } };
		run_case(&slice);
		run_case(&pad);
	}
}

static void test_parts(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 60; i++) {
		struct dice d = { 5000 + i, 0 };
		struct shape s = roll_shape(&d);
		int64_t axis = roll(&d, s.rank), n = 2 + roll(&d, 3);
		double sizes[4];
		struct op_case concat = { "random", "Concat", .attrs = { attr_int("axis", axis) } };
		struct shape whole = s, wide = s;
		whole.dim[axis] = 0;
		for (int k = 0; k < n; k++) {
			struct shape part = s;
			part.dim[axis] = roll(&d, 6);
			sizes[k] = (double)part.dim[axis];
			whole.dim[axis] += part.dim[axis];
			concat.in[k] = normal(&part);
		}
		struct op_case split = { "random", "Split", .attrs = { attr_int("axis", axis) },
					 .in = { normal(&whole), list(sizes, n) },
					 .outputs = (uint32_t)n };
		double shape[SHAPE_MAX_RANK];
		struct shape narrow = roll_broadcast(&d, &wide);
		for (int a = 0; a < wide.rank; a++)
			shape[a] = (double)wide.dim[a];
		struct op_case expand = { "random", "Expand",
					  .in = { normal(&narrow), list(shape, wide.rank) } };
		run_case(&concat);
		run_case(&split);
		run_case(&expand);
	}
}

/* Large enough for several threads and pieces. */
static void test_large(void **state)
{
	static const int64_t swap[] = { 1, 0 };
	(void)state;
	struct op_case cases[] = {
		{ "large", "Add", .in = { NORMAL(2, 48, 40, 40), NORMAL(48, 1, 1) } },
		{ "large", "ReluGrad", "onnxtune", .in = { NORMAL(100000), NORMAL(100000) } },
		{ "large", "Sigmoid", .in = { NORMAL(300, 301) } },
		{ "large", "ReduceSum", .attrs = { attr_int("keepdims", 0) },
		  .in = { NORMAL(4, 48, 30, 31), LIST(0, 2, 3) } },
		{ "large", "ReduceSum", .in = { NORMAL(170000) } },
		{ "large", "ReduceMax", .in = { NORMAL(40, 3001), LIST(0) } },
		{ "large", "Softmax", .in = { NORMAL(70, 1003) } },
		{ "large", "Softmax", .attrs = { attr_int("axis", 1) },
		  .in = { NORMAL(2, 21, 40, 40) } },
		{ "large", "Transpose", .attrs = { attr_ints("perm", swap, 2) },
		  .in = { NORMAL(407, 301) } },
		{ "large", "Cast", .attrs = { attr_int("to", DT_F16) }, .in = { NORMAL(150000) } },
		{ "large", "Gather", .in = { NORMAL(500, 65), INTS(-500, 499, 1500) } },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		run_case(&cases[i]);
}

/* ---- single calls ---- */

/* Output 0 of the operator, by the kernel that a plan would take, which must not be the reference. */
static struct tensor run_op(struct arena *arena, const char *op, const struct attr *attrs,
			    const struct tensor *in, uint32_t n)
{
	struct error err;
	struct graph *graph = graph_new(arena);
	struct builder b = { .graph = graph, .err = &err, .name = op, .op = op };
	uint32_t ids[4];
	void *x[4], *state, *space = NULL;
	for (uint32_t k = 0; k < n; k++) {
		bool known = in[k].dtype == DT_I64; /* axes */
		ids[k] = graph_add_value(graph, arena_printf(arena, "x%u", k),
					 known ? VALUE_CONSTANT : VALUE_INPUT, in[k]);
		x[k] = in[k].data;
	}
	build_op(&b, op, (struct inputs){ ids, n }, attrs);
	if (b.status != OK)
		fail_msg("%s", err.text);
	struct op_call call = op_call_of(graph, graph_node(graph, graph->order.v[0]), arena);
	const struct kernel *kernel = backend_cpu.kernel(device, &call, NULL);
	assert_ptr_not_equal(kernel, &kernel_reference);
	struct tensor y = tensor_new(arena, call.out[0].t.dtype, &call.out[0].t.shape);
	size_t workspace = 0;
	assert_int_equal(kernel->create(device, &call, &state, &workspace, &err), OK);
	assert_int_equal(mem_try_alloc(workspace, &space, &err), OK);
	struct kernel_io io = { x, &y.data, space };
	assert_int_equal(kernel->run(state, &io, NULL), OK);
	kernel->destroy(state);
	free(space);
	graph_free(graph);
	return y;
}

static const struct attr none[] = { { 0 } };

/* ---- accuracy ---- */

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static double softplus(double x)
{
	return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double elu(double x)
{
	return x < 0 ? expm1(x) : x;
}

static double gelu(double x)
{
	return x * 0.5 * erfc(-x * M_SQRT1_2);
}

/* How far y is from the exact result, in units in the last place of float32. */
static double ulps(float y, double exact)
{
	int exponent;
	if (y == exact || (isnan(y) && isnan(exact)) ||
	    (fabs(exact) >= 0x1.ffffffp127 && isinf(y) && (y > 0) == (exact > 0)))
		return 0;
	frexp(exact, &exponent);
	return fabs(y - exact) / ldexp(1, exponent < -125 ? -149 : exponent - 24);
}

static void test_accuracy(void **state)
{
	static const struct {
		const char *op;
		double (*exact)(double);
		double limit;
	} functions[] = {
		{ "Exp", exp, 1.5 },
		{ "Log", log, 1.5 },
		{ "Tanh", tanh, 2.5 },
		{ "Sigmoid", sigmoid, 2.5 },
		{ "Erf", erf, 2 },
		{ "Softplus", softplus, 2.5 },
		{ "Elu", elu, 2 },
		{ "Gelu", gelu, 100 },
		/* of 1e-37; less above */ { "Sqrt", sqrt, 0.51 },
	};
	enum { STEP = 9973 }; /* between bit patterns */
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct tensor x = tensor_new(&arena, DT_F32, &SHAPE(UINT32_MAX / STEP + 9));
	float *v = x.data, special[] = { 0, -0.0f, INFINITY, -INFINITY, NAN, 1, -1, 89, -104 };
	memcpy(v, special, sizeof special);
	for (int64_t i = 9; i < x.shape.dim[0]; i++) {
		uint32_t bits = (uint32_t)(i - 9) * STEP;
		memcpy(&v[i], &bits, 4);
	}
	for (unsigned f = 0; f < ARRAY_SIZE(functions); f++) {
		struct tensor y = run_op(&arena, functions[f].op, none, &x, 1);
		double worst = 0, at = 0;
		for (int64_t i = 0; i < x.shape.dim[0]; i++) {
			double off = ulps(((float *)y.data)[i], functions[f].exact(v[i]));
			if (!(off <= worst)) {
				worst = off;
				at = v[i];
			}
		}
		print_message("%s: %.2f ulp at %.9g\n", functions[f].op, worst, at);
		assert_true(worst <= functions[f].limit);
	}
	arena_release(&arena);
}

/* ---- sums ---- */

static void test_sums(void **state)
{
	static const struct {
		struct shape shape;
		int64_t axis;
	} sums[] = { { { 1, { 300007 } }, 0 },
		     { { 2, { 3001, 97 } }, 0 },
		     { { 2, { 97, 3001 } }, 1 } };
	(void)state;
	struct arena arena;
	arena_init(&arena);
	for (unsigned k = 0; k < ARRAY_SIZE(sums); k++) {
		struct tensor in[2] = { tensor_new(&arena, DT_F32, &sums[k].shape),
					tensor_new(&arena, DT_I64, &SHAPE(1)) };
		float *v = in[0].data, first[3];
		int64_t n = shape_elements(&sums[k].shape), columns = sums[k].shape.dim[1];
		for (int64_t i = 0; i < n; i++) /* large terms that cancel, small ones that stay */
			v[i] = (i / 97 % 2 ? 1e4f : -1e4f) + 1e-3f * (float)(i % 1013);
		*(int64_t *)in[1].data = sums[k].axis;
		for (int threads = 1; threads <= 3; threads++) {
			omp_set_num_threads(threads);
			struct tensor y = run_op(&arena, "ReduceSum", none, in, 2);
			for (int64_t o = 0; threads == 1 && o < shape_elements(&y.shape); o++) {
				double exact = 0, size = 0;
				for (int64_t i = 0; i < n; i++)
					if (sums[k].shape.rank == 1 ||
					    (sums[k].axis ? i / columns : i % columns) == o) {
						exact += v[i];
						size += fabs(v[i]);
					}
				assert_true(fabs(((float *)y.data)[o] - exact) <=
					    1e-12 * size + fabs(exact) * 0x1p-24);
			}
			if (threads == 1)
				memcpy(first, y.data, sizeof(float));
			assert_memory_equal(first, y.data, sizeof(float));
		}
	}
	omp_set_num_threads(2);
	arena_release(&arena);
}

/* Products of ours, with slices of k and edges of tiles. */
static void test_products(void **state)
{
	static const int64_t same[] = { 0, 1 };
	(void)state;
	struct arena arena;
	arena_init(&arena);
	const struct attr attrs[] = { attr_ints("perm_a", same, 2),
				      attr_ints("perm_b", same, 2),
				      attr_ints("perm_y", same, 2),
				      attr_float("alpha", 0.3f),
				      { 0 } };
	struct tensor in[2] = { tensor_new(&arena, DT_F32, &SHAPE(107, 801)),
				tensor_new(&arena, DT_F32, &SHAPE(801, 141)) };
	struct dice d = { 6000, 0 };
	for (int k = 0; k < 2; k++)
		for (int64_t i = 0; i < shape_elements(&in[k].shape); i++)
			((float *)in[k].data)[i] = (float)roll(&d, 2001) / 1000 - 1;
	struct tensor first = { 0 };
	for (int threads = 1; threads <= 3; threads++) {
		omp_set_num_threads(threads);
		struct tensor y = run_op(&arena, "StridedMatMul", attrs, in, 2);
		if (threads == 1)
			first = y;
		assert_memory_equal(first.data, y.data, tensor_bytes(&y));
	}
	omp_set_num_threads(2);
	arena_release(&arena);
}

/* NaNs are not lost by extremes, whatever their place. */
static void test_extremes_of_nans(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct tensor x = tensor_new(&arena, DT_F32, &SHAPE(101));
	for (int64_t i = 0; i < 101; i++) {
		memset(x.data, 0, 101 * sizeof(float));
		((float *)x.data)[i] = NAN;
		assert_true(isnan(*(float *)run_op(&arena, "ReduceMax", none, &x, 1).data));
		assert_true(isnan(*(float *)run_op(&arena, "ReduceMin", none, &x, 1).data));
	}
	arena_release(&arena);
}

static int open_device(void **state)
{
	(void)state;
	struct error err;
	return backend_cpu.open(&(struct backend_options){ .threads = 2 }, &device, &err) != OK;
}

static int close_device(void **state)
{
	(void)state;
	backend_cpu.close(device);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broadcasts),
		cmocka_unit_test(test_reductions),
		cmocka_unit_test(test_softmax),
		cmocka_unit_test(test_transpositions),
		cmocka_unit_test(test_slices_and_pads),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_accuracy),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_products),
		cmocka_unit_test(test_extremes_of_nans),
	};
	return cmocka_run_group_tests_name("loops", tests, open_device, close_device);
}
