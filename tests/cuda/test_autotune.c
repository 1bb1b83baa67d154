/*
 * test_autotune.c - with autotune the fastest of the ways that are allowed is taken, by a clock that the
 * test sets: timed once for calls that are alike, never within a capture, in the memory that was
 * planned. Without it the heuristic's first is taken, and nothing is timed.
 */
#include "backend/cuda/autotune.h"
#include "backend/module.h"
#include "cudasim/cudasim.h"
#include "e2e/trial.h"
#include "support/case_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FASTER(a, b)                                                                               \
	{ [ENGINE_##a] = 1, [ENGINE_##b] = 2 },                                                    \
	{                                                                                          \
		[ALGORITHM_##a] = 1, [ALGORITHM_##b] = 2                                           \
	}
#define OPERANDS 4
#define BYTES ((size_t)4096) /* of any operand here */

static const struct cudasim_costs plain_is_faster = { FASTER(PLAIN, WORKSPACE) },
				  plain_is_slower = { FASTER(WORKSPACE, PLAIN) }, no_costs;

/* clang-format off */
#define GROUPS(n) { "group", ATTR_INT, .i = n }
#define RELU { "relu", ATTR_INT, .i = 1 }
static const struct op_case
	product = { "product", "MatMul", .in = { NORMAL(5, 7), NORMAL(7, 6) } },
	wider = { "wider", "MatMul", .in = { NORMAL(5, 7), NORMAL(7, 8) } },
	gemm = { "gemm", "Gemm", .in = { NORMAL(6, 6), NORMAL(6, 6) } },
	turned = { "turned", "Gemm", .attrs = { { "transB", ATTR_INT, .i = 1 } },
		   .in = { NORMAL(6, 6), NORMAL(6, 6) } },
	conv = { "conv", "Conv", .in = { NORMAL(2, 8, 5, 6), NORMAL(8, 8, 3, 3) } },
	padded = { "padded", "Conv", .attrs = { { "auto_pad", ATTR_STRING, .s = "SAME_UPPER" } },
		   .in = { NORMAL(2, 8, 5, 6), NORMAL(8, 8, 1, 1) } },
	unpadded = { "unpadded", "Conv", .attrs = { { "auto_pad", ATTR_STRING, .s = "VALID" } },
		     .in = { NORMAL(2, 8, 5, 6), NORMAL(8, 8, 1, 1) } },
	/* the heuristic's first has no workspace */
	depthwise = { "depthwise", "FusedConv", "onnxtune", .attrs = { GROUPS(8) },
		      .in = { NORMAL(2, 8, 5, 5), NORMAL(8, 1, 3, 3), NORMAL(8) } },
	limited = { "limits", "FusedConv", "onnxtune", .attrs = { GROUPS(8), RELU },
		    .in = { NORMAL(2, 8, 5, 5), NORMAL(8, 1, 3, 3), NORMAL(8) } },
	gradient = { "gradient", "ConvGradWeight", "onnxtune",
		     .attrs = { { "_shape", ATTR_INTS, .n = 4, .ints = (const int64_t[]){ 8, 8, 3, 3 } } },
		     .in = { NORMAL(2, 8, 3, 4), NORMAL(2, 8, 5, 6) } };
/* clang-format on */

struct bed {
	const struct backend *backend;
	struct device *device;
	struct stream *stream;
};

static void expect(enum status status, const struct error *err)
{
	if (status != OK)
		fail_msg("%s", err->text);
}

static void bed_open(struct bed *bed, bool autotune)
{
	struct backend_options options = { .autotune = autotune };
	struct error err;
	bed->backend = onnxtune_backend.backend;
	expect(bed->backend->open(&options, &bed->device, &err), &err);
	expect(bed->backend->stream_new(bed->device, &bed->stream, &err), &err);
}

static void bed_close(struct bed *bed)
{
	bed->backend->stream_free(bed->stream);
	bed->backend->close(bed->device);
	cudasim_set_costs(&no_costs);
}

/* What came of a call: which way it was run, 0 the one with the workspace or 1, and -1 if that failed. */
struct result {
	int way;
	size_t workspace;
	uint64_t timings;
	uint8_t y[BYTES];
};

/* The way of all runs since then; fails the test when there were others than these, or several. */
static int way_since(const struct cudasim_counts *before)
{
	struct cudasim_counts now = cudasim_counts();
	uint64_t with = now.engines[ENGINE_WORKSPACE] - before->engines[ENGINE_WORKSPACE] +
			now.algorithms[ALGORITHM_WORKSPACE] -
			before->algorithms[ALGORITHM_WORKSPACE],
		 plain = now.engines[ENGINE_PLAIN] - before->engines[ENGINE_PLAIN] +
			 now.algorithms[ALGORITHM_PLAIN] - before->algorithms[ALGORITHM_PLAIN];
	assert_true(with + plain == now.libraries - before->libraries);
	assert_true(!with || !plain);
	return with ? 0 : plain ? 1 : -1;
}

static struct result try(struct bed *bed, const struct op_case *c, enum dtype dtype)
{
	const struct backend *backend = bed->backend;
	struct result r = { .way = -1 };
	struct cudasim_counts start = cudasim_counts(), before;
	struct arena arena;
	struct case_call made;
	struct error err;
	void *state, *workspace, *in[OPERANDS], *y;
	uint8_t x[BYTES];
	arena_init(&arena);
	assert_true(case_call_make(c, dtype, 1, &arena, &made));
	for (uint32_t k = 0; k < made.call.n_in; k++)
		if (made.call.in[k].t.shape.rank > 2)
			made.in_operands[k].layout = LAYOUT_LAST;
	if (made.call.out->t.shape.rank > 2)
		made.out_operands->layout = LAYOUT_LAST;
	for (size_t i = 0; i < BYTES; i++)
		x[i] = i % 2 ? 0x3c : (uint8_t)(i * 7); /* numbers near 1 in every type */
	const struct kernel *kernel = backend->kernel(bed->device, &made.call, NULL);
	expect(kernel->create(bed->device, &made.call, &state, &r.workspace, &err), &err);
	expect(backend->alloc(bed->device, r.workspace, &workspace, &err), &err);
	expect(backend->alloc(bed->device, BYTES, &y, &err), &err);
	for (uint32_t k = 0; k < made.call.n_in; k++) {
		expect(backend->alloc(bed->device, BYTES, &in[k], &err), &err);
		assert_int_equal(backend->copy_in(bed->stream, in[k], x, BYTES), OK);
	}
	assert_int_equal(backend->fill(bed->stream, y, 0, BYTES), OK);
	struct kernel_io io = { in, &y, workspace };
	assert_int_equal(kernel->tune(state, &io, bed->stream), OK);
	expect(backend->stream_wait(bed->stream, &err), &err);
	before = cudasim_counts();
	r.timings = before.timings - start.timings;
	if (kernel->run(state, &io, bed->stream) == OK) {
		assert_int_equal(backend->copy_out(bed->stream, r.y, y, BYTES), OK);
		expect(backend->stream_wait(bed->stream, &err), &err);
		r.way = way_since(&before);
	}
	kernel->destroy(state);
	backend->free(bed->device, workspace);
	backend->free(bed->device, y);
	for (uint32_t k = 0; k < made.call.n_in; k++)
		backend->free(bed->device, in[k]);
	graph_free(made.graph);
	arena_release(&arena);
	return r;
}

/* ---- which way is taken ---- */

struct choice {
	const char *name;
	const struct op_case *c;
	enum dtype dtype;
	int first;           /* without autotune */
	int plain_is_faster; /* with it, and these costs */
	int plain_is_slower;
};

static const struct choice choices[] = {
	{ "products", &product, DT_F32, 0, 1, 0 },
	{ "products in float16", &gemm, DT_F16, 0, 1, 0 },
	{ "convolutions in float16", &conv, DT_F16, 0, 1, 0 },
	{ "convolutions in float32 have no tensor cores", &conv, DT_F32, 1, 1, 1 },
	{ "a workspace that the first has not", &depthwise, DT_F16, 1, 1, 0 },
	{ "nor where the first has none either", &depthwise, DT_F32, 1, 1, 1 },
	{ "a NaN passes limits", &limited, DT_F16, 1, 1, 1 },
};

static void test_choice(void **state)
{
	const struct choice *choice = *state;
	struct result r[3];
	for (int i = 0; i < 3; i++) {
		struct bed bed;
		cudasim_set_costs(i == 1 ? &plain_is_faster : &plain_is_slower);
		bed_open(&bed, i > 0);
		r[i] = try(&bed, choice->c, choice->dtype);
		if (i == 0 || !r[i].timings)
			assert_null(bed.backend->tuned(bed.device));
		else
			assert_non_null(strstr(bed.backend->tuned(bed.device), "1 products and"));
		bed_close(&bed);
	}
	assert_int_equal(r[0].way, choice->first);
	assert_int_equal(r[0].timings, 0);
	assert_int_equal(r[1].way, choice->plain_is_faster);
	assert_int_equal(r[2].way, choice->plain_is_slower);
	if (choice->plain_is_faster != choice->plain_is_slower) {
		assert_true(r[1].timings > 0);
		/* what is planned does not depend on the times */
		assert_int_equal(r[1].workspace, r[2].workspace);
		assert_true(r[1].workspace >= r[0].workspace && r[1].workspace > 0);
	}
	assert_memory_equal(r[0].y, r[1].y, BYTES);
	assert_memory_equal(r[0].y, r[2].y, BYTES);
}

/* Of equal ones the first. */
static void test_equal(void **state)
{
	struct bed bed;
	(void)state;
	bed_open(&bed, true);
	assert_int_equal(try(&bed, &product, DT_F32).way, 0);
	assert_int_equal(try(&bed, &depthwise, DT_F16).way, 1);
	bed_close(&bed);
}

/* A gradient's engine that is not the same in every run is not even tried. */
static void test_nondeterministic(void **state)
{
	struct cudasim_costs costs = { .engines = { [ENGINE_WORKSPACE] = 2, [ENGINE_PLAIN] = 1 } };
	struct bed bed;
	(void)state;
	cudasim_set_costs(&costs);
	bed_open(&bed, true);
	assert_int_equal(try(&bed, &gradient, DT_F16).way, 1);
	assert_int_equal(cudasim_counts().engines[ENGINE_NONDETERMINISTIC], 0);
	bed_close(&bed);
}

/* ---- what is remembered, what fails ---- */

static void test_remembered(void **state)
{
	static const struct op_case *const others[] = { &wider, &gemm, &turned, &padded,
							&unpadded };
	struct bed bed;
	(void)state;
	bed_open(&bed, true);
	cudasim_set_costs(&plain_is_faster);
	uint64_t each = try(&bed, &product, DT_F32).timings;
	assert_true(each > 0);
	/* as it was timed, whatever would be the fastest now */
	cudasim_set_costs(&plain_is_slower);
	struct result again = try(&bed, &product, DT_F32);
	assert_int_equal(again.timings, 0);
	assert_int_equal(again.way, 1);
	/* another type, another shape, other attributes */
	assert_int_equal(try(&bed, &product, DT_F16).timings, each);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct result r = try(&bed, others[i], DT_F16);
		assert_int_equal(r.timings, each);
		assert_int_equal(r.way, 0);
		assert_int_equal(try(&bed, others[i], DT_F16).timings, 0);
	}
	assert_non_null(strstr(bed.backend->tuned(bed.device), "7 products and convolutions "));
	bed_close(&bed);
}

static void test_failing(void **state)
{
	static const struct op_case *const cases[] = { &product, &conv };
	struct bed bed;
	(void)state;
	for (int failing = 0; failing < 3; failing++) {
		struct cudasim_costs costs = failing ? plain_is_faster : plain_is_slower;
		if (failing != 1)
			costs.engines[ENGINE_WORKSPACE] = costs.algorithms[ALGORITHM_WORKSPACE] =
				-1;
		if (failing)
			costs.engines[ENGINE_PLAIN] = costs.algorithms[ALGORITHM_PLAIN] = -1;
		bed_open(&bed, true);
		cudasim_set_costs(&costs);
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			assert_int_equal(try(&bed, cases[i], DT_F16).way, failing == 0   ? 1
									  : failing == 1 ? 0
											 : -1);
		assert_null(bed.backend->reason(bed.device));
		bed_close(&bed);
	}
}

/* ---- sessions ---- */

static struct session_options options_of(bool autotune)
{
	static const struct trial_run run = { "", "lenet", "sgd", 4, 2, false, DT_F16 };
	struct session_options o = trial_run_options(&run, onnxtune_backend.backend);
	o.autotune = autotune;
	return o;
}

static void open_lenet(struct trial *t, struct session_options o)
{
	trial_open(t, "lenet", "model.onnx", o, 0.01);
	assert_int_equal(cudasim_memory_used(), session_memory(t->session));
}

/* Steps and an evaluation, after which there is nothing new to be timed. */
static double train(struct trial *t, int way)
{
	struct cudasim_counts before = cudasim_counts();
	double loss = 0;
	for (int64_t i = 0; i < 2; i++)
		loss += trial_step(t, 8 * i, 8).loss;
	if (way >= 0)
		assert_int_equal(way_since(&before), way);
	trial_predict(t, 0, 4);
	assert_int_equal(cudasim_counts().timings, before.timings);
	assert_int_equal(cudasim_counts().direct, before.direct);
	return loss;
}

static void test_session(void **state)
{
	struct trial t, u;
	(void)state;
	cudasim_set_costs(&plain_is_faster);
	struct cudasim_counts before = cudasim_counts();
	open_lenet(&t, options_of(false));
	struct cudasim_counts untuned = cudasim_counts();
	assert_int_equal(untuned.timings, before.timings);
	assert_null(session_tuned(t.session));
	double loss = train(&t, -1);
	before = cudasim_counts();
	session_free(t.session);
	t.session = NULL;
	open_lenet(&u, options_of(true));
	struct cudasim_counts tuned = cudasim_counts();
	assert_true(tuned.timings > before.timings);
	assert_true(tuned.captures > before.captures);
	assert_non_null(session_tuned(u.session));
	assert_true(train(&u, 1) == loss);
	trial_close(&u);
	trial_close(&t);
	cudasim_set_costs(&no_costs);
}

/*
 * The products of three layers: three forward, which the evaluation has too, three of gradients of
 * weights, two of what layers give. A session after it finds all of them.
 */
static void test_evaluation(void **state)
{
	static const struct trial_run run = { "", "mlp", "sgd", 4, 2, false, DT_F32 };
	struct session_options o = trial_run_options(&run, onnxtune_backend.backend);
	struct bed bed;
	struct trial t, u;
	(void)state;
	bed_open(&bed, true);
	o.device = bed.device;
	trial_open(&t, "mlp", "model.onnx", o, 0.01);
	assert_non_null(strstr(session_tuned(t.session), "8 products and convolutions "));
	uint64_t timings = cudasim_counts().timings;
	trial_open(&u, "mlp", "model.onnx", o, 0.01);
	assert_int_equal(cudasim_counts().timings, timings);
	trial_close(&u);
	trial_close(&t);
	bed_close(&bed);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(test_equal),      cmocka_unit_test(test_nondeterministic),
		cmocka_unit_test(test_remembered), cmocka_unit_test(test_failing),
		cmocka_unit_test(test_session),    cmocka_unit_test(test_evaluation),
	};
	struct CMUnitTest tests[ARRAY_SIZE(choices) + ARRAY_SIZE(others)];
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++)
		tests[i] = (struct CMUnitTest){ .name = choices[i].name,
						.test_func = test_choice,
						.initial_state = (void *)&choices[i] };
	memcpy(tests + ARRAY_SIZE(choices), others, sizeof others);
	return _cmocka_run_group_tests("autotune", tests, ARRAY_SIZE(tests), NULL, NULL);
}
