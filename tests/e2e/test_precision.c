/*
 * test_precision.c - training in half precision and in float64: losses and gradients stay close to
 * PyTorch's float64, and a gradient that overflows skips the step and changes nothing but the loss
 * scale.
 */
#include "trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 20

/* ---- close to float64 ---- */

struct type_case {
	enum dtype half;
	double loss_limit, cosine_limit;
	double rounds; /* the loss deviates by at least this much, else something was not rounded */
};

static const struct type_case fp16 = { DT_F16, 5e-3, 0.999, 1e-6 };
static const struct type_case bf16 = { DT_BF16, 2e-2, 0.99, 1e-6 };
static const struct type_case fp64 = { DT_F32, 1e-12, 1 - 1e-12, 0 }; /* a float64 model stays so */

struct run {
	const char *folder, *file;
	const char *optimizer;
	int64_t micro_batch;
	const struct type_case *type;
	enum precision_policy policy;
	bool train_batch_norm;
};

/*
 * LeNet is trained by AdamW alone: 20 steps of SGD at that rate blow rounding up, and PyTorch's own
 * autocast deviates by 0.01 to 0.1. vit by 1: the position embedding has the shape of its sum.
 */
#define ONNXTUNE POLICY_ONNXTUNE
#define AUTOCAST POLICY_AUTOCAST
static const struct run runs[] = {
	{ "mlp", "model.onnx", "sgd", 8, &fp16, ONNXTUNE, false },
	{ "mlp", "model.onnx", "sgd", 8, &bf16, ONNXTUNE, false },
	{ "mlp", "model.onnx", "adamw", 8, &fp16, AUTOCAST, false },
	{ "mlp", "variants/float16.onnx", "sgd", 8, &fp16, ONNXTUNE, false },
	{ "mlp", "variants/float64.onnx", "sgd", 8, &fp64, ONNXTUNE, false },
	{ "mlp", "variants/float64.onnx", "adamw", 8, &fp64, ONNXTUNE, false },
	{ "mlp_bce", "model.onnx", "sgd", 8, &fp16, ONNXTUNE, false },
	{ "mlp_bce", "model.onnx", "adamw", 8, &bf16, ONNXTUNE, false },
	{ "mlp_mse", "model.onnx", "sgd", 8, &fp16, ONNXTUNE, false },
	{ "mlp_mse", "model.onnx", "adamw", 8, &bf16, ONNXTUNE, false },
	{ "mlp_fp16", "model.onnx", "sgd", 8, &fp16, ONNXTUNE, false },
	{ "mlp_fp16", "model.onnx", "adamw", 8, &bf16, ONNXTUNE, false },
	{ "lenet", "model.onnx", "adamw", 8, &fp16, ONNXTUNE, false },
	{ "lenet", "model.onnx", "adamw", 8, &bf16, ONNXTUNE, false },
	{ "resnet_frozen", "model.onnx", "sgd", 8, &fp16, ONNXTUNE, false },
	{ "resnet_frozen", "model.onnx", "adamw", 8, &bf16, ONNXTUNE, false },
	{ "resnet_train", "model.onnx", "sgd", 8, &fp16, ONNXTUNE, true },
	{ "resnet_train", "model.onnx", "adamw", 8, &bf16, ONNXTUNE, true },
	{ "resnet_train", "model.onnx", "sgd", 8, &fp16, AUTOCAST, true },
	{ "vit", "model.onnx", "sgd", 8, &fp16, ONNXTUNE, false },
	{ "vit", "model.onnx", "adamw", 8, &bf16, ONNXTUNE, false },
	{ "vit", "model.onnx", "sgd", 1, &fp16, ONNXTUNE, false },
	{ "vit", "model.onnx", "sgd", 8, &fp16, AUTOCAST, false },
	{ "vit_opset13", "model.onnx", "sgd", 8, &fp16, ONNXTUNE, false },
	{ "vit_opset13", "model.onnx", "adamw", 8, &bf16, AUTOCAST, false },
	{ "vit_dynamo", "model.onnx", "adamw", 8, &fp16, ONNXTUNE, false },
	{ "lstm", "model.onnx", "sgd", 8, &fp16, ONNXTUNE, false },
	{ "lstm", "model.onnx", "adamw", 8, &bf16, ONNXTUNE, false },
	{ "lstm", "model.onnx", "adamw", 8, &fp16, AUTOCAST, false },
};

