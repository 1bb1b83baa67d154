/*
 * screen.h - what all commands share: how the library's notes, progress, graphs and problems reach
 * the user.
 */
#ifndef ONNXTUNE_CLI_SCREEN_H
#define ONNXTUNE_CLI_SCREEN_H

#include "api/ui.h"
#include "cli/commands.h"

#include <jansson.h>

struct screen {
	struct cli *cli;
	const struct config *config;
};

/* What the library talks through; screen must outlive it. */
struct api_ui screen_ui(struct screen *screen);

/* One message, as printf makes it. */
void screen_line(struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Every problem on its line, those about nodes with the file in front that they are about; returns
 * the exit status.
 */
int screen_fail_all(struct cli *cli, const struct problems *problems, const char *file);

/* A result as text and as JSON. */
typedef void screen_print(FILE *out, const void *result);
typedef json_t *screen_document(const void *result);

/*
 * What print writes, one of the two being used: plain text line by line and JSON whatever names are
 * in it, with the name of its schema in front. Free with free().
 */
char *screen_format(screen_print *print, screen_document *document, bool json, const void *result);

/* A string of a document; null for NULL. */
json_t *screen_string(const char *s);

#endif
