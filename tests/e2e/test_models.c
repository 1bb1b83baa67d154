/*
 * test_models.c - whole models trained in float32 against what PyTorch recorded (models/README.md):
 * outputs, the first step's gradients, 20 losses and the final weights. Every model runs with SGD and
 * AdamW on the CPU's kernels, each network also on the references of the operators alone.
 *
 * Tolerances follow from what PyTorch's own float32 deviates from its float64: ten times that, but
 * at least 1e-5.
 */
#include "trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 20
#define FLOOR 1e-5

struct model_case {
	const char *folder, *file;
	int64_t micro_batch;
	bool train_batch_norm;
	bool reference; /* with references too: the first of its network */
};

/* Models whose weights, computation and results are those of the recorded float32 run. */
static const struct model_case models[] = {
	{ "mlp", "model.onnx", 8, false, true },
	{ "mlp", "variants/constant_nodes.onnx", 8, false, false },
	{ "mlp", "variants/float_data.onnx", 8, false, false },
	{ "mlp", "variants/external.onnx", 8, false, false },
	{ "mlp", "variants/inputs.onnx", 8, false, false },
	{ "mlp_bce", "model.onnx", 8, false, true },
	{ "mlp_mse", "model.onnx", 8, false, true },
	{ "mlp_fp16", "model.onnx", 8, false, false },
	{ "lenet", "model.onnx", 8, false, true },
	{ "lenet_fixed", "model.onnx", 4, false, false },
	{ "resnet_frozen", "model.onnx", 8, false, true },
	{ "resnet_train", "model.onnx", 8, true, true },
	{ "vit", "model.onnx", 8, false, true },
	{ "vit_opset13", "model.onnx", 8, false, true },
	{ "vit_dynamo", "model.onnx", 8, false, false },
	{ "lstm", "model.onnx", 8, false, true },
};

struct run {
	const struct model_case *model;
	const char *optimizer; /* as in expected.npz */
	bool reference;        /* references of the operators instead of kernels */
};

static double limit(double deviation)
{
	return fmax(FLOOR, 10 * deviation);
}

static double largest_difference(const struct tensor *a, const struct tensor *b)
{
	double worst = 0;
	assert_true(shape_equal(&a->shape, &b->shape));
	for (int64_t i = 0, n = shape_elements(&a->shape); i < n; i++) {
		double d = fabs(tensor_get(a, i) - tensor_get(b, i));
		worst = isnan(d) ? INFINITY : fmax(worst, d);
	}
	return worst;
}

static void check_outputs(struct trial *t)
{
	const struct tensor *y32 = trial_expected(t, "", "output32");
	const struct tensor *y64 = trial_expected(t, "", "output64");
	struct tensor y = trial_predict(t, 0, y64->shape.dim[0]);
	double worst = largest_difference(&y, y64);
	if (worst > limit(largest_difference(y32, y64)))
		fail_msg("outputs deviate by %.3g", worst);
}

/* The tensors that training changes, running statistics too. */
static void check_final(struct trial *t, const char *optimizer)
{
	const char *prefix32 = arena_printf(&t->arena, "%s/final32/", optimizer);
	const char *prefix64 = arena_printf(&t->arena, "%s/final64/", optimizer);
	uint32_t checked = 0;
	for (uint32_t i = 0; i < t->expected.n; i++) {
		if (strncmp(t->expected.v[i].name, prefix64, strlen(prefix64)))
			continue;
		const char *name = t->expected.v[i].name + strlen(prefix64);
		const struct tensor *w64 = &t->expected.v[i].tensor;
		struct tensor w = trial_variable(t, "", name);
		double d = relative_norm(&w, w64);
		if (d > limit(relative_norm(trial_expected(t, prefix32, name), w64)))
			fail_msg("%s deviates by %.3g at the end", name, d);
		checked++;
	}
	assert_true(checked >= t->session->n_parameters);
}

static void test_run(void **state)
{
	const struct run *run = *state;
	bool sgd = !strcmp(run->optimizer, "sgd");
	struct session_options o = sgd ? trial_sgd() : trial_adamw();
	struct backend reference = reference_backend();
	struct trial t;
	if (run->reference)
		o.backend = &reference;
	o.micro_batch = run->model->micro_batch;
	o.train_batch_norm = run->model->train_batch_norm;
	trial_open(&t, run->model->folder, run->model->file, o, sgd ? 0.01 : 1e-4);
	check_outputs(&t);
	for (int64_t i = 0; i < STEPS; i++) {
		trial_expect_loss(&t, run->optimizer, i, trial_recorded_step(&t, i).loss);
		if (i == 0)
			trial_expect_gradients(&t);
	}
	check_final(&t, run->optimizer);
	trial_close(&t);
}

int main(void)
{
	static const char *const optimizers[] = { "sgd", "adamw" };
	ARRAY(struct CMUnitTest) tests = { 0 };
	struct arena arena;
	arena_init(&arena);
	for (uint32_t m = 0; m < ARRAY_SIZE(models); m++)
		for (uint32_t i = 0; i < (models[m].reference ? 3 : 2); i++) {
			struct run *run = arena_alloc(&arena, sizeof *run);
			*run = (struct run){ &models[m], optimizers[i % 2], i == 2 };
			*array_push(&tests) = (struct CMUnitTest){
				.name = arena_printf(&arena, "%s/%s %s%s", run->model->folder,
						     run->model->file, run->optimizer,
						     run->reference ? ", references" : ""),
				.test_func = test_run,
				.initial_state = run,
			};
		}
	int failed = _cmocka_run_group_tests("models", tests.v, tests.n, NULL, NULL);
	array_release(&tests);
	arena_release(&arena);
	return failed;
}
