/*
 * test_windows.c - an optimizer step of several micro-batches is that of the undivided batch: gradients
 * and losses, also with a short last micro-batch, class weights and ignored labels. Class weights,
 * clipping and schedules over 20 steps follow PyTorch. Two runs with one seed have equal bits.
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
#define SAMPLES 32
#define GRADIENT_LIMIT 1e-6

/* ---- accumulation ---- */

static const double class_weights[] = { 0.5, 2.0, 1.0, 0.25 };

/* Weights by class; a few labels are ignored, which counts as no weight. */
static void weigh(struct trial *t)
{
	static const int64_t ignored[] = { 1, 6, 9, 14, 15 };
	double *weights = arena_alloc(&t->arena, SAMPLES * sizeof *weights);
	struct tensor labels = tensor_new(&t->arena, DT_I64, &SHAPE(SAMPLES));
	for (int64_t i = 0; i < SAMPLES; i++) {
		int64_t label = tensor_get_int(&t->labels, i);
		weights[i] = class_weights[label % 4];
		tensor_set_int(&labels, i, label);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(ignored); i++) {
		weights[ignored[i]] = 0;
		tensor_set_int(&labels, ignored[i], -1);
	}
	t->weights = weights;
	t->labels = labels;
}

struct division {
	const char *folder;
	int64_t window, micro_batch; /* samples; the window does not have to be a multiple */
	bool weighted;
};

static const struct division divisions[] = {
	{ "mlp", 16, 8, false },
	{ "mlp", 16, 1, false },
	{ "mlp", 13, 8, false },
	{ "mlp", 16, 8, true },
	{ "mlp", 13, 5, true },
	{ "mlp_bce", 13, 8, false },
	{ "mlp_mse", 13, 4, false },
	{ "mlp_fp16", 13, 8, true },
	{ "lenet", 16, 8, false },
	{ "lenet", 13, 8, true },
	{ "resnet_frozen", 16, 8, false },
	{ "resnet_frozen", 13, 8, true },
	{ "vit", 16, 8, true },
	{ "vit", 13, 8, false },
};

static void divided_is_whole(void **state)
{
	const struct division *d = *state;
	struct session_options o = trial_sgd();
	struct trial parts, whole;
	o.micro_batch = d->micro_batch;
	trial_open(&parts, d->folder, "model.onnx", o, 0.01);
	o.micro_batch = d->window;
	trial_open(&whole, d->folder, "model.onnx", o, 0.01);
	if (d->weighted) {
		weigh(&parts);
		weigh(&whole);
	}
	struct step_result a = trial_step(&parts, 0, d->window);
	struct step_result b = trial_step(&whole, 0, d->window);
	if (!(fabs(a.loss - b.loss) <= 1e-6 * b.loss && fabs(a.norm - b.norm) <= 1e-6 * b.norm))
		fail_msg("loss %.9g, norm %.9g instead of %.9g, %.9g", a.loss, a.norm, b.loss,
			 b.norm);
	for (uint32_t k = 0; k < parts.session->n_parameters; k++) {
		const char *name = parts.session->parameters[k];
		struct tensor x = trial_gradient(&parts, name), y = trial_gradient(&whole, name);
		double difference = relative_norm(&x, &y);
		if (difference > GRADIENT_LIMIT)
			fail_msg("gradient of %s deviates by %.3g", name, difference);
	}
	trial_close(&parts);
	trial_close(&whole);
}

/* Padding at weight 0 may hold anything finite: its content leaves no trace, in no bit. */
static void padding_leaves_no_trace(void **state)
{
	(void)state;
	struct trial a, b;
	trial_open(&a, "mlp", "model.onnx", trial_sgd(), 0.01);
	trial_open(&b, "mlp", "model.onnx", trial_sgd(), 0.01);
	double weights[SAMPLES];
	struct tensor x = tensor_new(&b.arena, DT_F32, &b.x->shape);
	struct tensor labels = tensor_new(&b.arena, DT_I64, &b.labels.shape);
	memcpy(x.data, b.x->data, tensor_bytes(&x));
	memcpy(labels.data, b.labels.data, tensor_bytes(&labels));
	for (int64_t i = 0; i < SAMPLES; i++)
		weights[i] = i % 8 < 5;
	for (int64_t i = 0; i < SAMPLES * 16; i++)
		if (i / 16 % 8 >= 5)
			tensor_set(&x, i, 1e6);
	for (int64_t i = 0; i < SAMPLES; i++)
		if (i % 8 >= 5)
			tensor_set_int(&labels, i, 1000);
	a.weights = b.weights = weights;
	b.x = &x;
	b.labels = labels;
	for (int64_t i = 0; i < 4; i++) {
		struct step_result r = trial_step(&a, i * 8, 8), s = trial_step(&b, i * 8, 8);
		assert_true(r.loss == s.loss && r.norm == s.norm);
	}
	trial_expect_equal(&a, &b, "");
	trial_close(&a);
	trial_close(&b);
}

