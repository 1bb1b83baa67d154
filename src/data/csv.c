/*
 * csv.c - reads records of comma-separated text (see csv.h). Fields are copied without their quotes
 * into one growing text, so a record needs as much memory as its longest one.
 */
#include "data/csv.h"

#include "base/number.h"

#include <stdlib.h>
#include <string.h>

void csv_open(struct csv *csv, const uint8_t *data, size_t size)
{
	static const uint8_t mark[] = { 0xef, 0xbb, 0xbf };
	*csv = (struct csv){ .data = data, .size = size, .next_line = 1 };
	if (size >= sizeof mark && !memcmp(data, mark, sizeof mark))
		csv->at = sizeof mark;
}

void csv_release(struct csv *csv)
{
	array_release(&csv->text);
	array_release(&csv->start);
}

const char *csv_field(const struct csv *csv, uint32_t i)
{
	return csv->text.v + csv->start.v[i];
}

static bool at_end(const struct csv *c)
{
	return c->at == c->size || c->data[c->at] == '\n' || c->data[c->at] == '\r';
}

/* Passes over one line end: CR LF, LF or CR. */
static void pass_line_end(struct csv *c)
{
	bool cr = c->data[c->at++] == '\r';
	if (cr && c->at < c->size && c->data[c->at] == '\n')
		c->at++;
	c->next_line++;
}

static enum status add(struct csv *c, uint8_t byte, struct error *err)
{
	if (!byte)
		return fail(err, ERR_INPUT, "line %llu: a NUL byte; this is no text",
			    (unsigned long long)c->next_line);
	if (c->text.n >= CSV_RECORD_MAX)
		return fail(err, ERR_INPUT, "line %llu: a record of more than %zu MiB",
			    (unsigned long long)c->line, CSV_RECORD_MAX >> 20);
	*array_push(&c->text) = (char)byte;
	return OK;
}

/* The field behind an opening quote, up to its closing one. */
static enum status read_quoted(struct csv *c, struct error *err)
{
	uint64_t opened = c->next_line;
	for (; c->at < c->size; c->at++) {
		uint8_t byte = c->data[c->at];
		bool next_quote = c->at + 1 < c->size && c->data[c->at + 1] == '"';
		if (byte == '"' && !next_quote) {
			c->at++;
			if (c->at < c->size && c->data[c->at] != ',' && !at_end(c))
				return fail(err, ERR_INPUT,
					    "line %llu: text behind the closing quote of field %u",
					    (unsigned long long)c->next_line, c->start.n);
			return OK;
		}
		c->at += byte == '"';
		c->next_line += byte == '\n';
		TRY(add(c, byte, err));
	}
	return fail(err, ERR_INPUT, "line %llu: the quote of field %u is not closed",
		    (unsigned long long)opened, c->start.n);
}

static enum status read_plain(struct csv *c, struct error *err)
{
	for (; !at_end(c) && c->data[c->at] != ','; c->at++) {
		if (c->data[c->at] == '"')
			return fail(err, ERR_INPUT,
				    "line %llu: a quote inside field %u, which is not quoted",
				    (unsigned long long)c->next_line, c->start.n);
		TRY(add(c, c->data[c->at], err));
	}
	return OK;
}

enum status csv_next(struct csv *c, bool *end, struct error *err)
{
	while (c->at < c->size && at_end(c))
		pass_line_end(c);
	*end = c->at == c->size;
	if (*end)
		return OK;
	c->line = c->next_line;
	c->text.n = c->start.n = 0;
	for (;;) {
		*array_push(&c->start) = c->text.n;
		if (c->at < c->size && c->data[c->at] == '"') {
			c->at++;
			TRY(read_quoted(c, err));
		} else {
			TRY(read_plain(c, err));
		}
		*array_push(&c->text) = '\0';
		if (at_end(c))
			break;
		c->at++; /* the comma */
	}
	c->n = c->start.n;
	if (c->at < c->size)
		pass_line_end(c);
	return OK;
}

/* The field without blanks around it, in `text`; false when it is longer than any number. */
static bool trim(const char *field, char text[64])
{
	field += strspn(field, " \t");
	size_t n = strlen(field);
	while (n && (field[n - 1] == ' ' || field[n - 1] == '\t'))
		n--;
	if (!n || n >= 64)
		return false;
	memcpy(text, field, n);
	text[n] = '\0';
	return true;
}

bool csv_number(const char *field, double *out)
{
	char text[64];
	return trim(field, text) && number_parse(text, out);
}

bool csv_integer(const char *field, int64_t *out)
{
	char text[64];
	return trim(field, text) && number_parse_integer(text, out);
}
