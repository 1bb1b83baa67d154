/* log.c - formats a message and hands it to the log's owner (see log.h). */
#include "base/log.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

PRINTF_LIKE(3, 0)
static void line(const struct log *log, enum log_level level, const char *fmt, va_list ap)
{
	char text[2000];
	if (!log || !log->line)
		return;
	vsnprintf(text, sizeof text, fmt, ap);
	utf8_replace(text); /* names out of files must not drive the terminal */
	log->line(log->ctx, level, text);
}

void log_note(const struct log *log, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	line(log, LOG_NOTE, fmt, ap);
	va_end(ap);
}

void log_warn(const struct log *log, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	line(log, LOG_WARN, fmt, ap);
	va_end(ap);
}
