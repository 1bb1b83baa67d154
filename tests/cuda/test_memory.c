/*
 * test_memory.c - sessions on a GPU with little memory: what is planned is what is allocated, the
 * micro-batch is made smaller before anything is, and what can't be is refused. One device is open
 * for all that is tried.
 */
#include "cudasim/cudasim.h"
#include "e2e/trial.h"

#include "api/fit.h"
#include "backend/module.h"
#include "base/number.h"
#include "passes/bind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define WISHED 64
#define RESERVED ((size_t)512 << 20) /* what the backend leaves to the libraries */

/* The backend with its open and close counted. */
static struct backend counting;
static int opened, closed;

static enum status open_counted(const struct backend_options *options, struct device **out,
				struct error *err)
{
	opened++;
	return onnxtune_backend.backend->open(options, out, err);
}

static void close_counted(struct device *device)
{
	closed++;
	onnxtune_backend.backend->close(device);
}

struct bed {
	struct trial trial;
	struct config config;
	struct shape shape;
	struct fit fit;
	struct session *session;
	struct problems problems;
	struct error err;
};

static enum status shapes_at(void *ctx, int64_t micro_batch, const struct shape **out,
			     struct error *err)
{
	struct bed *b = ctx;
	*out = &b->shape;
	return bind_shapes(b->trial.model->graph, micro_batch, NULL, 0, &b->shape, err);
}

/* A GPU of which so many bytes may be planned with; a tenth more is kept back. */
static void set_memory(uint64_t bytes)
{
	size_t memory = RESERVED + (size_t)((double)bytes / 0.9) + 1;
	cudasim_set_devices(&(struct cudasim_devices){ 1, 8, 0, memory });
}

static void bed_open(struct bed *b)
{
	counting = *onnxtune_backend.backend;
	counting.open = open_counted;
	counting.close = close_counted;
	*b = (struct bed){ .config = { .micro_batch = CONFIG_AUTO, .accumulate = CONFIG_AUTO } };
	trial_open(&b->trial, "lenet", "model.onnx", trial_sgd(), 0.01);
	session_free(b->trial.session);
	b->trial.session = NULL;
	opened = closed = 0;
}

static void bed_close(struct bed *b)
{
	b->trial.session = NULL;
	trial_close(&b->trial);
	assert_int_equal(cudasim_memory_used(), 0);
	assert_int_equal(opened, closed);
}

static enum status fit(struct bed *b, int64_t micro_batch)
{
	struct session_options o = trial_sgd();
	o.backend = &counting;
	o.integer_labels = true;
	b->fit = (struct fit){ .config = &b->config,
			       .model = b->trial.model,
			       .options = o,
			       .window = WISHED,
			       .micro_batch = micro_batch,
			       .shapes = shapes_at,
			       .ctx = b };
	opened = closed = 0;
	b->problems.total = 0;
	enum status status = fit_session(&b->fit, &b->session, &b->problems, &b->err);
	assert_int_equal(opened, 1);
	assert_int_equal(closed, status != OK);
	assert_int_equal(cudasim_memory_used(), 0);
	return status;
}

/* What the plan takes on a GPU with plenty of memory. */
static uint64_t planned_at(struct bed *b, int64_t micro_batch)
{
	set_memory((uint64_t)400 << 20);
	expect_ok(fit(b, micro_batch), &b->err);
	assert_int_equal(b->fit.micro_batch, micro_batch);
	session_free(b->session);
	return b->fit.planned;
}

/* A step in micro-batches as planned, within the planned memory. */
static void train(struct bed *b)
{
	double rates[20] = { 0 };
	expect_ok(session_start(b->session, &b->err), &b->err);
	expect_ok(session_set_rates(b->session, rates, &b->err), &b->err);
	size_t used = cudasim_memory_used();
	assert_int_equal(used, b->fit.planned);
	b->trial.session = b->session;
	b->trial.micro_batch = b->fit.micro_batch;
	trial_step(&b->trial, 0, 8);
	assert_int_equal(cudasim_memory_used(), used);
	session_free(b->session);
}

static void test_whole(void **state)
{
	struct bed b;
	(void)state;
	bed_open(&b);
	uint64_t bytes = planned_at(&b, WISHED);
	set_memory(bytes);
	expect_ok(fit(&b, WISHED), &b.err);
	assert_int_equal(b.fit.micro_batch, WISHED);
	assert_int_equal(b.fit.planned, bytes);
	train(&b);
	bed_close(&b);
}

static void test_smaller(void **state)
{
	struct bed b;
	(void)state;
	bed_open(&b);
	uint64_t bytes = planned_at(&b, WISHED);
	set_memory(bytes - 1);
	expect_ok(fit(&b, WISHED), &b.err);
	assert_int_equal(b.fit.micro_batch, WISHED / 2);
	assert_true(b.fit.planned < bytes);
	train(&b);
	bed_close(&b);
}

static void test_option(void **state)
{
	struct bed b;
	(void)state;
	bed_open(&b);
	uint64_t bytes = planned_at(&b, WISHED);
	b.config.memory.bytes = (int64_t)bytes - 1;
	expect_ok(fit(&b, WISHED), &b.err);
	assert_int_equal(b.fit.micro_batch, WISHED / 2);
	train(&b);
	bed_close(&b);
}

static void test_refused(void **state)
{
	struct bed b;
	char least[SIZE_TEXT];
	(void)state;
	bed_open(&b);
	set_memory(planned_at(&b, 1) - 1);
	assert_int_equal(fit(&b, WISHED), ERR_MEMORY);
	size_format(b.fit.limit, least);
	if (!strstr(b.err.text, "a micro-batch of 1 takes ") ||
	    !strstr(b.err.text, "the device has ") || !strstr(b.err.text, least))
		fail_msg("%s", b.err.text);
	b.config.memory.bytes = 1 << 10;
	assert_int_equal(fit(&b, WISHED), ERR_MEMORY);
	if (!strstr(b.err.text, "--memory is 1.0 KiB (--memory="))
		fail_msg("%s", b.err.text);
	bed_close(&b);
}

/* Other processes may have taken what the GPU has. */
static void test_taken(void **state)
{
	struct bed b;
	(void)state;
	bed_open(&b);
	planned_at(&b, 1);
	expect_ok(fit(&b, 1), &b.err);
	cudasim_set_devices(&(struct cudasim_devices){ 1, 8, 0, 20 << 10 });
	assert_int_equal(session_start(b.session, &b.err), ERR_MEMORY);
	if (!strstr(b.err.text, " on the GPU, which has 20.0 KiB, of which ") ||
	    !strstr(b.err.text, " are free"))
		fail_msg("%s", b.err.text);
	session_free(b.session);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),  cmocka_unit_test(test_smaller),
		cmocka_unit_test(test_option), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_taken),
	};
	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
