/* test_gate.c - quality gates: metrics, those of classes, changes. */
#include "eval/gate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Two of four right at first, three then. */
static void fill(struct confusion *before, struct confusion *after)
{
	confusion_init(before, CONFUSION_SINGLE_LABEL, 2);
	confusion_add(before, 0, 0, 1);
	confusion_add(before, 0, 1, 1);
	confusion_add(before, 1, 0, 1);
	confusion_add(before, 1, 1, 1);
	confusion_init(after, CONFUSION_SINGLE_LABEL, 2);
	confusion_add(after, 0, 0, 1);
	confusion_add(after, 0, 1, 1);
	confusion_add(after, 1, 1, 1);
	confusion_add(after, 1, 1, 1);
}

static void test_gates(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool met;
		double value;
	} cases[] = {
		{ "accuracy=0.75", true, 0.75 },
		{ "accuracy=0.76", false, 0.75 },
		{ "macro_recall=.5", true, 0.75 },
		{ "macro_precision=1", false, (1 + 2.0 / 3) / 2 },
		{ "weighted_f1=0.7", true, (2.0 / 3 + 0.8) / 2 },
		{ "loss=0.5", true, 0.5 },
		{ "loss=0.49", false, 0.5 },
		{ "mse=1000", false, NAN }, /* does not apply: never met */
		{ "r2=-1000", false, NAN },
		{ "samples_f1=0", false, NAN },
		/* classes, by name, then by number */
		{ "f1[cat]=0.66", true, 2.0 / 3 },
		{ "recall[cat]=0.6", false, 0.5 },
		{ "precision[cat]=1", true, 1 },
		{ "recall[a=b]]=1", true, 1 },
		{ "precision[1]=0.7", false, 2.0 / 3 },
		{ "f1[dog]=0", false, NAN },
		/* changes, of which the bound is the least, or the most for a loss */
		{ "change[accuracy]=0.25", true, 0.25 },
		{ "change[accuracy]=0.26", false, 0.25 },
		{ "change[recall[cat]]=0", true, 0 },
		{ "change[loss]=-0.5", true, -0.5 },
		{ "change[loss]=-0.6", false, -0.5 },
	};
	const char *const names[] = { "cat", "a=b]" };
	struct confusion before, after;
	struct arena arena;
	fill(&before, &after);
	arena_init(&arena);
	const struct evaluation e[] = { { &before, NULL, 1 }, { &after, NULL, 0.5 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gate gate;
		double value;
		assert_int_equal(gate_parse(cases[i].text, &arena, &gate, NULL), OK);
		struct gate_view view = { &e[1], &e[0], names, names };
		if (gate_met(&gate, &view, &value) != cases[i].met ||
		    (isnan(cases[i].value) ? !isnan(value)
					   : !(fabs(value - cases[i].value) < 1e-15)))
			fail_msg("%s: %.17g", cases[i].text, value);
		view.other = NULL; /* then there is no change */
		if (gate_met(&gate, &view, &value) != (cases[i].met && !gate.change))
			fail_msg("%s without another evaluation", cases[i].text);
	}
	arena_release(&arena);
	confusion_release(&before);
	confusion_release(&after);
}

static void test_classes(void **state)
{
	(void)state;
	const char *const names[] = { "cat", "7" };
	struct arena arena;
	struct gate gate;
	struct error err;
	arena_init(&arena);
	assert_int_equal(gate_parse("f1[7]=1", &arena, &gate, NULL), OK);
	assert_int_equal(gate_check_class(&gate, names, 2, &err), OK);
	assert_int_equal(gate_check_class(&gate, NULL, 8, &err), OK);
	assert_int_equal(gate_check_class(&gate, NULL, 7, &err), ERR_USAGE);
	assert_string_equal(err.text, "f1[7]: no class has this name; the first is '0'");
	assert_int_equal(gate_check_class(&gate, NULL, 0, &err), ERR_USAGE);
	assert_string_equal(err.text, "f1[7]: this report has no classes");
	assert_int_equal(gate_parse("loss=1", &arena, &gate, NULL), OK);
	assert_int_equal(gate_check_class(&gate, NULL, 0, &err), OK);
	arena_release(&arena);
}

static void test_errors(void **state)
{
	(void)state;
	struct arena arena;
	struct gate gate;
	struct error err;
	arena_init(&arena);
	assert_int_equal(gate_parse("acuracy=0.9", &arena, &gate, &err), ERR_USAGE);
	assert_string_equal(
		err.text,
		"'acuracy=0.9': unknown metric; known are accuracy, macro_f1, macro_precision, "
		"macro_recall, micro_f1, micro_precision, micro_recall, weighted_f1, "
		"weighted_precision, weighted_recall, samples_f1, samples_precision, "
		"samples_recall, loss, mse, mae, r2, precision[CLASS], recall[CLASS], f1[CLASS], "
		"change[METRIC]");
	static const char *const bad[] = {
		"accuracy",   "accuracy=",   "accuracy=90%",  "=1",
		"loss=nan",   "f1[]=1",      "f1[a=1",        "f1]a[=1",
		"change[]=1", "change[x]=1", "accuracy[a]=1", "change[change[loss]]=1"
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (gate_parse(bad[i], &arena, &gate, &err) != ERR_USAGE)
			fail_msg("%s is taken", bad[i]);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gates),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
