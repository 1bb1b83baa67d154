/*
 * error.c - statuses and error texts (see error.h). Texts are built from names found in hostile
 * files: a name must not forge a second line or drive the terminal, so what is not plain text is
 * replaced.
 */
#include "base/error.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The function behind the macro. */
enum status(fail)(struct error *err, enum status status, const char *fmt, ...)
{
	if (!err)
		return status;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	utf8_replace(err->text);
	err->status = status;
	return status;
}

static void put_in_front(struct error *err, const char *fmt, va_list ap)
{
	char old[sizeof err->text];
	memcpy(old, err->text, sizeof old);
	int n = vsnprintf(err->text, sizeof err->text, fmt, ap);
	if (n >= 0 && (size_t)n + 2 < sizeof err->text) {
		size_t room = sizeof err->text - (size_t)n - 3, m = strlen(old);
		m = m < room ? m : room;
		memcpy(err->text + n, ": ", 2);
		memcpy(err->text + n + 2, old, m);
		err->text[(size_t)n + 2 + m] = 0;
	}
	utf8_replace(err->text);
}

enum status fail_context(struct error *err, const char *fmt, ...)
{
	if (!err)
		return ERR_INTERNAL;
	va_list ap;
	va_start(ap, fmt);
	put_in_front(err, fmt, ap);
	va_end(ap);
	return err->status;
}

void problems_add(struct problems *problems, const struct error *err)
{
	if (problems->total < PROBLEMS_MAX)
		problems->list[problems->total] = *err;
	problems->total++;
}

void problems_context(struct problems *problems, uint32_t from, const char *fmt, ...)
{
	for (uint32_t i = from; i < problems->total && i < PROBLEMS_MAX; i++) {
		va_list ap;
		va_start(ap, fmt);
		put_in_front(&problems->list[i], fmt, ap);
		va_end(ap);
	}
}
