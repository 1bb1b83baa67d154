/* gate.c - quality gates (see gate.h). */
#include "eval/gate.h"

#include "base/number.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

static double precision(struct scores s)
{
	return s.precision;
}

static double recall(struct scores s)
{
	return s.recall;
}

static double f1(struct scores s)
{
	return s.f1;
}

static const struct {
	const char *name;
	double (*value)(struct scores scores);
} class_metrics[] = { { "precision", precision }, { "recall", recall }, { "f1", f1 } };

static enum status unknown(const char *text, struct error *err)
{
	struct text line = { 0 };
	text_add(&line, "'%s': unknown metric; known are ", text);
	for (const struct metric *m = metrics; m->name; m++)
		text_add(&line, "%s, ", m->name);
	for (size_t i = 0; i < ARRAY_SIZE(class_metrics); i++)
		text_add(&line, "%s[CLASS], ", class_metrics[i].name);
	fail(err, ERR_USAGE, "%schange[METRIC]", line.s);
	text_release(&line);
	return ERR_USAGE;
}

/* The text between "WORD[" and "]", or NULL. */
static const char *inside(const char *text, const char *word, struct arena *arena)
{
	size_t n = strlen(word), m = strlen(text);
	if (m < n + 3 || strncmp(text, word, n) || text[n] != '[' || text[m - 1] != ']')
		return NULL;
	return arena_strndup(arena, text + n + 1, m - n - 2);
}

static bool parse_metric(const char *text, struct arena *arena, struct gate *gate)
{
	gate->metric = metric_find(text);
	for (size_t i = 0; i < ARRAY_SIZE(class_metrics) && !gate->metric && !gate->class; i++) {
		gate->class = inside(text, class_metrics[i].name, arena);
		gate->of_class = class_metrics[i].value;
	}
	return gate->metric || gate->class;
}

enum status gate_parse(const char *text, struct arena *arena, struct gate *out, struct error *err)
{
	/* the last one: names of classes may have some, numbers have none */
	const char *equals = strrchr(text, '=');
	struct gate gate = { 0 };
	if (!equals || !number_parse(equals + 1, &gate.bound))
		return fail(err, ERR_USAGE, "'%s' is not METRIC=VALUE, e.g. accuracy=0.9", text);
	gate.name = arena_strndup(arena, text, (size_t)(equals - text));
	const char *change = inside(gate.name, "change", arena);
	gate.change = change;
	if (!parse_metric(change ? change : gate.name, arena, &gate))
		return unknown(text, err);
	*out = gate;
	return OK;
}

/* The number of the gate's class; `classes` when there is none. */
static uint32_t find_class(const struct gate *gate, const char *const *names, uint32_t classes)
{
	int64_t number;
	for (uint32_t i = 0; i < classes && names; i++)
		if (!strcmp(names[i], gate->class))
			return i;
	bool good = number_parse_integer(gate->class, &number) && number >= 0 && number < classes;
	return good ? (uint32_t)number : classes;
}

enum status gate_check_class(const struct gate *gate, const char *const *names, uint32_t classes,
			     struct error *err)
{
	if (!gate->class || find_class(gate, names, classes) < classes)
		return OK;
	if (!classes)
		return fail(err, ERR_USAGE, "%s: this report has no classes", gate->name);
	return fail(err, ERR_USAGE, "%s: no class has this name; the first is '%s'", gate->name,
		    names ? names[0] : "0");
}

static double value_of(const struct gate *gate, const struct evaluation *e,
		       const char *const *names)
{
	if (gate->metric)
		return gate->metric->value(e);
	uint32_t classes = e->confusion ? e->confusion->classes : 0;
	uint32_t class = find_class(gate, names, classes);
	return class < classes ? gate->of_class(confusion_class(e->confusion, class)) : NAN;
}

bool gate_met(const struct gate *gate, const struct gate_view *view, double *value)
{
	*value = value_of(gate, view->evaluation, view->names);
	if (gate->change)
		*value -= view->other ? value_of(gate, view->other, view->other_names) : NAN;
	bool lower_is_better = gate->metric && gate->metric->lower_is_better;
	return lower_is_better ? *value <= gate->bound : *value >= gate->bound;
}
