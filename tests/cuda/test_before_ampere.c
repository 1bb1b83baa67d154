/*
 * test_before_ampere.c - bfloat16 on a GPU that does not compute in it: what is rounded to it is multiplied
 * in float32, and training comes to what the references come to.
 */
#include "e2e/trial.h"

#include "backend/module.h"
#include "cudasim/cudasim.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct trial_run runs[] = {
	{ "mlp", "mlp", "sgd", 4, 20, false, DT_BF16 },
	{ "lenet", "lenet", "adamw", 8, 3, false, DT_BF16 },
	{ "vit", "vit", "adamw", 8, 2, false, DT_BF16 },
};

static void test_run(void **state)
{
	const struct trial_run *run = *state;
	struct backend reference = reference_backend();
	struct trial t, r;
	cudasim_set_devices(&(struct cudasim_devices){ 1, 7, 5, (size_t)1 << 30 });
	trial_open_run(&t, run, onnxtune_backend.backend);
	trial_open_run(&r, run, &reference);
	for (int64_t i = 0; i < run->steps; i++) {
		struct step_result now = trial_recorded_step(&t, i);
		struct step_result same = trial_recorded_step(&r, i);
		assert_false(now.skipped);
		if (!(fabs(now.loss - same.loss) <= 2e-2))
			fail_msg("step %d: loss %.9g, not %.9g", (int)i, now.loss, same.loss);
	}
	trial_close(&r);
	trial_close(&t);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(runs)];
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		tests[i] = (struct CMUnitTest){ .name = runs[i].name,
						.test_func = test_run,
						.initial_state = (void *)&runs[i] };
	return _cmocka_run_group_tests("before Ampere", tests, ARRAY_SIZE(tests), NULL, NULL);
}
