/*
 * table_labels.c - what the label columns of CSV files mean (see table.h): whole numbers are classes,
 * other numbers values, texts names of classes; several columns of 0 and 1 say for each class whether
 * the sample has it.
 */
#include "data/table.h"

#include "data/targets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* From narrow to wide: one text among numbers makes all of them names. */
enum label_kind { LABELS_WHOLE, LABELS_NUMBERS, LABELS_TEXT };

struct scan {
	enum label_kind kind;
	bool binary; /* nothing but 0 and 1 */
	uint32_t columns;
	const char *const *names; /* [columns] of the label columns */
};

static bool is_table(const struct location *l)
{
	return l->form == FORM_TABLE || l->form == FORM_LISTED;
}

static bool is_blank(const char *field)
{
	return !field[strspn(field, " \t")];
}

static enum status scan_record(const struct table *t, const struct table_columns *c,
			       struct scan *scan, struct error *err)
{
	for (uint32_t k = 0; k < c->n_labels; k++) {
		const char *field = csv_field(&t->csv, c->labels[k]);
		int64_t whole = 2;
		double x;
		if (is_blank(field))
			return table_fail(t, c->labels[k], err, "the label is empty");
		bool is_whole = csv_integer(field, &whole);
		enum label_kind kind = is_whole                ? LABELS_WHOLE
				       : csv_number(field, &x) ? LABELS_NUMBERS
							       : LABELS_TEXT;
		if (kind > scan->kind)
			scan->kind = kind;
		scan->binary &= is_whole && (whole == 0 || whole == 1);
		if (kind == LABELS_TEXT && c->n_labels > 1)
			return table_fail(t, c->labels[k], err,
					  "'%s' is not a number, which each of several label "
					  "columns takes",
					  field);
	}
	return OK;
}

/* Calls `take` for each record of the location, which has them counted. */
static enum status each_record(struct opening *o, struct location *l,
			       enum status (*take)(const struct table *,
						   const struct table_columns *, void *,
						   struct error *),
			       void *ctx, struct error *err)
{
	struct arena *arena = &o->ds->arena;
	struct table t;
	struct table_columns c = { 0 };
	bool end = false;
	TRY(table_open(l->path, arena, &t, err));
	l->samples = 0;
	enum status status = table_columns(&t, o->options->label_column, l->form == FORM_LISTED,
					   arena, &c, err);
	while (status == OK) {
		status = table_next(&t, &end, err);
		if (status != OK || end)
			break;
		if (l->samples == INT32_MAX)
			status = fail(err, ERR_INPUT, "%s: more than %d samples", l->path,
				      INT32_MAX);
		else
			status = take(&t, &c, ctx, err);
		l->samples++;
	}
	if (status == OK && !l->samples)
		status = fail(err, ERR_INPUT, "%s: there is a header, but no sample", l->path);
	table_close(&t);
	return status;
}

static enum status take_scan(const struct table *t, const struct table_columns *c, void *ctx,
			     struct error *err)
{
	struct scan *scan = ctx;
	if (!scan->columns) {
		scan->columns = c->n_labels;
		const char **names = (const char **)scan->names;
		for (uint32_t k = 0; k < c->n_labels; k++)
			names[k] = t->names[c->labels[k]];
	}
	return scan_record(t, c, scan, err);
}

/* The names of classes met so far, in an order of their own. */
struct name_list {
	struct map index;
	struct arena *arena;
	ARRAY(const char *) v;
};

