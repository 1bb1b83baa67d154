/*
 * test_eval_report.c - counts, scores and reports against scikit-learn: its texts character for
 * character and its dictionaries bit for bit (models/generate_reports.py recorded them).
 */
#include "base/number.h"
#include "base/utf8.h"
#include "eval/report.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *load(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char *path = mem_printf("%s/tests/data/reports/%s", srcdir ? srcdir : ".", name);
	json_error_t error;
	json_t *json = json_load_file(path, 0, &error);
	if (!json)
		fail_msg("%s: %s", path, error.text);
	free(path);
	return json;
}

/* Reads up to n numbers out of "3 1 2" and returns how many. */
static size_t numbers(const char *text, long *out, size_t n)
{
	size_t k = 0;
	for (char *end; *text && k < n; text = end)
		out[k++] = strtol(text, &end, 10);
	return k;
}

static double weight_of(const json_t *test, size_t i)
{
	json_t *w = json_array_get(json_object_get(test, "weight"), i);
	return w ? json_number_value(w) : 1;
}

#define MAX_SAMPLES 4000

static void count_single(struct confusion *c, const json_t *test)
{
	static long truth[MAX_SAMPLES], predicted[MAX_SAMPLES];
	size_t n = numbers(json_string_value(json_object_get(test, "truth")), truth, MAX_SAMPLES);
	assert_int_equal(n, numbers(json_string_value(json_object_get(test, "predicted")),
				    predicted, MAX_SAMPLES));
	for (size_t i = 0; i < n; i++)
		confusion_add(c, truth[i], predicted[i], weight_of(test, i));
	confusion_add(c, -1, 0, 1); /* an ignored label changes nothing */
}

static void count_multi(struct confusion *c, const json_t *test)
{
	json_t *truth = json_object_get(test, "truth"),
	       *predicted = json_object_get(test, "predicted");
	for (size_t i = 0; i < json_array_size(truth); i++) {
		long t[64], p[64];
		uint8_t t8[64], p8[64];
		assert_int_equal(c->classes,
				 numbers(json_string_value(json_array_get(truth, i)), t, 64));
		assert_int_equal(c->classes,
				 numbers(json_string_value(json_array_get(predicted, i)), p, 64));
		for (uint32_t k = 0; k < c->classes; k++) {
			t8[k] = (uint8_t)t[k];
			p8[k] = (uint8_t)p[k];
		}
		confusion_add_multi(c, t8, p8, weight_of(test, i));
	}
}

/* Equal values under the same keys in the same order. */
static void check_same(json_t *got, json_t *want, const char *where)
{
	if (json_is_number(want)) {
		if (json_number_value(got) != json_number_value(want))
			fail_msg("%s: %.17g, not %.17g", where, json_number_value(got),
				 json_number_value(want));
		return;
	}
	assert_int_equal(json_object_size(got), json_object_size(want));
	void *i = json_object_iter(got);
	const char *key;
	json_t *value;
	json_object_foreach(want, key, value)
	{
		assert_string_equal(json_object_iter_key(i), key);
		check_same(json_object_iter_value(i), value, key);
		i = json_object_iter_next(got, i);
	}
}

static void check_matrix(const struct confusion *c, const json_t *want)
{
	for (size_t i = 0; i < json_array_size(want); i++)
		for (size_t j = 0; j < c->classes; j++)
			assert_true(c->matrix[i * c->classes + j] ==
				    json_number_value(json_array_get(json_array_get(want, i), j)));
}

