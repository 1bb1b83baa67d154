/*
 * parse.h - from the command line and configuration files to struct invocation, and back to a
 * configuration file.
 *
 * A configuration file has one `name = value` a line, the names being those of the options without
 * dashes; flags are yes or no. A line that starts with '#' and what follows a blank and '#' is
 * comment. A value with blanks at its ends, a '#' after a blank or control characters is written
 * between double quotes, with \" \\ \n \r \t. Options of other commands are read and ignored.
 */
#ifndef ONNXTUNE_CLI_PARSE_H
#define ONNXTUNE_CLI_PARSE_H

#include "base/text.h"
#include "cli/options.h"

#define CONFIG_FILE_MAX (1 << 20) /* bytes */

/* All options at their defaults. */
void parse_defaults(struct invocation *inv, struct arena *arena);

/*
 * The whole command line: defaults, then the files of --config, then the options themselves (lists
 * add up). ERR_USAGE for what is wrong with it, ERR_IO for a file that can't be read. With --help,
 * --version, --completion and --print-config arguments may be missing. What out points to lives in the arena.
 */
enum status MUST_CHECK parse_command_line(int argc, char **argv, struct arena *arena,
					  struct invocation *out, struct error *err);

/* Sets options from the n bytes of a configuration file; errors begin with "NAME:LINE: ". */
enum status MUST_CHECK parse_config(const char *name, const char *text, size_t n,
				    struct invocation *inv, struct arena *arena, struct error *err);

/* Derives what options say together (batch_size, ...). ERR_USAGE when they contradict each other. */
enum status MUST_CHECK parse_finish(struct invocation *inv, struct error *err);

/* Appends the options of the command as a configuration file that parse_config reads. */
void parse_print_config(const struct invocation *inv, struct text *out);

#endif
