/*
 * test_averages.c - moving averages of the weights in a session: they follow the weights, are what is
 * evaluated and written, and leave training as it is.
 */
#include "trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 6
#define DECAY 0.75

static void open_pair(struct trial *plain, struct trial *averaged, const char *folder)
{
	struct session_options o = trial_sgd();
	trial_open(plain, folder, "model.onnx", o, 0.05);
	o.training.ema = DECAY;
	trial_open(averaged, folder, "model.onnx", o, 0.05);
}

static void expect_close(const struct tensor *a, const struct tensor *b, const char *name)
{
	double error = relative_norm(a, b);
	if (!(error < 1e-6))
		fail_msg("%s: differs by %g", name, error);
}

/* average = average + (w - average) (1 - DECAY), the first time w; in double. */
static void follow(struct tensor *average, const struct tensor *w, bool first)
{
	for (int64_t i = 0, n = shape_elements(&w->shape); i < n; i++) {
		double a = tensor_get(average, i), x = tensor_get(w, i);
		tensor_set(average, i, first ? x : a + (x - a) * (1 - DECAY));
	}
}

static void averages_follow_weights(void **state)
{
	struct trial plain, averaged;
	struct tensor want[32];
	open_pair(&plain, &averaged, *state);
	uint32_t n = averaged.session->n_parameters;
	assert_true(n > 0 && n <= ARRAY_SIZE(want));
	/* before any step the averages are the weights of the file */
	struct tensor a = trial_predict(&averaged, 0, 8), b = trial_predict(&plain, 0, 8);
	assert_memory_equal(a.data, b.data, tensor_bytes(&a));
	for (int step = 0; step < STEPS; step++) {
		struct step_result r = trial_recorded_step(&averaged, step);
		assert_true(r.loss == trial_recorded_step(&plain, step).loss);
		for (uint32_t k = 0; k < n; k++) {
			const char *name = averaged.session->parameters[k];
			struct tensor w = trial_variable(&averaged, "", name);
			if (!step)
				want[k] = tensor_new(&averaged.arena, DT_F64, &w.shape);
			follow(&want[k], &w, !step);
			w = trial_variable(&averaged, AVERAGE_PREFIX, name);
			expect_close(&w, &want[k], name);
		}
	}
	trial_expect_equal(&plain, &averaged, "");
	trial_close(&plain);
	trial_close(&averaged);
}

static void averages_are_written(void **state)
{
	struct trial plain, averaged;
	struct onnx_change *changes;
	struct error err;
	uint32_t n;
	open_pair(&plain, &averaged, *state);
	for (int step = 0; step < STEPS; step++) {
		(void)trial_recorded_step(&averaged, step);
		(void)trial_recorded_step(&plain, step);
	}
	struct tensor of_averages = trial_predict(&averaged, 0, 8);
	struct tensor of_weights = trial_predict(&plain, 0, 8);
	assert_memory_not_equal(of_averages.data, of_weights.data, tensor_bytes(&of_weights));
	expect_ok(session_changes(averaged.session, &averaged.arena, &changes, &n, &err), &err);
	assert_int_equal(n, averaged.session->n_parameters);
	/* The averages as weights of another session give what was evaluated. */
	const struct session *s = plain.session;
	for (uint32_t k = 0; k < s->n_parameters; k++) {
		struct tensor a = trial_variable(&averaged, AVERAGE_PREFIX, s->parameters[k]);
		expect_ok(variable_write(&s->vars, variables_find(&s->vars, s->parameters[k]),
					 a.data, &err),
			  &err);
	}
	plain.session->stale = true;
	of_weights = trial_predict(&plain, 0, 8);
	assert_memory_equal(of_averages.data, of_weights.data, tensor_bytes(&of_weights));
	trial_close(&plain);
	trial_close(&averaged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "mlp: follow", averages_follow_weights, NULL, NULL, (void *)"mlp" },
		{ "lenet: follow", averages_follow_weights, NULL, NULL, (void *)"lenet" },
		{ "resnet: follow", averages_follow_weights, NULL, NULL, (void *)"resnet_frozen" },
		{ "mlp: written", averages_are_written, NULL, NULL, (void *)"mlp" },
		{ "mlp_fp16: written", averages_are_written, NULL, NULL, (void *)"mlp_fp16" },
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