static void test_recorded(void **state)
{
	(void)state;
	json_t *tests = load("cases.json");
	assert_true(json_array_size(tests) > 100);
	for (size_t t = 0; t < json_array_size(tests); t++) {
		const json_t *test = json_array_get(tests, t);
		bool multi = !strcmp(json_string_value(json_object_get(test, "kind")), "multi");
		const char *names[400];
		uint32_t labels[400];
		json_t *jnames = json_object_get(test, "names");
		json_t *jlabels = json_object_get(test, "labels");
		for (size_t i = 0; i < json_array_size(jnames); i++)
			names[i] = json_string_value(json_array_get(jnames, i));
		for (size_t i = 0; i < json_array_size(jlabels); i++)
			labels[i] = (uint32_t)json_integer_value(json_array_get(jlabels, i));
		struct report_options options = {
			.names = json_is_array(jnames) ? names : NULL,
			.digits = (int)json_integer_value(json_object_get(test, "digits")),
			.labels = json_is_array(jlabels) ? labels : NULL,
			.n_labels = (uint32_t)json_array_size(jlabels),
		};
		struct confusion c;
		confusion_init(&c, multi ? CONFUSION_MULTI_LABEL : CONFUSION_SINGLE_LABEL,
			       (uint32_t)json_integer_value(json_object_get(test, "classes")));
		(multi ? count_multi : count_single)(&c, test);

		char *text = report_text(&c, &options);
		assert_string_equal(text, json_string_value(json_object_get(test, "text")));
		free(text);
		json_t *dict = report_json(&c, &options);
		check_same(dict, json_object_get(test, "dict"), "report");
		json_decref(dict);
		assert_true(confusion_accuracy(&c) ==
			    json_number_value(json_object_get(test, "accuracy")));
		check_matrix(&c, json_object_get(test, "matrix"));
		confusion_release(&c);
	}
	json_decref(tests);
}

static struct confusion small(void)
{
	struct confusion c;
	static const int truth[] = { 0, 1, 2, 2, 2 }, predicted[] = { 0, 0, 2, 2, 1 };
	confusion_init(&c, CONFUSION_SINGLE_LABEL, 3);
	for (int i = 0; i < 5; i++)
		confusion_add(&c, truth[i], predicted[i], 1);
	return c;
}

static void test_matrix_text(void **state)
{
	(void)state;
	struct confusion c = small();
	char *text = report_matrix(&c, (const char *const[]){ "a", "été", "long name" });
	assert_string_equal(text, "rows: true class, columns: predicted class\n"
				  "                   a        été  long name\n"
				  "        a          1          0          0\n"
				  "      été          1          0          0\n"
				  "long name          0          1          2\n");
	free(text);
	const char *wide = "a name so long that three columns of it are wider than the page";
	text = report_matrix(&c, (const char *const[]){ "a", wide, "c" });
	assert_non_null(strstr(text, "\n                                                           "
				     "            0    1    2\n"));
	char *row = mem_printf("\n%s   1    1    0    0\n", wide);
	assert_non_null(strstr(text, row));
	free(row);
	free(text);
	confusion_release(&c);
	confusion_init(&c, CONFUSION_SINGLE_LABEL, REPORT_MATRIX_MAX + 1);
	assert_null(report_matrix(&c, NULL));
	confusion_release(&c);
}

static void test_no_samples(void **state)
{
	(void)state;
	struct confusion c;
	confusion_init(&c, CONFUSION_SINGLE_LABEL, 2);
	char *text = report_text(&c, &(struct report_options){ .digits = 2 });
	assert_non_null(strstr(text, "    accuracy                           0.00         0\n"));
	free(text);
	confusion_release(&c);
	confusion_init(&c, CONFUSION_MULTI_LABEL, 2);
	text = report_text(&c, &(struct report_options){ .digits = 2 });
	assert_non_null(strstr(text, " samples avg       0.00      0.00      0.00         0\n"));
	free(text);
	confusion_release(&c);
}

/* More classes than a matrix is kept for: the report still stands. */
static void test_many_classes(void **state)
{
	(void)state;
	struct confusion c;
	confusion_init(&c, CONFUSION_SINGLE_LABEL, 100000);
	confusion_add(&c, 99999, 99999, 1);
	confusion_add(&c, 99998, 0, 1);
	assert_null(c.matrix);
	assert_true(confusion_accuracy(&c) == 0.5);
	struct evaluation e = { .confusion = &c, .loss = NAN };
	json_t *json = evaluation_json(&e, NULL);
	assert_true(json_is_null(json_object_get(json, "confusion_matrix")));
	assert_true(json_is_null(json_object_get(json, "loss")));
	json_decref(json);
	confusion_release(&c);
}

