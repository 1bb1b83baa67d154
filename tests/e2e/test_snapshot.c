/*
 * test_snapshot.c - steps that are taken back leave no trace: all variables have their bits again, and
 * the steps and outputs that follow are those of a session that never tried.
 */
#include "train/snapshot.h"
#include "trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct subject {
	const char *folder;
	bool adamw, train_batch_norm;
	enum dtype half;
};

static void open_subject(const struct subject *s, struct trial *t)
{
	struct session_options o = s->adamw ? trial_adamw() : trial_sgd();
	o.half = s->half;
	o.train_batch_norm = s->train_batch_norm;
	o.training.ema = 0.5;
	if (s->half == DT_F16) {
		o.training.dynamic_scale = true;
		o.loss_scale = 65536;
	}
	trial_open(t, s->folder, "model.onnx", o, 0.01);
}

static void expect_same_variables(const struct trial *a, const struct trial *b)
{
	const struct variables *x = &a->session->vars, *y = &b->session->vars;
	assert_int_equal(x->list.n, y->list.n);
	for (uint32_t i = 0; i < x->list.n; i++)
		if (memcmp(x->list.v[i].t.data, y->list.v[i].t.data, x->list.v[i].bytes))
			fail_msg("%s differs", x->list.v[i].name);
}

static void nothing_stays(void **state)
{
	struct trial tried, plain;
	struct snapshot snapshot;
	struct error err;
	open_subject(*state, &tried);
	open_subject(*state, &plain);
	(void)trial_recorded_step(&tried, 0);
	(void)trial_recorded_step(&plain, 0);
	expect_ok(snapshot_take(tried.session, &snapshot, &err), &err);
	for (int64_t i = 1; i < 4; i++)
		(void)trial_recorded_step(&tried, i);
	expect_ok(snapshot_restore(&snapshot, tried.session, &err), &err);
	snapshot_release(&snapshot);
	expect_same_variables(&tried, &plain);
	struct tensor a = trial_predict(&tried, 0, 8), b = trial_predict(&plain, 0, 8);
	assert_memory_equal(a.data, b.data, tensor_bytes(&a));
	for (int64_t i = 1; i < 4; i++)
		assert_true(trial_recorded_step(&tried, i).loss ==
			    trial_recorded_step(&plain, i).loss);
	expect_same_variables(&tried, &plain);
	trial_close(&tried);
	trial_close(&plain);
}

int main(void)
{
	static const struct subject subjects[] = {
		{ "mlp", true, false, DT_F32 },
		{ "lenet", false, false, DT_F16 },
		{ "resnet_train", true, true, DT_F32 },
		{ "vit", true, false, DT_BF16 },
	};
	struct CMUnitTest tests[ARRAY_SIZE(subjects)];
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		tests[i] = (struct CMUnitTest){ .name = subjects[i].folder,
						.test_func = nothing_stays,
						.initial_state = (void *)&subjects[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
