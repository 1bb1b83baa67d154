/* table.c - CSV files with a header (see table.h): columns by name. */
#include "data/table.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bytes after which the pages of the file that lie behind are given back. */
#define FORGET_BYTES ((size_t)16 << 20)

static enum status read_header(struct table *t, struct arena *arena, struct error *err)
{
	bool end;
	struct map seen = { 0 };
	enum status status = OK;
	uint32_t ignored;
	if (csv_next(&t->csv, &end, err) != OK)
		return fail_context(err, "%s", t->path);
	if (end)
		return fail(err, ERR_INPUT, "%s: the file is empty", t->path);
	const char **names = arena_alloc(arena, t->csv.n * sizeof *names);
	for (uint32_t i = 0; i < t->csv.n && status == OK; i++) {
		names[i] = arena_strdup(arena, csv_field(&t->csv, i));
		if (!*names[i])
			status = fail(err, ERR_INPUT, "%s: the header gives column %u no name",
				      t->path, i + 1);
		else if (map_get(&seen, names[i], &ignored))
			status = fail(err, ERR_INPUT, "%s: the header names column '%s' twice",
				      t->path, names[i]);
		else
			map_set(&seen, names[i], i);
	}
	map_release(&seen);
	t->names = names;
	t->columns = t->csv.n;
	return status;
}

enum status table_open(const char *path, struct arena *arena, struct table *out, struct error *err)
{
	struct table t = { .path = path };
	TRY(file_map(path, &t.map, err));
	csv_open(&t.csv, t.map.data, t.map.size);
	enum status status = read_header(&t, arena, err);
	if (status != OK)
		table_close(&t);
	else
		*out = t;
	return status;
}

void table_close(struct table *t)
{
	csv_release(&t->csv);
	file_unmap(&t->map);
}

enum status table_next(struct table *t, bool *end, struct error *err)
{
	if (csv_next(&t->csv, end, err) != OK)
		return fail_context(err, "%s", t->path);
	if (!*end && t->csv.n != t->columns)
		return fail(err, ERR_INPUT, "%s: line %llu has %u fields, the header %u", t->path,
			    (unsigned long long)t->csv.line, t->csv.n, t->columns);
	if (t->csv.at - t->forgotten >= FORGET_BYTES) {
		file_map_forget(t->map.data + t->forgotten, t->csv.at - t->forgotten);
		t->forgotten = t->csv.at;
	}
	return OK;
}

enum status table_fail(const struct table *t, uint32_t column, struct error *err, const char *fmt,
		       ...)
{
	char text[500];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return fail(err, ERR_INPUT, "%s: line %llu, column '%s': %s", t->path,
		    (unsigned long long)t->csv.line, t->names[column], text);
}

static const char *const labels[] = { "label", "class", "target", "y", NULL };
static const char *const files[] = { "file", "filename", "image", "path", NULL };

static bool find_exact(const struct table *t, const char *name, size_t n, uint32_t *out)
{
	for (uint32_t i = 0; i < t->columns; i++)
		if (strlen(t->names[i]) == n && !memcmp(t->names[i], name, n)) {
			*out = i;
			return true;
		}
	return false;
}

/* The first of the names, ended by NULL, that a column has in any case. */
static bool find_usual(const struct table *t, const char *const *names, uint32_t *out)
{
	for (; *names; names++)
		for (uint32_t i = 0; i < t->columns; i++)
			if (!strcasecmp(t->names[i], *names)) {
				*out = i;
				return true;
			}
	return false;
}

static enum status no_column(const struct table *t, const char *name, size_t n, struct error *err)
{
	struct text names = { 0 };
	for (uint32_t i = 0; i < t->columns; i++)
		text_add(&names, "%s'%s'", i ? ", " : "", t->names[i]);
	fail(err, ERR_INPUT, "%s: there is no column '%.*s'; there are: %s", t->path, (int)n, name,
	     names.s);
	text_release(&names);
	return ERR_INPUT;
}

/* Marks the columns that are named. */
static enum status mark_given(const struct table *t, const char *given, bool *label,
			      struct error *err)
{
	uint32_t i;
	if (find_exact(t, given, strlen(given), &i)) {
		label[i] = true;
		return OK;
	}
	for (const char *at = given;; at++) {
		size_t n = strcspn(at, ",");
		if (!find_exact(t, at, n, &i))
			return no_column(t, at, n, err);
		label[i] = true;
		at += n;
		if (!*at)
			return OK;
	}
}

static enum status mark(const struct table *t, const char *given, bool listed, bool *label,
			struct error *err)
{
	uint32_t file = 0, one = t->columns - 1;
	if (t->columns < 2)
		return fail(err, ERR_INPUT,
			    "%s: the header has a single column; commas divide columns, and one of "
			    "them is the label",
			    t->path);
	if (given)
		return mark_given(t, given, label, err);
	if (listed) {
		find_usual(t, files, &file);
		for (uint32_t i = 0; i < t->columns; i++)
			label[i] = i != file;
		return OK;
	}
	find_usual(t, labels, &one);
	label[one] = true;
	return OK;
}

enum status table_columns(const struct table *t, const char *given, bool listed,
			  struct arena *arena, struct table_columns *out, struct error *err)
{
	bool *label = arena_alloc(arena, t->columns);
	struct table_columns c = { 0 };
	TRY(mark(t, given, listed, label, err));
	c.labels = arena_alloc(arena, t->columns * sizeof *c.labels);
	c.rest = arena_alloc(arena, t->columns * sizeof *c.rest);
	for (uint32_t i = 0; i < t->columns; i++)
		if (label[i])
			c.labels[c.n_labels++] = i;
		else
			c.rest[c.n_rest++] = i;
	if (!c.n_rest)
		return fail(err, ERR_INPUT, "%s: all columns are labels", t->path);
	if (listed) {
		find_usual(t, files, c.rest);
		if (label[c.rest[0]])
			return fail(err, ERR_INPUT,
				    "%s: column '%s' names the files, it can't be "
				    "a label",
				    t->path, t->names[c.rest[0]]);
	}
	*out = c;
	return OK;
}
