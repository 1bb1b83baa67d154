/* helper.c - finds the command (see helper.h). */
#include "helper.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int words; /* at least */
	int (*run)(int argc, char **argv);
} helpers[] = {
	{ "model", 1, helper_model },       { "npz", 2, helper_npz },
	{ "pictures", 5, helper_pictures }, { "json", 1, helper_json },
	{ "idx", 5, helper_idx },           { "lines", 2, helper_lines },
	{ "distance", 2, helper_distance }, { "stop", 4, helper_stop },
	{ "schema", 2, helper_schema },     { "kill", 4, helper_kill },
	{ "events", 1, helper_events },     { "losses", 4, helper_losses },
};

void helper_die(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("helper: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	exit(1);
}

enum dtype helper_dtype(const char *text)
{
	for (int d = 1; d < 64; d++)
		if (dtype_bits((enum dtype)d) && !strcmp(text, dtype_name((enum dtype)d)))
			return (enum dtype)d;
	return (enum dtype)atoi(text);
}

int helper_dims(const char *text, int64_t *dims, int max)
{
	int n = 0;
	for (const char *p = text; *p;) {
		char *end;
		if (n == max)
			helper_die("too many dims: %s", text);
		dims[n++] = strtoll(p, &end, 0);
		if (end == p || (*end && *end != ','))
			helper_die("no dims: %s", text);
		p = end + (*end == ',');
	}
	return n;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(helpers); i++)
		if (!strcmp(argv[1], helpers[i].name) && argc - 2 >= helpers[i].words)
			return helpers[i].run(argc - 2, argv + 2);
	helper_die("unknown command, or too few words");
}
