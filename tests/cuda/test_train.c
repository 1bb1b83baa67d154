/*
 * test_train.c - sessions on the CUDA backend. In float32: PyTorch's losses and first gradients. In
 * half types, and for models without recorded results: the losses and gradients of the references,
 * computed in the same types on the CPU. With each optimizer: the weights that the references come to.
 */
#include "e2e/trial.h"

#include "backend/module.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define BATCH 8 /* samples of a step without recorded results */
#define DEMO "data/demo/ppocr_cls.onnx"

/* How far a run may be from the reference. */
struct distance {
	double loss;     /* absolute */
	double gradient; /* of all parameters together, relative */
};

static const struct distance recorded; /* compared with PyTorch instead */
static const struct distance f32 = { 1e-5, 1e-5 }, f16 = { 2e-3, 1e-2 }, bf16 = { 2e-2, 3e-2 };
/* The demo's gradients in half types are themselves 0.15 and 0.18 from those in float32. */
static const struct distance deep16 = { 2e-3, 5e-2 }, deep_b16 = { 2e-2, 2e-1 };

struct run {
	struct trial_run run;
	const struct distance *distance;
	bool demo; /* on random images; folder is the file of the model */
};

static const struct run runs[] = {
	{ { "mlp sgd", "mlp", "sgd", 8, 20, false, DT_F32 }, &recorded, false },
	{ { "mlp adamw in two micro-batches", "mlp", "adamw", 4, 20, false, DT_F32 },
	  &recorded,
	  false },
	{ { "mlp in three, one short", "mlp", "adamw", 3, 20, false, DT_F32 }, &recorded, false },
	{ { "mlp in float16", "mlp", "sgd", 4, 20, false, DT_F16 }, &f16, false },
	{ { "mlp in bfloat16", "mlp", "sgd", 4, 20, false, DT_BF16 }, &bf16, false },
	{ { "lenet", "lenet", "adamw", 8, 6, false, DT_F32 }, &recorded, false },
	{ { "lenet in float16", "lenet", "adamw", 8, 6, false, DT_F16 }, &f16, false },
	{ { "lenet in bfloat16", "lenet", "adamw", 8, 6, false, DT_BF16 }, &bf16, false },
	{ { "resnet frozen", "resnet_frozen", "sgd", 8, 6, false, DT_F32 }, &recorded, false },
	{ { "resnet trained", "resnet_train", "adamw", 8, 3, true, DT_F32 }, &recorded, false },
	{ { "resnet in float16", "resnet_frozen", "sgd", 8, 6, false, DT_F16 }, &f16, false },
	{ { "resnet in bfloat16", "resnet_frozen", "sgd", 8, 6, false, DT_BF16 }, &bf16, false },
	{ { "vit", "vit", "adamw", 8, 3, false, DT_F32 }, &recorded, false },
	{ { "vit in float16", "vit", "adamw", 8, 3, false, DT_F16 }, &f16, false },
	{ { "vit in bfloat16", "vit", "adamw", 8, 3, false, DT_BF16 }, &bf16, false },
	{ { "lstm", "lstm", "adamw", 8, 6, false, DT_F32 }, &recorded, false },
	{ { "lstm in two micro-batches", "lstm", "sgd", 4, 6, false, DT_F32 }, &recorded, false },
	{ { "lstm in float16", "lstm", "sgd", 8, 6, false, DT_F16 }, &f16, false },
	{ { "lstm in bfloat16", "lstm", "sgd", 8, 6, false, DT_BF16 }, &bf16, false },
	{ { "demo", DEMO, "adamw", 4, 2, false, DT_F32 }, &f32, true },
	{ { "demo in float16", DEMO, "adamw", 4, 1, false, DT_F16 }, &deep16, true },
	{ { "demo in bfloat16", DEMO, "adamw", 4, 1, false, DT_BF16 }, &deep_b16, true },
};

static void open_run(struct trial *t, const struct run *run, const struct backend *backend)
{
	if (run->demo)
		trial_open_random(t, run->run.folder, &SHAPE(BATCH, 3, 48, 32), 2,
				  trial_run_options(&run->run, backend), 1e-3);
	else
		trial_open_run(t, &run->run, backend);
}

static struct step_result step(struct trial *t, const struct run *run, int64_t i)
{
	return run->demo ? trial_step(t, i * BATCH, BATCH) : trial_recorded_step(t, i);
}

/* Norm of the difference between the gradients of all parameters in relation to b's. */
static double gradient_distance(struct trial *a, struct trial *b)
{
	double difference = 0, norm = 0;
	for (uint32_t k = 0; k < a->session->n_parameters; k++) {
		const char *name = a->session->parameters[k];
		struct tensor x = trial_gradient(a, name), y = trial_gradient(b, name);
		for (int64_t i = 0; i < shape_elements(&y.shape); i++) {
			double g = tensor_get(&y, i), d = tensor_get(&x, i) - g;
			difference += d * d;
			norm += g * g;
		}
	}
	return sqrt(difference / norm);
}

