/*
 * report.c - reports as text and JSON (see report.h). The layout follows the format strings of
 * scikit-learn's classification_report: a right-aligned name column as wide as the longest name
 * (at least "weighted avg"), then columns of nine characters.
 */
#include "eval/report.h"
#include "base/number.h"
#include "base/text.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum report_form report_form_of(const char *path)
{
	static const struct {
		const char *ending;
		enum report_form form;
	} forms[] = { { ".json", REPORT_JSON }, { ".html", REPORT_HTML }, { ".htm", REPORT_HTML } };
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t n = strlen(path), m = strlen(forms[i].ending);
		if (n >= m && !strcmp(path + n - m, forms[i].ending))
			return forms[i].form;
	}
	return REPORT_TEXT;
}

/* One line of a report below the classes. */
struct average_row {
	const char *heading;
	enum average average;
};

/* The class names of a report, printable. */
struct names {
	char **v;
	size_t width; /* code points of the longest */
	uint32_t n;
};

static uint32_t label(const struct report_options *options, uint32_t i)
{
	return options->labels ? options->labels[i] : i;
}

static struct names names_of(const struct confusion *c, const struct report_options *options)
{
	struct names names = { .n = options->labels ? options->n_labels : c->classes };
	names.v = mem_alloc(names.n * sizeof *names.v);
	for (uint32_t i = 0; i < names.n; i++) {
		uint32_t class = label(options, i);
		names.v[i] = options->names ? utf8_clean(options->names[class])
					    : mem_printf("%u", class);
		size_t n = utf8_length(names.v[i]);
		names.width = n > names.width ? n : names.width;
	}
	return names;
}

