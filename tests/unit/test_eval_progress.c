/*
 * test_eval_progress.c - the progress line against what tqdm writes (models/generate_progress.py
 * recorded it): single lines, numbers, and whole bars on a clock of our own.
 */
#include "base/utf8.h"
#include "eval/progress.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *load(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char *path = mem_printf("%s/tests/data/progress/%s", srcdir ? srcdir : ".", name);
	json_error_t error;
	json_t *json = json_load_file(path, 0, &error);
	if (!json)
		fail_msg("%s: %s", path, error.text);
	free(path);
	return json;
}

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static const char *string(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void test_lines(void **state)
{
	(void)state;
	json_t *tests = load("lines.json");
	assert_true(json_array_size(tests) > 300);
	for (size_t i = 0; i < json_array_size(tests); i++) {
		const json_t *test = json_array_get(tests, i);
		const struct progress_line line = {
			.n = (int64_t)number(test, "n"),
			.total = (int64_t)number(test, "total"),
			.elapsed = number(test, "elapsed"),
			.rate = number(test, "rate"),
			.unit = string(test, "unit"),
			.scale = json_is_true(json_object_get(test, "scale")),
			.description = string(test, "prefix"),
			.postfix = string(test, "postfix"),
		};
		int columns = (int)number(test, "columns");
		struct text text = { 0 };
		text_add(&text, "before|"); /* the line is appended */
		progress_format(&line, columns, json_is_true(json_object_get(test, "ascii")),
				&text);
		char *want = mem_printf("before|%s", string(test, "text"));
		assert_string_equal(text.s, want);
		assert_int_equal(text.n, strlen(want));
		free(want);
		text_release(&text);
	}
	json_decref(tests);
}

static void test_numbers(void **state)
{
	(void)state;
	json_t *tests = load("numbers.json");
	for (size_t i = 0; i < json_array_size(tests); i++) {
		const json_t *test = json_array_get(tests, i);
		struct text text = { 0 };
		progress_add_number(&text, "x", number(test, "value"));
		progress_add_number(&text, "y", NAN);
		char *want = mem_printf("x=%s, y=nan", string(test, "text"));
		assert_string_equal(text.s, want);
		free(want);
		text_release(&text);
	}
	json_decref(tests);
}

/* Adds a line as a terminal gets it: over the one before. */
static void draw(struct text *written, const char *line, size_t *last)
{
	size_t n = utf8_length(line);
	text_add(written, "\r%s%*s", line, (int)(n < *last ? *last - n : 0), "");
	*last = n;
}

static void test_runs(void **state)
{
	(void)state;
	json_t *tests = load("runs.json");
	for (size_t i = 0; i < json_array_size(tests); i++) {
		const json_t *test = json_array_get(tests, i),
			     *steps = json_object_get(test, "steps");
		int columns = (int)number(test, "columns");
		bool ascii = json_is_true(json_object_get(test, "ascii"));
		struct text written = { 0 }, line = { 0 };
		size_t last = 0;
		struct progress p;
		double start = number(test, "start");
		progress_begin(&p, (int64_t)number(test, "total"), PROGRESS_INTERVAL, start,
			       "Epoch %d/%d", 1, 1);
		progress_text(&p, start, columns, ascii, &line);
		draw(&written, line.s, &last);
		for (size_t k = 0; k < json_array_size(steps); k++) {
			const json_t *step = json_array_get(steps, k);
			double now = json_number_value(json_array_get(step, 0));
			p.postfix.n = 0;
			progress_add_number(&p.postfix, "loss",
					    json_number_value(json_array_get(step, 2)));
			if (progress_update(&p, json_integer_value(json_array_get(step, 1)), now)) {
				line.n = 0;
				progress_text(&p, now, columns, ascii, &line);
				draw(&written, line.s, &last);
			}
		}
		line.n = 0;
		progress_last_text(&p, number(test, "end"), columns, ascii, &line);
		draw(&written, line.s, &last);
		text_add(&written, "\n");
		assert_string_equal(written.s, string(test, "written"));
		text_release(&line);
		text_release(&written);
		progress_release(&p);
	}
	json_decref(tests);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
