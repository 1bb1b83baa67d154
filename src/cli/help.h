/*
 * help.h - everything written about the options, made from their table: the help text, the man page
 * docs/onnxtune.1 and the page docs/options.md.
 */
#ifndef ONNXTUNE_CLI_HELP_H
#define ONNXTUNE_CLI_HELP_H

#include "base/text.h"
#include "cli/options.h"

/* Lines of help have at most this many columns. */
#define HELP_COLUMNS 100

/* What the program does, its commands and all options. */
void help_text(struct text *out);

/* One command and its options. */
void help_command(enum command command, struct text *out);

/*
 * The man page, and the options as a page of Markdown. docs/ holds both as files; a test compares
 * them, and writes them anew where the environment variable WRITE_DOCS is set.
 */
void help_man(struct text *out);
void help_markdown(struct text *out);

#endif