/* The scale is half of the usual, at which vit's first gradients overflow as PyTorch's do. */
static struct session_options scaled(struct session_options o)
{
	o.half = DT_F16;
	o.loss_scale = 32768;
	o.training.dynamic_scale = true;
	return o;
}

static void close_to_float64(void **state)
{
	const struct run *run = *state;
	bool sgd = !strcmp(run->optimizer, "sgd");
	struct session_options o = sgd ? trial_sgd() : trial_adamw();
	struct trial t;
	double worst = 0;
	if (run->type->half == DT_F16)
		o = scaled(o);
	o.half = run->type->half;
	o.policy = run->policy;
	o.micro_batch = run->micro_batch;
	o.train_batch_norm = run->train_batch_norm;
	trial_open(&t, run->folder, run->file, o, sgd ? 0.01 : 1e-4);
	const char *prefix = arena_printf(&t.arena, "%s/", run->optimizer);
	const struct tensor *loss64 = trial_expected(&t, prefix, "loss64");
	for (int64_t i = 0; i < STEPS; i++) {
		struct step_result r = trial_recorded_step(&t, i);
		double expected = tensor_get(loss64, i);
		assert_false(r.skipped);
		worst = fmax(worst, fabs(r.loss - expected));
		if (!(fabs(r.loss - expected) <= run->type->loss_limit))
			fail_msg("step %d: loss %.15g, not %.15g", (int)i, r.loss, expected);
		double cosine = i ? 1 : trial_gradient_cosine(&t);
		if (!(cosine >= run->type->cosine_limit))
			fail_msg("cosine of the gradients is %.6f", cosine);
	}
	assert_true(worst >= run->type->rounds);
	trial_close(&t);
}

/* ---- overflow ---- */

static void open_scaled(struct trial *t, const char *folder, float scale, bool dynamic,
			int64_t growth_interval)
{
	struct session_options o = scaled(trial_adamw());
	o.loss_scale = scale;
	o.training.dynamic_scale = dynamic;
	o.training.growth_interval = growth_interval;
	o.train_batch_norm = !strcmp(folder, "resnet_train");
	trial_open(t, folder, "model.onnx", o, 1e-4);
}

static void expect_same_state(struct trial *a, struct trial *b)
{
	trial_expect_equal(a, b, "");
	trial_expect_equal(a, b, "m:");
	trial_expect_equal(a, b, "v:");
}

/* A scale that is too large is halved until it fits, and what follows is as if it had been chosen. */
static void overflow_skips_the_step(void **state)
{
	(void)state;
	struct trial t, untouched;
	float scale = 0x1p40f;
	open_scaled(&t, "mlp", scale, true, 2000);
	open_scaled(&untouched, "mlp", 1024, true, 2000);
	struct step_result r = trial_recorded_step(&t, 0);
	int32_t skips = 0;
	while (r.skipped) {
		assert_true(r.scale == scale);
		assert_int_equal(r.skips, ++skips);
		assert_int_equal(r.step, skips);
		assert_int_equal(r.good_steps, 0);
		expect_same_state(&t, &untouched);
		scale /= 2;
		r = trial_recorded_step(&t, 0);
		assert_true(skips < 40);
	}
	assert_true(skips > 10);
	assert_true(r.scale == scale);
	assert_int_equal(r.skips, 0);
	assert_int_equal(r.good_steps, 1);
	/* Powers of two change no digit, where nothing falls below the smallest number. */
	struct step_result u = trial_recorded_step(&untouched, 0);
	assert_true(r.loss == u.loss && fabs(r.norm - u.norm) <= 1e-3 * u.norm);
	trial_close(&t);
	trial_close(&untouched);
}

static void scale_grows(void **state)
{
	(void)state;
	static const float scales[] = { 256, 256, 256, 512, 512, 512, 1024 };
	struct trial t;
	open_scaled(&t, "mlp", 256, true, 3);
	for (uint32_t i = 0; i < ARRAY_SIZE(scales); i++) {
		struct step_result r = trial_recorded_step(&t, i);
		assert_false(r.skipped);
		assert_true(r.scale == scales[i]);
	}
	trial_close(&t);
}

