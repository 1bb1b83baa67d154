/*
 * test_mockdev.c - sessions on the mock device (mockdev/mockdev.h), whose memory the host can't
 * touch and which runs captured work late: to the bits of the references on the CPU, to PyTorch's
 * losses, without a misuse, also where things go wrong.
 */
#include "mockdev/mockdev.h"
#include "trial.h"

#include "passes/bind.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BATCH 8 /* samples of a recorded step */

struct run {
	struct trial_run run;
	int64_t samples; /* of a window, 0: a recorded step, whose loss is compared */
};

static const struct run runs[] = {
	{ { "mlp sgd", "mlp", "sgd", 8, 20, false, DT_F32 }, 0 },
	{ { "mlp adamw", "mlp", "adamw", 8, 20, false, DT_F32 }, 0 },
	{ { "mlp in two micro-batches", "mlp", "sgd", 4, 20, false, DT_F32 }, 0 },
	{ { "mlp in three, one short", "mlp", "adamw", 3, 20, false, DT_F32 }, 0 },
	{ { "mlp stored as float16", "mlp_fp16", "sgd", 8, 20, false, DT_F32 }, 0 },
	{ { "mlp in float16", "mlp", "sgd", 4, 5, false, DT_F16 }, 8 },
	{ { "resnet frozen", "resnet_frozen", "sgd", 8, 20, false, DT_F32 }, 0 },
	{ { "resnet frozen in micro-batches", "resnet_frozen", "sgd", 4, 6, false, DT_F32 }, 0 },
	{ { "resnet trained", "resnet_train", "adamw", 8, 20, true, DT_F32 }, 0 },
	{ { "resnet trained, short batch", "resnet_train", "sgd", 4, 3, true, DT_BF16 }, 6 },
};

static const struct run early_runs[] = {
	{ { "mlp, early updates", "mlp", "adamw", 8, 20, false, DT_F32 }, 0 },
	{ { "resnet frozen, early updates", "resnet_frozen", "sgd", 8, 6, false, DT_F32 }, 0 },
	{ { "resnet trained, early updates", "resnet_train", "sgd", 4, 3, true, DT_BF16 }, 3 },
};

static void expect_no_misuse(struct trial *t)
{
	struct error err;
	if (mock_misused(t->session->device, &err))
		fail_msg("%s", err.text);
}

static void expect_same(const struct tensor *a, const struct tensor *b, const char *what)
{
	if (memcmp(a->data, b->data, tensor_bytes(a)))
		fail_msg("%s differs by %.3g", what, relative_norm(a, b));
}

static void test_gradients(struct trial *t, struct trial *r)
{
	for (uint32_t k = 0; k < t->session->n_parameters; k++) {
		const char *name = t->session->parameters[k];
		struct tensor y = trial_gradient(t, name), z = trial_gradient(r, name);
		expect_same(&y, &z, name);
	}
}

static void test_run_with(const struct run *run,
			  void (*open)(struct trial *t, const struct trial_run *run,
				       const struct backend *backend))
{
	struct backend reference = reference_backend();
	struct trial t, r;
	open(&t, &run->run, &backend_mock);
	open(&r, &run->run, &reference);
	for (int64_t i = 0; i < run->run.steps; i++) {
		int64_t first = i * BATCH % t.x->shape.dim[0];
		int64_t n = run->samples ? run->samples : BATCH;
		struct step_result now = trial_step(&t, first, n);
		struct step_result same = trial_step(&r, first, n);
		if (!isfinite(now.loss) || now.loss != same.loss || now.norm != same.norm ||
		    now.scale != same.scale || now.skipped || same.skipped)
			fail_msg("step %d: loss %.9g, norm %.9g, not %.9g, %.9g", (int)i, now.loss,
				 now.norm, same.loss, same.norm);
		if (!run->samples)
			trial_expect_loss(&t, run->run.optimizer, i, now.loss);
	}
	trial_expect_equal(&t, &r, "");
	struct tensor y = trial_predict(&t, 0, BATCH), z = trial_predict(&r, 0, BATCH);
	expect_same(&y, &z, "the output");
	if (!t.session->early)
		test_gradients(&t, &r);
	/* All of it was captured once and launched. */
	struct mock_counts counts = mock_counts(t.session->device);
	assert_int_equal(counts.direct, 0);
	assert_in_range(counts.captures, 5, 20);
	assert_true(counts.launches >= (uint64_t)run->run.steps * 2);
	expect_no_misuse(&t);
	trial_close(&t);
	trial_close(&r);
}

