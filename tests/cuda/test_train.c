/*
 * test_train.c - sessions on the CUDA backend: PyTorch's losses in float32, and in float16 those of
 * the references computed in float16 on the CPU.
 */
#include "e2e/trial.h"

#include "backend/module.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define FLOOR 1e-5
#define BATCH 8 /* samples of a recorded step */

struct run {
	const char *name, *folder, *optimizer;
	int64_t micro_batch, steps;
	bool train_batch_norm;
	enum dtype half;
	double tolerance; /* of losses in half types, absolute */
};

static const struct run runs[] = {
	{ "mlp sgd", "mlp", "sgd", 8, 20, false, DT_F32, 0 },
	{ "mlp adamw in two micro-batches", "mlp", "adamw", 4, 20, false, DT_F32, 0 },
	{ "mlp in three, one short", "mlp", "adamw", 3, 20, false, DT_F32, 0 },
	{ "mlp in float16", "mlp", "sgd", 4, 20, false, DT_F16, 2e-3 },
	{ "resnet frozen", "resnet_frozen", "sgd", 8, 6, false, DT_F32, 0 },
	{ "resnet trained", "resnet_train", "adamw", 8, 3, true, DT_F32, 0 },
	{ "resnet in float16", "resnet_frozen", "sgd", 8, 6, false, DT_F16, 1e-2 },
	{ "resnet in bfloat16", "resnet_frozen", "sgd", 8, 6, false, DT_BF16, 5e-2 },
};

static void open_run(struct trial *t, const struct run *run, const struct backend *backend)
{
	bool sgd = !strcmp(run->optimizer, "sgd");
	struct session_options o = sgd ? trial_sgd() : trial_adamw();
	o.backend = backend;
	o.micro_batch = run->micro_batch;
	o.train_batch_norm = run->train_batch_norm;
	o.half = run->half;
	if (run->half == DT_F16) {
		o.loss_scale = 1024;
		o.training.dynamic_scale = true;
	}
	trial_open(t, run->folder, "model.onnx", o, sgd ? 0.01 : 1e-4);
}

static void test_full(const struct run *run, struct trial *t)
{
	double deviation = 0;
	const char *prefix = arena_printf(&t->arena, "%s/", run->optimizer);
	const struct tensor *loss32 = trial_expected(t, prefix, "loss32");
	const struct tensor *loss64 = trial_expected(t, prefix, "loss64");
	for (int64_t i = 0; i < run->steps; i++) {
		double loss = trial_recorded_step(t, i).loss, expected = tensor_get(loss64, i);
		deviation = fmax(deviation, fabs(tensor_get(loss32, i) - expected));
		if (!(fabs(loss - expected) <= fmax(FLOOR, 10 * deviation)))
			fail_msg("step %d: loss %.9g, not %.9g", (int)i, loss, expected);
	}
}

static void test_half(const struct run *run, struct trial *t)
{
	struct backend reference = reference_backend();
	struct trial r;
	open_run(&r, run, &reference);
	for (int64_t i = 0; i < run->steps; i++) {
		struct step_result now = trial_recorded_step(t, i);
		struct step_result same = trial_recorded_step(&r, i);
		if (!(fabs(now.loss - same.loss) <= run->tolerance) || now.scale != same.scale ||
		    now.skipped || same.skipped)
			fail_msg("step %d: loss %.9g, not %.9g", (int)i, now.loss, same.loss);
	}
	trial_close(&r);
}

static void test_run(void **state)
{
	const struct run *run = *state;
	struct trial t;
	open_run(&t, run, onnxtune_backend.backend);
	if (run->half == DT_F32)
		test_full(run, &t);
	else
		test_half(run, &t);
	trial_close(&t);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(runs)];
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		tests[i] = (struct CMUnitTest){ .name = runs[i].name,
						.test_func = test_run,
						.initial_state = (void *)&runs[i] };
	return _cmocka_run_group_tests("train", tests, ARRAY_SIZE(tests), NULL, NULL);
}
