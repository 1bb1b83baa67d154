/*
 * test_ahead.c - steps on a GPU that the host does not wait for: their results come later, and are
 * those of steps that are waited for; nothing but a result waits for the GPU; and a run tells all of
 * them in their order, before it evaluates, keeps a checkpoint or ends.
 */
#include "backend/module.h"
#include "cli/commands.h"
#include "cudasim/command.h"
#include "cudasim/cudasim.h"
#include "e2e/trial.h"
#include "support/data_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 7, BATCH = 8 };

static const struct trial_run run = {
	"steps that run ahead", "mlp", "adamw", BATCH / 2, STEPS, false, DT_F16
};

static void expect_same(const struct step_result *a, const struct step_result *b)
{
	assert_int_equal(a->step, b->step);
	assert_int_equal(a->good_steps, b->good_steps);
	assert_int_equal(a->skipped, b->skipped);
	assert_int_equal(a->skips, b->skips);
	assert_true(a->loss == b->loss);
	assert_true(a->norm == b->norm);
	assert_true(a->rate == b->rate);
	assert_true(a->scale == b->scale);
}

static void open_run(struct trial *t)
{
	struct session_options o = trial_run_options(&run, onnxtune_backend.backend);
	o.loss_scale = 0x1p20f; /* the first steps are skipped */
	trial_open(t, run.folder, "model.onnx", o, 0.01);
}

static void test_results(void **state)
{
	struct step_result expected[STEPS], r;
	struct trial t;
	struct error err;
	(void)state;
	open_run(&t);
	for (int i = 0; i < STEPS; i++)
		expected[i] = trial_step(&t, 0, BATCH);
	trial_close(&t);
	assert_true(expected[0].skipped && !expected[STEPS - 1].skipped);

	open_run(&t);
	assert_int_equal(session_ahead(t.session), RESULTS_AHEAD);
	trial_step(&t, 0, BATCH); /* the first one prepares */
	struct cudasim_counts before = cudasim_counts();
	int taken = 1;
	for (int i = 1; i < STEPS; i++) {
		trial_queue_step(&t, 0, BATCH);
		if (session_pending(t.session) <= session_ahead(t.session))
			continue;
		expect_ok(session_result(t.session, &r, &err), &err);
		expect_same(&r, &expected[taken++]);
	}
	assert_int_equal(session_pending(t.session), RESULTS_AHEAD);
	while (session_pending(t.session)) {
		expect_ok(session_result(t.session, &r, &err), &err);
		expect_same(&r, &expected[taken++]);
	}
	assert_int_equal(taken, STEPS);
	struct cudasim_counts after = cudasim_counts();
	assert_int_equal(after.streams, before.streams);
	/* one wait for the result of each step, and one until each parcel of the feed is free again */
	assert_int_equal(after.events - before.events, 3 * (STEPS - 1));
	trial_close(&t);
}

/* ---- a whole run ---- */

static const char *line(const char *text, int n)
{
	while (n-- > 0 && text)
		text = strchr(text, '\n') + 1;
	return text;
}

static void test_log(void **state)
{
	char *folder = make_folder(), *says, text[64];
	char *model = source_path("models/mlp/model.onnx"),
	     *data = source_path("models/mlp/data.npz");
	char *output = mem_printf("%s/o.onnx", folder), *log = mem_printf("%s/log.jsonl", folder);
	char *checkpoints = mem_printf("%s/checkpoints", folder);
	char *argv[] = { "onnxtune",  model,
			 data,        "-o",
			 output,      "--quiet",
			 "--force",   "--device",
			 "cuda",      "--epochs",
			 "3",         "--batch-size",
			 "4",         "--log",
			 log,         "--checkpoint",
			 checkpoints, "--checkpoint-every",
			 "3",         "--eval-every",
			 "4",         NULL };
	size_t bytes;
	(void)state;
	int status = command_line_run(argv, &says);
	if (status != EXIT_DONE || *says)
		fail_msg("status %d: %s", status, says);
	char *told = (char *)read_bytes(log, &bytes);
	assert_non_null(told);
	int steps = 0;
	for (size_t i = 0; i < bytes; i++)
		steps += told[i] == '\n';
	assert_true(steps > 3 * RESULTS_MAX);
	for (int i = 0; i < steps; i++) {
		snprintf(text, sizeof text, "{\"step\":%d,\"epoch\":%d,", i + 1,
			 1 + i / (steps / 3));
		if (strncmp(line(told, i), text, strlen(text)))
			fail_msg("line %d does not start with %s: %.60s", i + 1, text,
				 line(told, i));
	}
	free(told);
	free(says);
	free(model);
	free(data);
	free(output);
	free(log);
	free(checkpoints);
	remove_folder(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_log),
	};
	return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
