/*
 * log.h - where messages go. Modules below cli/ never print: they hand lines to the log that
 * their caller gave them. A struct log with no function drops them.
 */
#ifndef ONNXTUNE_BASE_LOG_H
#define ONNXTUNE_BASE_LOG_H

#include "base/error.h"

enum log_level {
	LOG_NOTE, /* what was decided and why: shown unless --quiet */
	LOG_WARN, /* something the user should act on */
};

struct log {
	void (*line)(void *ctx, enum log_level level, const char *text); /* no newline in text */
	void *ctx;
};

/* One line; log may be NULL. */
void log_note(const struct log *log, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_warn(const struct log *log, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