static void names_release(struct names *names)
{
	for (uint32_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
}

/* True when the reported classes hold every class that occurs: then the micro average is accuracy. */
static bool micro_is_accuracy(const struct confusion *c, const struct report_options *options)
{
	if (c->kind != CONFUSION_SINGLE_LABEL)
		return false;
	if (!options->labels)
		return true;
	bool *reported = mem_alloc(c->classes);
	for (uint32_t i = 0; i < options->n_labels; i++)
		reported[options->labels[i]] = true;
	bool all = true;
	for (uint32_t i = 0; i < c->classes; i++)
		all &= reported[i] || (!c->support[i] && !c->predicted[i]);
	free(reported);
	return all;
}

/* Fills the averages that a report of these counts has and returns how many. */
static uint32_t averages_of(const struct confusion *c, const struct report_options *options,
			    struct average_row rows[4])
{
	uint32_t n = 0;
	rows[n++] = (struct average_row){
		micro_is_accuracy(c, options) ? "accuracy" : "micro avg",
		AVERAGE_MICRO,
	};
	rows[n++] = (struct average_row){ "macro avg", AVERAGE_MACRO };
	rows[n++] = (struct average_row){ "weighted avg", AVERAGE_WEIGHTED };
	if (c->kind == CONFUSION_MULTI_LABEL)
		rows[n++] = (struct average_row){ "samples avg", AVERAGE_SAMPLES };
	return n;
}

static double total_support(const struct confusion *c, const struct report_options *options,
			    uint32_t n)
{
	double sum = 0;
	for (uint32_t i = 0; i < n; i++)
		sum += c->support[label(options, i)];
	return sum;
}

static void add_name(struct text *text, const char *name, size_t width)
{
	size_t n = utf8_length(name);
	text_add(text, "%*s%s ", (int)(n < width ? width - n : 0), "", name);
}

static void add_scores(struct text *text, struct scores s, int digits)
{
	text_add(text, " %9.*f %9.*f %9.*f", digits, s.precision, digits, s.recall, digits, s.f1);
}

/*
 * Supports are whole numbers unless the samples have weights, or no single-label prediction at all
 * is right: scikit-learn's counts are then floating-point too, and that shows.
 */
static void add_support(struct text *text, const struct confusion *c, double support)
{
	char number[NUMBER_TEXT];
	bool all_wrong = c->kind == CONFUSION_SINGLE_LABEL && c->exact == 0 && c->total > 0;
	if (c->weighted || all_wrong)
		text_add(text, " %9s\n", number_format(support, number));
	else
		text_add(text, " %9.0f\n", support);
}

char *report_text(const struct confusion *c, const struct report_options *options)
{
	struct names names = names_of(c, options);
	struct average_row averages[4];
	uint32_t n_averages = averages_of(c, options, averages);
	size_t width = names.width;
	const size_t least = sizeof "weighted avg" - 1;
	width = width > least ? width : least;
	width = (int)width > options->digits ? width : (size_t)options->digits;

	struct text text = { 0 };
	add_name(&text, "", width);
	text_add(&text, " %9s %9s %9s %9s\n\n", "precision", "recall", "f1-score", "support");
	for (uint32_t i = 0; i < names.n; i++) {
		add_name(&text, names.v[i], width);
		add_scores(&text, confusion_class(c, label(options, i)), options->digits);
		add_support(&text, c, c->support[label(options, i)]);
	}
	text_add(&text, "\n");
	double support = total_support(c, options, names.n);
	for (uint32_t i = 0; i < n_averages; i++) {
		struct scores s = confusion_average(c, averages[i].average, options->labels,
						    options->n_labels);
		add_name(&text, averages[i].heading, width);
		if (averages[i].average == AVERAGE_MICRO && micro_is_accuracy(c, options))
			text_add(&text, " %9s %9s %9.*f", "", "", options->digits, s.f1);
		else
			add_scores(&text, s, options->digits);
		add_support(&text, c, support);
	}
	names_release(&names);
	return text.s;
}

static json_t *scores_json(struct scores s, double support)
{
	return json_pack("{s:f, s:f, s:f, s:f}", "precision", s.precision, "recall", s.recall,
			 "f1-score", s.f1, "support", support);
}

json_t *report_json(const struct confusion *c, const struct report_options *options)
{
	struct names names = names_of(c, options);
	struct average_row averages[4];
	uint32_t n_averages = averages_of(c, options, averages);
	json_t *report = json_object();
	for (uint32_t i = 0; i < names.n; i++)
		json_object_set_new(report, names.v[i],
				    scores_json(confusion_class(c, label(options, i)),
						c->support[label(options, i)]));
	double support = total_support(c, options, names.n);
	for (uint32_t i = 0; i < n_averages; i++) {
		struct scores s = confusion_average(c, averages[i].average, options->labels,
						    options->n_labels);
		bool scalar = averages[i].average == AVERAGE_MICRO && micro_is_accuracy(c, options);
		json_object_set_new(report, averages[i].heading,
				    scalar ? json_real(s.precision) : scores_json(s, support));
	}
	names_release(&names);
	return report;
}

/* A number, or null where JSON has none for it. */
static json_t *number_json(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static json_t *matrix_json(const struct confusion *c)
{
	if (!c->matrix)
		return json_null();
	json_t *rows = json_array();
	for (uint32_t i = 0; i < c->classes; i++) {
		json_t *row = json_array();
		for (uint32_t j = 0; j < c->classes; j++) {
			double x = c->matrix[(size_t)i * c->classes + j];
			json_array_append_new(row, c->weighted ? json_real(x)
							       : json_integer((json_int_t)x));
		}
		json_array_append_new(rows, row);
	}
	return rows;
}

json_t *evaluation_json(const struct evaluation *e, const char *const *names)
{
	json_t *object = json_object();
	json_object_set_new(object, "version", json_integer(REPORT_VERSION));
	json_object_set_new(object, "loss", number_json(e->loss));
	if (e->regression) {
		json_object_set_new(object, "mse", number_json(regression_mse(e->regression)));
		json_object_set_new(object, "mae", number_json(regression_mae(e->regression)));
		json_object_set_new(object, "r2", number_json(regression_r2(e->regression)));
		return object;
	}
	struct report_options options = { .names = names };
	struct names clean = names_of(e->confusion, &options);
	json_t *classes = json_array();
	for (uint32_t i = 0; i < clean.n; i++)
		json_array_append_new(classes, json_string(clean.v[i]));
	names_release(&clean);
	json_object_set_new(object, "classes", classes);
	json_object_set_new(object, "report", report_json(e->confusion, &options));
	json_object_set_new(object, "confusion_matrix", matrix_json(e->confusion));
	return object;
}

char *evaluation_text(const struct evaluation *e, const char *const *names)
{
	if (e->confusion)
		return report_text(e->confusion,
				   &(struct report_options){ .names = names, .digits = 2 });
	return mem_printf("mean squared error   %.6g\nmean absolute error  %.6g\n"
			  "R2                   %.4f\n",
			  regression_mse(e->regression), regression_mae(e->regression),
			  regression_r2(e->regression));
}

#define MATRIX_COLUMNS 100

char *report_matrix(const struct confusion *c, const char *const *names)
{
	if (!c->matrix || c->classes > REPORT_MATRIX_MAX)
		return NULL;
	struct report_options options = { .names = names };
	struct names name = names_of(c, &options);
	char number[NUMBER_TEXT];
	/* the widest count decides, and the names over the columns where the lines stay short */
	size_t cell = sizeof "100" - 1;
	for (size_t i = 0; i < (size_t)c->classes * c->classes; i++) {
		size_t n = c->weighted ? utf8_length(number_format(c->matrix[i], number))
				       : (size_t)snprintf(NULL, 0, "%.0f", c->matrix[i]);
		cell = n > cell ? n : cell;
	}
	size_t wide = cell > name.width ? cell : name.width;
	bool by_number = name.width + c->classes * (wide + 2) > MATRIX_COLUMNS;
	cell = by_number ? cell : wide;

	struct text text = { 0 };
	text_add(&text, "rows: true class, columns: predicted class\n");
	text_add(&text, "%*s", (int)name.width + (by_number ? 4 : 0), "");
	for (uint32_t j = 0; j < c->classes; j++) {
		if (by_number)
			text_add(&text, "  %*u", (int)cell, j);
		else
			text_add(&text, "  %*s%s", (int)(cell - utf8_length(name.v[j])), "",
				 name.v[j]);
	}
	text_add(&text, "\n");
	for (uint32_t i = 0; i < c->classes; i++) {
		text_add(&text, "%*s%s", (int)(name.width - utf8_length(name.v[i])), "", name.v[i]);
		if (by_number)
			text_add(&text, "  %2u", i);
		for (uint32_t j = 0; j < c->classes; j++) {
			double x = c->matrix[i * c->classes + j];
			if (c->weighted)
				text_add(&text, "  %*s", (int)cell, number_format(x, number));
			else
				text_add(&text, "  %*.0f", (int)cell, x);
		}
		text_add(&text, "\n");
	}
	names_release(&name);
	return text.s;
}

char *report_summary(const struct evaluation *before, const struct evaluation *after)
{
	static const char *const main_metrics[] = { "accuracy", "macro_f1", "weighted_f1", "loss",
						    "mse",      "mae",      "r2" };
	struct text text = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(main_metrics); i++) {
		const struct metric *m = metric_find(main_metrics[i]);
		double a = m->value(before), b = m->value(after);
		if (!isnan(a) || !isnan(b))
			text_add(&text, "%-11s  %8.4f -> %8.4f\n", m->name, a, b);
	}
	return text.s;
}
