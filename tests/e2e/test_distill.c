/*
 * test_distill.c - training with the untuned model as teacher: 20 steps follow PyTorch's (NAME/
 * distill.npz), the teacher never changes and is a function of the data alone.
 */
#include "trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 20

static struct session_options taught(double share, double temperature)
{
	struct session_options o = trial_sgd();
	o.distill = (struct distill){ share, temperature };
	return o;
}

/* The limit is ten times what PyTorch in float32 deviates from itself in float64, at least 1e-5. */
static double limit_of(const struct arrays *arrays)
{
	const struct tensor *a = arrays_find(arrays, "loss32"), *b = arrays_find(arrays, "loss64");
	double most = 1e-6;
	for (int64_t i = 0; i < STEPS; i++)
		most = fmax(most, fabs(tensor_get(a, i) / tensor_get(b, i) - 1));
	return 10 * most;
}

static void follows_pytorch(void **state)
{
	struct arrays arrays;
	struct arena arena;
	struct error err;
	struct trial t;
	arena_init(&arena);
	const char *path = arena_printf(&arena, "models/%s/distill.npz", (const char *)*state);
	expect_ok(arrays_read(trial_path(&arena, path), &arrays, &err), &err);
	const struct tensor *config = arrays_find(&arrays, "config");
	const struct tensor *losses = arrays_find(&arrays, "loss64");
	double limit = limit_of(&arrays);
	trial_open(&t, *state, "model.onnx", taught(tensor_get(config, 0), tensor_get(config, 1)),
		   0.01);
	for (int64_t i = 0; i < STEPS; i++) {
		double loss = trial_recorded_step(&t, i).loss, e = tensor_get(losses, i);
		if (!(fabs(loss - e) <= limit * fabs(e)))
			fail_msg("step %d: loss %.9g, not %.9g", (int)i, loss, e);
	}
	for (uint32_t k = 0; k < t.session->n_parameters; k++) {
		const char *name = t.session->parameters[k];
		struct tensor w = trial_variable(&t, "", name);
		const struct tensor *e = arrays_find(&arrays,
						     arena_printf(&arena, "final64/%s", name));
		assert_non_null(e);
		if (!(relative_norm(&w, e) < 1e-5))
			fail_msg("%s: differs by %g", name, relative_norm(&w, e));
	}
	trial_close(&t);
	arrays_release(&arrays);
	arena_release(&arena);
}

/* A model that only the teacher teaches is the teacher, and stays so. */
static void teacher_alone_teaches_nothing(void **state)
{
	struct trial t;
	trial_open(&t, *state, "model.onnx", taught(1, 3), 0.01);
	for (int64_t i = 0; i < 3; i++) {
		double norm = trial_recorded_step(&t, i).norm;
		if (!(norm < 1e-5))
			fail_msg("step %d: gradient norm %g", (int)i, norm);
	}
	trial_close(&t);
}

/* Window, micro-batches and padding are as without a teacher. */
static void divided_is_whole(void **state)
{
	struct session_options o = taught(0.5, 2);
	struct trial parts, whole;
	o.micro_batch = 5;
	trial_open(&parts, *state, "model.onnx", o, 0.01);
	o.micro_batch = 13;
	trial_open(&whole, *state, "model.onnx", o, 0.01);
	for (int64_t i = 0; i < 3; i++) {
		double a = trial_step(&parts, 0, 13).loss, b = trial_step(&whole, 0, 13).loss;
		if (!(fabs(a - b) <= 1e-5 * fabs(b)))
			fail_msg("step %d: loss %.9g, not %.9g", (int)i, a, b);
	}
	trial_close(&parts);
	trial_close(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "mlp", follows_pytorch, NULL, NULL, (void *)"mlp" },
		{ "mlp_bce", follows_pytorch, NULL, NULL, (void *)"mlp_bce" },
		{ "mlp_mse", follows_pytorch, NULL, NULL, (void *)"mlp_mse" },
		{ "mlp: alone", teacher_alone_teaches_nothing, NULL, NULL, (void *)"mlp" },
		{ "mlp_mse: alone", teacher_alone_teaches_nothing, NULL, NULL, (void *)"mlp_mse" },
		{ "resnet: alone", teacher_alone_teaches_nothing, NULL, NULL,
		  (void *)"resnet_frozen" },
		{ "vit: alone", teacher_alone_teaches_nothing, NULL, NULL, (void *)"vit" },
		{ "mlp: divided", divided_is_whole, NULL, NULL, (void *)"mlp" },
		{ "lenet: divided", divided_is_whole, NULL, NULL, (void *)"lenet" },
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