static void test_recorded(const struct run *run, struct trial *t)
{
	for (int64_t i = 0; i < run->run.steps; i++) {
		trial_expect_loss(t, run->run.optimizer, i, step(t, run, i).loss);
		if (i == 0)
			trial_expect_gradients(t);
	}
}

static void test_reference(const struct run *run, struct trial *t)
{
	struct backend reference = reference_backend();
	struct trial r;
	open_run(&r, run, &reference);
	for (int64_t i = 0; i < run->run.steps; i++) {
		struct step_result now = step(t, run, i), same = step(&r, run, i);
		double d = i ? 0 : gradient_distance(t, &r);
		if (!(fabs(now.loss - same.loss) <= run->distance->loss) ||
		    now.scale != same.scale || now.skipped || same.skipped)
			fail_msg("step %d: loss %.9g, not %.9g", (int)i, now.loss, same.loss);
		if (!(d <= run->distance->gradient))
			fail_msg("gradients deviate by %.3g", d);
	}
	trial_close(&r);
}

static void test_run(void **state)
{
	const struct run *run = *state;
	struct trial t;
	open_run(&t, run, onnxtune_backend.backend);
	if (run->distance == &recorded)
		test_recorded(run, &t);
	else
		test_reference(run, &t);
	trial_close(&t);
}

/* ---- optimizers ---- */

struct update {
	const char *name;
	enum optimizer_kind kind;
	double rate, momentum;
	bool centered;
};

static const struct update updates[] = {
	{ "sgd", OPTIMIZER_SGD, 1e-2, 0, false },
	{ "adam", OPTIMIZER_ADAM, 1e-3, 0, false },
	{ "rmsprop", OPTIMIZER_RMSPROP, 1e-3, 0, false },
	{ "rmsprop with momentum", OPTIMIZER_RMSPROP, 1e-3, 0.9, false },
	{ "rmsprop, centered", OPTIMIZER_RMSPROP, 1e-3, 0, true },
	{ "rmsprop, centered with momentum", OPTIMIZER_RMSPROP, 1e-3, 0.9, true },
	{ "adagrad", OPTIMIZER_ADAGRAD, 1e-2, 0, false },
	{ "nadam", OPTIMIZER_NADAM, 1e-3, 0, false },
	{ "lamb", OPTIMIZER_LAMB, 1e-2, 0, false },
	{ "lion", OPTIMIZER_LION, 1e-4, 0, false },
	{ "adafactor", OPTIMIZER_ADAFACTOR, 1e-2, 0, false },
};

static void open_update(struct trial *t, const struct update *u, const struct backend *backend)
{
	struct session_options o = trial_adamw();
	o.backend = backend;
	o.micro_batch = BATCH;
	o.training.update.optimizer = u->kind;
	o.training.update.momentum = u->momentum;
	o.training.update.centered = u->centered;
	o.training.update.decay_all = false; /* two kinds of parameters */
	o.training.ema = 0.5;
	trial_open(t, "mlp", "model.onnx", o, u->rate);
}

static void test_update(void **state)
{
	struct trial t, r;
	struct backend reference = reference_backend();
	open_update(&t, *state, onnxtune_backend.backend);
	open_update(&r, *state, &reference);
	for (int64_t i = 0; i < 4; i++) {
		trial_recorded_step(&t, i);
		trial_recorded_step(&r, i);
	}
	for (uint32_t k = 0; k < t.session->n_parameters; k++)
		for (int average = 0; average < 2; average++) {
			const char *prefix = average ? AVERAGE_PREFIX : "";
			const char *name = t.session->parameters[k];
			struct tensor a = trial_variable(&t, prefix, name);
			struct tensor b = trial_variable(&r, prefix, name);
			if (!(relative_norm(&a, &b) <= 1e-5))
				fail_msg("%s%s differs by %g", prefix, name, relative_norm(&a, &b));
		}
	trial_close(&t);
	trial_close(&r);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(runs) + ARRAY_SIZE(updates)];
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		tests[i] = (struct CMUnitTest){ .name = runs[i].run.name,
						.test_func = test_run,
						.initial_state = (void *)&runs[i] };
	for (size_t i = 0; i < ARRAY_SIZE(updates); i++)
		tests[ARRAY_SIZE(runs) + i] = (struct CMUnitTest){
			.name = updates[i].name,
			.test_func = test_update,
			.initial_state = (void *)&updates[i]
		};
	return _cmocka_run_group_tests("train", tests, ARRAY_SIZE(tests), NULL, NULL);
}