static enum status take_name(const struct table *t, const struct table_columns *c, void *ctx,
			     struct error *err)
{
	struct name_list *list = ctx;
	const char *field = csv_field(&t->csv, c->labels[0]);
	uint32_t known;
	if (map_get(&list->index, field, &known))
		return OK;
	if (list->v.n == CLASSES_MAX)
		return table_fail(t, c->labels[0], err, "there are more than %u classes",
				  CLASSES_MAX);
	field = arena_strdup(list->arena, field);
	map_set(&list->index, field, list->v.n);
	*array_push(&list->v) = field;
	return OK;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Collects the names of all parts and maps them to classes. */
static enum status map_names(struct opening *o, struct location *const locations[2],
			     struct error *err)
{
	struct dataset *ds = o->ds;
	struct name_list list = { .arena = &ds->arena };
	enum status status = OK;
	for (int l = 0; l < 2 && status == OK; l++)
		if (is_table(locations[l]))
			status = each_record(o, locations[l], take_name, &list, err);
	if (status == OK) {
		qsort(list.v.v, list.v.n, sizeof *list.v.v, by_text);
		o->n_folders = list.v.n;
		o->folders = arena_dup(&ds->arena, list.v.v, list.v.n * sizeof *list.v.v);
		for (uint32_t i = 0; i < list.v.n; i++)
			map_set(&o->folder_index, o->folders[i], i);
	}
	map_release(&list.index);
	array_release(&list.v);
	TRY(status);
	TRY(label_map_make(o->folders, o->n_folders, "label", &o->options->names,
			   o->options->classes, o->options->adapt, &ds->arena, &ds->labels, err));
	ds->n_classes = ds->labels.n;
	return OK;
}

/* What the targets are, by what was asked for and what the fields hold. */
static enum status choose_targets(struct opening *o, const struct scan *scan, struct error *err)
{
	struct dataset *ds = o->ds;
	enum target_kind asked = o->options->targets;
	const char *path = o->train.form != FORM_NONE ? o->train.path : o->validation.path;
	if (scan->columns > 1 && asked == TARGETS_CLASSES)
		return fail(err, ERR_INPUT,
			    "%s: there are %u label columns, but cross-entropy takes one", path,
			    scan->columns);
	if (scan->kind == LABELS_TEXT && asked == TARGETS_VALUES)
		return fail(err, ERR_INPUT,
			    "%s: column '%s' holds texts, but the model is trained on values", path,
			    scan->names[0]);
	ds->targets = asked != TARGETS_ANY                                ? asked
		      : scan->kind == LABELS_NUMBERS || scan->columns > 1 ? TARGETS_VALUES
									  : TARGETS_CLASSES;
	ds->multi_label = scan->columns > 1 && scan->binary;
	if (ds->targets == TARGETS_VALUES)
		ds->labels = (struct label_map){ .n = scan->columns, .names = scan->names };
	return OK;
}

enum status opening_map_labels(struct opening *o, struct error *err)
{
	struct location *const locations[2] = { &o->train, &o->validation };
	struct scan scans[2] = { { .binary = true }, { .binary = true } };
	struct scan *all = NULL;
	for (int l = 0; l < 2; l++) {
		if (!is_table(locations[l]))
			continue;
		/* as many as the longest header could have */
		struct table t;
		TRY(table_open(locations[l]->path, &o->ds->arena, &t, err));
		scans[l].names = arena_alloc(&o->ds->arena, t.columns * sizeof *scans[l].names);
		table_close(&t);
		TRY(each_record(o, locations[l], take_scan, &scans[l], err));
		if (all && all->columns != scans[l].columns)
			return fail(err, ERR_INPUT, "%s has %u label columns, %s %u",
				    locations[0]->path, all->columns, locations[l]->path,
				    scans[l].columns);
		if (!all) {
			all = &scans[l];
			continue;
		}
		all->kind = scans[l].kind > all->kind ? scans[l].kind : all->kind;
		all->binary &= scans[l].binary;
	}
	TRY(choose_targets(o, all, err));
	return all->kind == LABELS_TEXT ? map_names(o, locations, err) : OK;
}

enum status table_new_targets(const struct opening *o, const struct location *l, uint32_t columns,
			      struct tensor *out, struct error *err)
{
	bool classes = o->ds->targets == TARGETS_CLASSES;
	struct tensor t = { classes ? DT_I64 : DT_F32, SHAPE(l->samples), NULL };
	size_t bytes = 0;
	if (!classes) {
		t.shape.rank = 2;
		t.shape.dim[1] = columns;
	}
	TRY(tensor_size(t.dtype, &t.shape, &bytes, err));
	TRY(mem_try_alloc(bytes, &t.data, err));
	*out = t;
	return OK;
}

static enum status take_class(const struct opening *o, const struct table *t, uint32_t column,
			      int64_t *out, struct error *err)
{
	const char *field = csv_field(&t->csv, column);
	uint32_t classes = opening_classes(o), index;
	if (o->n_folders) {
		*out = map_get(&o->folder_index, field, &index)
			       ? (int64_t)o->ds->labels.classes[index]
			       : IGNORED_CLASS;
		return OK;
	}
	double x = 0;
	csv_number(field, &x);
	struct tensor one = { DT_F64, SHAPE(1), &x };
	classes = classes ? classes : CLASSES_MAX;
	return targets_class(&one, 0, classes, o->options->ignored_label, out, err) == OK
		       ? OK
		       : table_fail(t, column, err, "the label %s is not a class from 0 to %u",
				    field, classes - 1);
}

enum status table_take_labels(const struct opening *o, const struct table *t,
			      const struct table_columns *c, uint32_t i, struct tensor *targets,
			      struct error *err)
{
	if (targets->dtype == DT_I64)
		return take_class(o, t, c->labels[0], (int64_t *)targets->data + i, err);
	float *to = (float *)targets->data + (size_t)i * c->n_labels;
	for (uint32_t k = 0; k < c->n_labels; k++) {
		double x = NAN;
		csv_number(csv_field(&t->csv, c->labels[k]), &x);
		to[k] = (float)x;
		if (!isfinite(to[k]))
			return table_fail(t, c->labels[k], err, "%s is too large for a float32",
					  csv_field(&t->csv, c->labels[k]));
	}
	return OK;
}