static void fixed_scale_stays(void **state)
{
	(void)state;
	struct trial t, untouched;
	open_scaled(&t, "mlp", 0x1p40f, false, 2000);
	open_scaled(&untouched, "mlp", 0x1p40f, false, 2000);
	for (int i = 0; i < 3; i++) {
		struct step_result r = trial_recorded_step(&t, i);
		assert_true(r.skipped && r.scale == 0x1p40f);
	}
	expect_same_state(&t, &untouched);
	trial_close(&t);
	trial_close(&untouched);
}

/* Sample 9, in the second step, is infinite: that step alone is skipped. */
static void infinite_input_skips_its_step(void **state)
{
	(void)state;
	struct trial t, before;
	open_scaled(&t, "mlp", 1024, true, 2000);
	open_scaled(&before, "mlp", 1024, true, 2000);
	struct tensor x = tensor_new(&t.arena, DT_F32, &t.x->shape);
	memcpy(x.data, t.x->data, tensor_bytes(&x));
	tensor_set(&x, 9 * 16 + 3, INFINITY);
	t.x = &x;
	trial_recorded_step(&t, 0);
	trial_recorded_step(&before, 0);
	struct step_result r = trial_recorded_step(&t, 1);
	assert_true(r.skipped);
	expect_same_state(&t, &before);
	r = trial_recorded_step(&t, 2);
	assert_false(r.skipped);
	assert_true(r.scale == 512);
	assert_int_equal(r.good_steps, 2);
	trial_close(&t);
	trial_close(&before);
}

/* The loss is scaled after the forward pass: a skipped step has seen its batch, unless that was
 * infinite itself. */
static void running_statistics_in_skipped_steps(void **state)
{
	(void)state;
	struct trial skipping, good;
	open_scaled(&skipping, "resnet_train", 0x1p40f, true, 2000);
	open_scaled(&good, "resnet_train", 1024, true, 2000);
	const char *const names[] = { "bn.running_mean", "bn.running_var",
				      "stage2.bn2.running_mean", "stage2.bn2.running_var" };
	assert_true(trial_recorded_step(&skipping, 0).skipped);
	assert_false(trial_recorded_step(&good, 0).skipped);
	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct tensor a = trial_variable(&skipping, "", names[i]);
		struct tensor b = trial_variable(&good, "", names[i]);
		assert_memory_equal(a.data, b.data, tensor_bytes(&a));
	}
	struct tensor x = tensor_new(&good.arena, DT_F32, &good.x->shape);
	memcpy(x.data, good.x->data, tensor_bytes(&x));
	tensor_set(&x, 9 * 3 * 16 * 16, INFINITY);
	good.x = &x;
	assert_true(trial_recorded_step(&good, 1).skipped);
	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct tensor t = trial_variable(&good, "", names[i]);
		for (int64_t k = 0; k < t.shape.dim[0]; k++)
			assert_true(isfinite(tensor_get(&t, k)));
	}
	trial_close(&skipping);
	trial_close(&good);
}

int main(void)
{
	const struct CMUnitTest overflow[] = {
		cmocka_unit_test(overflow_skips_the_step),
		cmocka_unit_test(scale_grows),
		cmocka_unit_test(fixed_scale_stays),
		cmocka_unit_test(infinite_input_skips_its_step),
		cmocka_unit_test(running_statistics_in_skipped_steps),
	};
	struct CMUnitTest tests[ARRAY_SIZE(runs)];
	struct arena arena;
	arena_init(&arena);
	for (uint32_t i = 0; i < ARRAY_SIZE(runs); i++) {
		const struct run *r = &runs[i];
		tests[i] = (struct CMUnitTest){
			.name = arena_printf(&arena, "%s/%s by %d, %s, %s%s", r->folder, r->file,
					     (int)r->micro_batch, r->optimizer,
					     dtype_name(r->type == &fp64 ? DT_F64 : r->type->half),
					     r->policy == AUTOCAST ? ", autocast" : ""),
			.test_func = close_to_float64,
			.initial_state = (void *)r,
		};
	}
	int failed = cmocka_run_group_tests(overflow, NULL, NULL) +
		     cmocka_run_group_tests(tests, NULL, NULL);
	arena_release(&arena);
	return failed;
}