/* Trained statistics are those of each micro-batch's real samples: a short one is not padded. */
static void short_batches_of_trained_statistics(void **state)
{
	(void)state;
	struct session_options o = trial_sgd();
	struct trial padded, exact;
	o.train_batch_norm = true;
	trial_open(&padded, "resnet_train", "model.onnx", o, 0.01);
	o.micro_batch = 5;
	trial_open(&exact, "resnet_train", "model.onnx", o, 0.01);
	for (int i = 0; i < 2; i++) {
		struct step_result a = trial_step(&padded, 0, 5), b = trial_step(&exact, 0, 5);
		assert_true(fabs(a.loss - b.loss) <= 1e-6 * b.loss);
	}
	const char *const names[] = { "bn.running_mean", "stage2.bn2.running_var", "stem.weight" };
	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct tensor x = trial_variable(&padded, "", names[i]);
		struct tensor y = trial_variable(&exact, "", names[i]);
		assert_true(relative_norm(&x, &y) <= 1e-6);
	}
	trial_close(&padded);
	trial_close(&exact);
}

/* ---- recorded runs with one thing changed (mlp/more.npz) ---- */

struct change {
	const char *name;
	double clip;
	bool scheduled, weighted;
};

static const struct change changes[] = {
	{ "clip", 1, false, false },
	{ "linear", 0, true, false },
	{ "cosine", 0, true, false },
	{ "weighted", 0, false, true },
};

/* Array RUN/NAME of more.npz, or of RUN/final64/NAME. */
static const struct tensor *more(const struct arrays *arrays, const struct change *c,
				 const char *name, struct arena *arena)
{
	const struct tensor *t = arrays_find(arrays, arena_printf(arena, "%s/%s", c->name, name));
	if (!t)
		fail_msg("%s/%s was not recorded", c->name, name);
	return t;
}

static void use_recorded_weights(struct trial *t, const struct arrays *arrays,
				 const struct change *c)
{
	const struct tensor *by_class = more(arrays, c, "class_weights", &t->arena);
	double *weights = arena_alloc(&t->arena, SAMPLES * sizeof *weights);
	t->labels = *more(arrays, c, "labels", &t->arena);
	for (int64_t i = 0; i < SAMPLES; i++) {
		int64_t label = tensor_get_int(&t->labels, i);
		weights[i] = label < 0 ? 0 : tensor_get(by_class, label);
	}
	t->weights = weights;
}

static void compare_all(struct trial *t, const struct arrays *arrays, const struct change *c,
			const char *prefix, bool gradients)
{
	for (uint32_t k = 0; k < t->session->n_parameters; k++) {
		const char *name = t->session->parameters[k];
		struct tensor got = gradients ? trial_gradient(t, name)
					      : trial_variable(t, "", name);
		const char *key = arena_printf(&t->arena, "%s%s", prefix, name);
		double d = relative_norm(&got, more(arrays, c, key, &t->arena));
		if (d > 1e-5)
			fail_msg("%s%s deviates by %.3g", prefix, name, d);
	}
}