static void test_run(void **state)
{
	test_run_with(*state, trial_open_run);
}

static void test_early(void **state)
{
	test_run_with(*state, trial_open_early);
}

/* A short batch is planned apart, with copies of the weights of its own that follow each step. */
static void test_short_batches(void **state)
{
	static const struct trial_run whole = { "", "resnet_train", "sgd", 2, 3, true, DT_BF16 };
	struct trial_run part = whole;
	struct trial a, b;
	(void)state;
	part.micro_batch = 4;
	trial_open_run(&a, &whole, &backend_mock);
	trial_open_run(&b, &part, &backend_mock);
	for (int64_t i = 0; i < whole.steps; i++) {
		double x = trial_step(&a, i * 2, 2).loss, y = trial_step(&b, i * 2, 2).loss;
		if (x != y)
			fail_msg("step %d: loss %.9g, not %.9g", (int)i, y, x);
	}
	trial_expect_equal(&a, &b, "");
	expect_no_misuse(&b);
	trial_close(&a);
	trial_close(&b);
}

/* Factors instead of the last weight, behind a beginning whose features are kept. */
static void open_parts(struct trial *t, const struct backend *backend)
{
	static const char *const none[] = { NULL }, *const last[] = { "last:1", NULL };
	struct session_options o = trial_adamw();
	struct error err;
	o.backend = backend;
	o.micro_batch = 3;
	o.freeze = none;
	o.train_only = last;
	o.lora = (struct lora_options){ .rank = 2, .alpha = 4 };
	o.cache_features = true;
	trial_open(t, "resnet_frozen", "model.onnx", o, 1e-2);
	assert_true(t->session->features.on);
	expect_ok(session_cache_features(t->session, 32, 1 << 20, &err), &err);
}

static void test_parts(void **state)
{
	(void)state;
	struct backend reference = reference_backend();
	struct onnx_change *x, *y;
	struct trial t, r;
	struct error err;
	uint32_t n, m;
	open_parts(&t, &backend_mock);
	open_parts(&r, &reference);
	for (int64_t i = 0; i < 6; i++) {
		double a = trial_step(&t, i % 3, 8).loss, b = trial_step(&r, i % 3, 8).loss;
		if (a != b)
			fail_msg("step %d: loss %.9g, not %.9g", (int)i, a, b);
	}
	trial_expect_equal(&t, &r, "");
	expect_ok(session_changes(t.session, &t.arena, &x, &n, &err), &err);
	expect_ok(session_changes(r.session, &r.arena, &y, &m, &err), &err);
	assert_int_equal(n, 1);
	assert_int_equal(m, 1);
	assert_memory_equal(x->data, y->data, 5 * 16 * sizeof(float));
	expect_no_misuse(&t);
	trial_close(&t);
	trial_close(&r);
}

/* What session_micro_batch was given is the caller's again, also after an error. */
static void test_refused_labels(void **state)
{
	(void)state;
	struct trial t;
	struct error err;
	trial_open_run(&t, &runs[0].run, &backend_mock);
	struct tensor x = tensor_new(&t.arena, DT_F32, &t.x->shape);
	struct tensor labels = tensor_new(&t.arena, DT_F64, &SHAPE(32));
	struct tensor weights = tensor_new(&t.arena, DT_F32, &SHAPE(32));
	expect_ok(session_begin_window(t.session, 8, &err), &err);
	assert_int_equal(session_micro_batch(t.session, &x, &labels, &weights, 8, &err), ERR_INPUT);
	memset(x.data, 1, tensor_bytes(&x));
	expect_ok(t.session->vars.backend->stream_wait(t.session->stream, &err), &err);
	x.shape.dim[1]++;
	struct tensor y = { 0 };
	assert_int_equal(session_predict(t.session, &x, &y, &err), ERR_INPUT);
	expect_no_misuse(&t);
	trial_close(&t);
}

