/*
 * test_mixed.c - samples with two labels: the gradient of a mixed loss is the mixture of the gradients
 * that each label alone gives, as the cross-entropy with mixed probabilities has it.
 */
#include "trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N 8
#define LIMIT 1e-6 /* sums of float32 in another order */

/* One step on the first samples, with the weights of their own labels and of those N further on. */
static struct step_result mixed_step(struct trial *t, const char *folder, double own, double other)
{
	struct session_options o = trial_sgd();
	struct step_result result;
	struct error err;
	o.micro_batch = N;
	o.loss_shape.mixed = own > 0 && other > 0;
	trial_open(t, folder, "model.onnx", o, 0.01);
	struct tensor x = *t->x, labels[2] = { t->labels, t->labels }, weights[2];
	size_t row = tensor_bytes(&t->labels) / (size_t)t->labels.shape.dim[0];
	x.shape.dim[0] = N;
	for (int k = 0; k < 2; k++) {
		labels[k].shape.dim[0] = N;
		labels[k].data = (char *)t->labels.data + (size_t)k * N * row;
		weights[k] = tensor_new(&t->arena, DT_F32, &SHAPE(N));
		for (int i = 0; i < N; i++)
			tensor_set(&weights[k], i, k ? other : own);
	}
	int first = own > 0 ? 0 : 1;
	expect_ok(session_begin_window(t->session, N * (own + other), &err), &err);
	expect_ok(session_micro_batch(t->session, &x, labels + first, weights + first, N, &err),
		  &err);
	expect_ok(session_end_window(t->session, &err), &err);
	expect_ok(session_result(t->session, &result, &err), &err);
	return result;
}

static void check_model(const char *folder)
{
	struct trial mixed, own, other;
	double loss = mixed_step(&mixed, folder, 0.25, 0.75).loss;
	double a = mixed_step(&own, folder, 1, 0).loss;
	double b = mixed_step(&other, folder, 0, 1).loss;
	assert_true(fabs(a - b) > 0.01); /* there is something to mix */
	if (fabs(loss - (0.25 * a + 0.75 * b)) > LIMIT)
		fail_msg("%s: loss %g, not %g", folder, loss, 0.25 * a + 0.75 * b);
	for (uint32_t i = 0; i < mixed.session->n_parameters; i++) {
		const char *name = mixed.session->parameters[i];
		struct tensor g = trial_gradient(&mixed, name), ga = trial_gradient(&own, name);
		struct tensor gb = trial_gradient(&other, name);
		for (int64_t k = 0; k < shape_elements(&g.shape); k++)
			tensor_set(&ga, k, 0.25 * tensor_get(&ga, k) + 0.75 * tensor_get(&gb, k));
		if (!(relative_norm(&g, &ga) < LIMIT))
			fail_msg("%s: the gradient of %s deviates by %g", folder, name,
				 relative_norm(&g, &ga));
	}
	trial_close(&mixed);
	trial_close(&own);
	trial_close(&other);
}

static void test_classes(void **state)
{
	(void)state;
	check_model("mlp");
	check_model("vit");
}

static void test_targets(void **state)
{
	(void)state;
	check_model("mlp_bce");
	check_model("mlp_mse");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_targets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
