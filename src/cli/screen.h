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

/* Prints a document and frees it. */
void screen_json(FILE *out, json_t *document);

#endif