/* ---- a device that fails ---- */

static int calls_left; /* until one fails */

static enum status failing_alloc(struct device *device, size_t bytes, void **out, struct error *err)
{
	if (!calls_left--)
		return (fail)(err, ERR_MEMORY, "no memory");
	return backend_mock.alloc(device, bytes, out, err);
}

static enum status failing_copy_in(struct stream *stream, void *dst, const void *host, size_t bytes)
{
	return calls_left-- ? backend_mock.copy_in(stream, dst, host, bytes) : ERR_IO;
}

static enum status failing_capture_end(struct stream *stream, struct capture **out,
				       struct error *err)
{
	TRY(backend_mock.capture_end(stream, out, err));
	if (calls_left--)
		return OK;
	backend_mock.capture_free(*out);
	*out = NULL;
	return (fail)(err, ERR_IO, "no capture");
}

static enum status failing_stream_new(struct device *device, struct stream **out, struct error *err)
{
	if (!calls_left--)
		return (fail)(err, ERR_IO, "no stream");
	return backend_mock.stream_new(device, out, err);
}

/* Opens a session again and again, each time with another call of one function of the backend that
 * fails; nothing may be left or misused. */
static void try_failures(const struct backend *backend, int least, bool parts)
{
	const char *only[] = { NULL }, *last[] = { "last:1", NULL };
	struct session_options o = trial_adamw();
	struct model *model;
	struct problems problems = { 0 };
	struct arena arena;
	struct error err = { 0 };
	struct shape shape;
	arena_init(&arena);
	expect_ok(model_load(trial_path(&arena, "models/resnet_train/model.onnx"), &model,
			     &problems, &err),
		  &err);
	o.backend = backend;
	o.integer_labels = true;
	o.freeze = only;
	if (parts) {
		o.train_only = last;
		o.lora = (struct lora_options){ .rank = 2, .alpha = 2 };
		o.cache_features = true;
	}
	expect_ok(bind_shapes(model->graph, o.micro_batch, NULL, 0, &shape, &err), &err);
	o.shapes = &shape;
	int failures = 0;
	struct session *session = NULL;
	while (!session) {
		calls_left = failures;
		problems = (struct problems){ 0 };
		if (session_open(model, &o, &session, &problems, &err) == OK)
			break;
		assert_int_equal(problems.total, 1);
		assert_true(*problems.list[0].text);
		failures++;
		/* Every one of the first, then some: each opens a whole session. */
		if (failures > 12)
			failures += failures / 4;
	}
	assert_true(failures >= least);
	session_free(session);
	model_free(model);
	arena_release(&arena);
}

static void test_failing_device(void **state)
{
	(void)state;
	struct backend backend = backend_mock;
	backend.alloc = failing_alloc;
	try_failures(&backend, 12, false);
	try_failures(&backend, 12, true);
	backend = backend_mock;
	backend.copy_in = failing_copy_in;
	try_failures(&backend, 12, false);
	backend = backend_mock;
	backend.capture_end = failing_capture_end;
	try_failures(&backend, 3, false);
	backend = backend_mock;
	backend.stream_new = failing_stream_new;
	try_failures(&backend, 1, false);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(runs) + ARRAY_SIZE(early_runs) + 4];
	uint32_t n = 0;
	for (; n < ARRAY_SIZE(runs); n++)
		tests[n] = (struct CMUnitTest){ .name = runs[n].run.name,
						.test_func = test_run,
						.initial_state = (void *)&runs[n] };
	for (size_t k = 0; k < ARRAY_SIZE(early_runs); k++)
		tests[n++] = (struct CMUnitTest){ .name = early_runs[k].run.name,
						  .test_func = test_early,
						  .initial_state = (void *)&early_runs[k] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_short_batches);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_parts);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_refused_labels);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_failing_device);
	return _cmocka_run_group_tests("mockdev", tests, n, NULL, NULL);
}