static void follows_pytorch(void **state)
{
	const struct change *c = *state;
	struct session_options o = trial_sgd();
	struct arrays arrays;
	struct error err;
	struct trial t;
	double rates[STEPS];
	o.training.clip_norm = c->clip;
	trial_open(&t, "mlp", "model.onnx", o, 0.01);
	expect_ok(arrays_read(trial_path(&t.arena, "models/mlp/more.npz"), &arrays, &err), &err);
	for (int i = 0; c->scheduled && i < STEPS; i++)
		rates[i] = 0.01 * tensor_get(more(&arrays, c, "factor", &t.arena), i);
	if (c->scheduled)
		expect_ok(session_set_rates(t.session, rates, &err), &err);
	if (c->weighted)
		use_recorded_weights(&t, &arrays, c);
	const struct tensor *loss32 = more(&arrays, c, "loss32", &t.arena);
	const struct tensor *loss64 = more(&arrays, c, "loss64", &t.arena);
	const struct tensor *norm64 = more(&arrays, c, "norm64", &t.arena);
	double deviation = 0;
	for (int64_t i = 0; i < STEPS; i++) {
		struct step_result r = trial_recorded_step(&t, i);
		double loss = tensor_get(loss64, i), norm = tensor_get(norm64, i);
		deviation = fmax(deviation, fabs(tensor_get(loss32, i) - loss));
		if (!(fabs(r.loss - loss) <= fmax(1e-5, 10 * deviation)))
			fail_msg("step %d: loss %.9g, not %.9g", (int)i, r.loss, loss);
		if (!(fabs(r.norm - norm) <= 1e-5 * norm))
			fail_msg("step %d: norm %.9g, not %.9g", (int)i, r.norm, norm);
		if (c->scheduled)
			assert_true(r.rate == rates[i]);
		if (c->weighted && i == 0)
			compare_all(&t, &arrays, c, "grad64/", true);
	}
	compare_all(&t, &arrays, c, "final64/", false);
	arrays_release(&arrays);
	trial_close(&t);
}

/* ---- equal bits ---- */

struct repetition {
	const char *folder;
	enum dtype half;
	int64_t micro_batch;
	bool train_batch_norm;
};

static const struct repetition repetitions[] = {
	{ "mlp", DT_F32, 4, false },         { "lenet", DT_F32, 8, false },
	{ "lenet", DT_BF16, 8, false },      { "resnet_frozen", DT_F16, 4, false },
	{ "resnet_train", DT_F32, 8, true }, { "vit", DT_F32, 8, false },
	{ "vit", DT_BF16, 8, false },
};

static void same_bits_again(void **state)
{
	const struct repetition *r = *state;
	struct session_options o = trial_adamw();
	struct trial a, b;
	o.half = r->half;
	o.micro_batch = r->micro_batch;
	o.train_batch_norm = r->train_batch_norm;
	o.seed = 7;
	trial_open(&a, r->folder, "model.onnx", o, 1e-3);
	trial_open(&b, r->folder, "model.onnx", o, 1e-3);
	for (int64_t i = 0; i < 5; i++) {
		struct step_result x = trial_recorded_step(&a, i);
		struct step_result y = trial_recorded_step(&b, i);
		assert_true(x.loss == y.loss && x.norm == y.norm);
	}
	trial_expect_equal(&a, &b, "");
	trial_expect_equal(&a, &b, "m:");
	trial_expect_equal(&a, &b, "v:");
	trial_close(&a);
	trial_close(&b);
}

int main(void)
{
	ARRAY(struct CMUnitTest) tests = { 0 };
	struct arena arena;
	arena_init(&arena);
	*array_push(&tests) = (struct CMUnitTest)cmocka_unit_test(padding_leaves_no_trace);
	*array_push(&tests) = (struct CMUnitTest)cmocka_unit_test(
		short_batches_of_trained_statistics);
	for (uint32_t i = 0; i < ARRAY_SIZE(divisions); i++) {
		const struct division *d = &divisions[i];
		const char *name = arena_printf(&arena, "%s: %d by %d%s", d->folder, (int)d->window,
						(int)d->micro_batch,
						d->weighted ? ", weighted" : "");
		*array_push(&tests) = (struct CMUnitTest){ .name = name,
							   .test_func = divided_is_whole,
							   .initial_state = (void *)d };
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(changes); i++)
		*array_push(&tests) = (struct CMUnitTest){ .name = changes[i].name,
							   .test_func = follows_pytorch,
							   .initial_state = (void *)&changes[i] };
	for (uint32_t i = 0; i < ARRAY_SIZE(repetitions); i++) {
		const struct repetition *r = &repetitions[i];
		const char *name = arena_printf(&arena, "%s %s again", r->folder,
						dtype_name(r->half));
		*array_push(&tests) = (struct CMUnitTest){ .name = name,
							   .test_func = same_bits_again,
							   .initial_state = (void *)r };
	}
	int failed = _cmocka_run_group_tests("windows", tests.v, tests.n, NULL, NULL);
	array_release(&tests);
	arena_release(&arena);
	return failed;
}