static void test_evaluation(void **state)
{
	(void)state;
	struct confusion c = small();
	struct evaluation e = { .confusion = &c, .loss = 0.75 };
	json_t *json = evaluation_json(&e, (const char *const[]){ "a", "b\xff\x1b[1m", "c" });
	char *text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(
		text,
		"{\"version\":1,\"loss\":0.75,\"classes\":[\"a\",\"b??[1m\",\"c\"],\"report\":{"
		"\"a\":{\"precision\":0.5,\"recall\":1.0,\"f1-score\":0.66666666666666663,"
		"\"support\":1.0},\"b??[1m\":{\"precision\":0.0,\"recall\":0.0,\"f1-score\":0.0,"
		"\"support\":1.0},\"c\":{\"precision\":1.0,\"recall\":0.66666666666666663,"
		"\"f1-score\":0.80000000000000004,\"support\":3.0},\"accuracy\":"
		"0.59999999999999998,\"macro avg\":{\"precision\":0.5,\"recall\":"
		"0.55555555555555547,\"f1-score\":0.48888888888888893,\"support\":5.0},"
		"\"weighted avg\":{\"precision\":0.69999999999999996,\"recall\":"
		"0.59999999999999998,\"f1-score\":0.6133333333333334,\"support\":5.0}},"
		"\"confusion_matrix\":[[1,0,0],[1,0,0],[0,1,2]]}");
	free(text);
	json_decref(json);
	text = evaluation_text(&e, NULL);
	assert_non_null(strstr(text, "           2       1.00      0.67      0.80         3\n"));
	free(text);

	struct confusion better;
	confusion_init(&better, CONFUSION_SINGLE_LABEL, 3);
	confusion_add(&better, 1, 1, 1);
	struct evaluation after = { .confusion = &better, .loss = 0.125 };
	text = report_summary(&e, &after);
	assert_string_equal(text, "accuracy       0.6000 ->   1.0000\n"
				  "macro_f1       0.4889 ->   0.3333\n"
				  "weighted_f1    0.6133 ->   1.0000\n"
				  "loss           0.7500 ->   0.1250\n");
	free(text);
	confusion_release(&better);
	confusion_release(&c);
}

static void test_utf8(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
		size_t length;
	} cases[] = {
		{ "", "", 0 },
		{ "naïve 日本 🙂", "naïve 日本 🙂", 10 },
		{ "a\tb\x7f", "a?b?", 4 },
		{ "\xc3", "?", 1 },                /* cut short */
		{ "\xc0\xaf", "??", 2 },           /* overlong */
		{ "\xed\xa0\x80", "???", 3 },      /* surrogate */
		{ "\xf4\x90\x80\x80", "????", 4 }, /* beyond the last code point */
		{ "\xc2\x9b"
		  "1m",
		  "??1m", 4 }, /* C1 control: drives some terminals */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *clean = utf8_clean(cases[i].in);
		assert_string_equal(clean, cases[i].out);
		assert_int_equal(utf8_length(clean), cases[i].length);
		json_t *json = json_string(clean); /* jansson takes valid UTF-8 only */
		assert_non_null(json);
		json_decref(json);
		free(clean);
	}
}

static void test_numbers(void **state)
{
	(void)state;
	static const struct {
		double x;
		const char *text;
	} cases[] = {
		{ 0, "0.0" },
		{ -0.0, "-0.0" },
		{ 1, "1.0" },
		{ 0.1, "0.1" },
		{ 1e-5, "1e-05" },
		{ 0.0001, "0.0001" },
		{ 1e16, "1e+16" },
		{ 123456789, "123456789.0" },
		{ 2.0 / 3, "0.6666666666666666" },
		{ 1e22, "1e+22" },
		{ 9007199254740993.0, "9007199254740992.0" },
		{ 5e-324, "5e-324" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
		{ INFINITY, "inf" },
		{ -INFINITY, "-inf" },
		{ NAN, "nan" },
	};
	char text[NUMBER_TEXT];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(number_format(cases[i].x, text), cases[i].text);

	double x;
	int64_t n;
	assert_true(number_parse("-1.5e3", &x) && x == -1500);
	assert_true(number_parse(".5", &x) && x == 0.5);
	static const char *const bad[] = { "",    " 1",    "1 ", "0x10", "nan",
					   "inf", "1e999", "1e", "-",    "1,5" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(number_parse(bad[i], &x));
	assert_true(number_parse_integer("-9223372036854775808", &n) && n == INT64_MIN);
	static const char *const bad_integers[] = { "", "9223372036854775808", "1.0", "1e3", "--1",
						    "+" };
	for (size_t i = 0; i < ARRAY_SIZE(bad_integers); i++)
		assert_false(number_parse_integer(bad_integers[i], &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),   cmocka_unit_test(test_matrix_text),
		cmocka_unit_test(test_no_samples), cmocka_unit_test(test_many_classes),
		cmocka_unit_test(test_evaluation), cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
