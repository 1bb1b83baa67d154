/*
 * test_eval_metrics.c - regression metrics against scikit-learn's, metrics by name.
 */
#include "eval/metrics.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_close(double got, json_t *want)
{
	double w = json_number_value(want);
	if (!(fabs(got - w) <= 1e-12 * fabs(w)))
		fail_msg("%.17g, not %.17g", got, w);
}

static void test_regression(void **state)
{
	(void)state;
	const char *srcdir = getenv("srcdir");
	char *path = mem_printf("%s/tests/data/reports/regression.json", srcdir ? srcdir : ".");
	json_t *tests = json_load_file(path, 0, NULL);
	free(path);
	assert_true(json_array_size(tests) >= 5);
	for (size_t t = 0; t < json_array_size(tests); t++) {
		json_t *test = json_array_get(tests, t);
		json_t *truth = json_object_get(test, "truth");
		json_t *predicted = json_object_get(test, "predicted");
		struct regression r;
		regression_init(&r, (uint32_t)json_array_size(json_array_get(truth, 0)));
		for (size_t i = 0; i < json_array_size(truth); i++) {
			float a[4], b[4];
			for (uint32_t k = 0; k < r.columns; k++) {
				a[k] = (float)json_number_value(
					json_array_get(json_array_get(truth, i), k));
				b[k] = (float)json_number_value(
					json_array_get(json_array_get(predicted, i), k));
			}
			regression_add(&r, a, b, 1);
		}
		check_close(regression_mse(&r), json_object_get(test, "mse"));
		check_close(regression_mae(&r), json_object_get(test, "mae"));
		check_close(regression_r2(&r), json_object_get(test, "r2"));
		regression_release(&r);
	}
	json_decref(tests);
}

static void test_few_samples(void **state)
{
	(void)state;
	struct regression r;
	regression_init(&r, 1);
	struct evaluation e = { .regression = &r, .loss = NAN };
	assert_true(isnan(metric_find("mse")->value(&e)));
	regression_add(&r, (float[]){ 2 }, (float[]){ 3 }, 1);
	assert_true(metric_find("mse")->value(&e) == 1);
	assert_true(isnan(metric_find("r2")->value(&e)));
	regression_release(&r);
}

/* Weights as scikit-learn's sample_weight: of 1, 2 and 0.5 for these three samples. */
static void test_weights(void **state)
{
	(void)state;
	struct regression r;
	regression_init(&r, 1);
	regression_add(&r, (float[]){ 1 }, (float[]){ 1.5f }, 1);
	regression_add(&r, (float[]){ 3 }, (float[]){ 2 }, 2);
	regression_add(&r, (float[]){ -2 }, (float[]){ 0.25f }, 0.5);
	assert_true(fabs(regression_mse(&r) - 1.3660714285714286) < 1e-14);
	assert_true(fabs(regression_mae(&r) - 1.0357142857142858) < 1e-14);
	assert_true(fabs(regression_r2(&r) - 0.55375) < 1e-14);
	regression_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_regression),
		cmocka_unit_test(test_few_samples),
		cmocka_unit_test(test_weights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
