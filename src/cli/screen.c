/* screen.c - what all commands share (see screen.h). */
#include "cli/screen.h"

#include "base/utf8.h"
#include "eval/report.h"
#include "ops/print.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void screen_line(struct cli *cli, const char *fmt, ...)
{
	char *line;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&line, fmt, ap) < 0)
		line = NULL;
	va_end(ap);
	if (line)
		terminal_line(cli->terminal, line);
	free(line);
}

static int exit_status(const struct cli *cli, const struct error *err)
{
	if (err->status == ERR_STOPPED)
		return EXIT_SIGNAL + *cli->stop;
	return err->status == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

int cli_fail(struct cli *cli, const struct error *err)
{
	screen_line(cli, "onnxtune: %s", err->text);
	return exit_status(cli, err);
}

int screen_fail_all(struct cli *cli, const struct problems *problems, const char *file)
{
	uint32_t shown = problems->total < PROBLEMS_MAX ? problems->total : PROBLEMS_MAX;
	for (uint32_t i = 0; i < shown; i++) {
		const char *text = problems->list[i].text;
		bool about_node = !strncmp(text, "node '", 6);
		screen_line(cli, "onnxtune: %s%s%s", about_node ? file : "", about_node ? ": " : "",
			    text);
	}
	if (problems->total > shown)
		screen_line(cli, "onnxtune: and %u more problems", problems->total - shown);
	return exit_status(cli, &problems->list[0]);
}

static void draw(void *ctx, struct progress *progress, double now, bool last)
{
	struct terminal *terminal = ((struct screen *)ctx)->cli->terminal;
	if (last)
		terminal_progress_end(terminal, progress, now);
	else
		terminal_progress(terminal, progress, now);
}

static void dump(void *ctx, const char *pass, const struct graph *graph)
{
	const struct screen *screen = ctx;
	for (uint32_t i = 0; i < screen->config->dump_after.n; i++) {
		struct text text = { 0 };
		if (strcmp(screen->config->dump_after.v[i], pass))
			continue;
		graph_print(graph, &text);
		terminal_clear(screen->cli->terminal);
		fprintf(stderr, "after %s:\n%s", pass, text.s ? text.s : "");
		text_release(&text);
	}
}

struct api_ui screen_ui(struct screen *screen)
{
	struct cli *cli = screen->cli;
	return (struct api_ui){
		.log = cli->log,
		.interval = terminal_interval(cli->terminal),
		.draw = draw,
		.ctx = screen,
		.stop = cli->stop,
		.dump = screen->config->dump_after.n ? dump : NULL,
	};
}

/* Names out of files must not drive the terminal. */
static void clean_lines(char *text)
{
	for (char *line = text, *end; *line; line = end) {
		end = line + strcspn(line, "\n");
		bool more = *end;
		*end = 0;
		utf8_replace(line);
		if (more)
			*end++ = '\n';
	}
}

char *screen_format(screen_print *print, screen_document *document, bool json, const void *result)
{
	if (json) {
		json_t *content = document(result);
		json_t *o = json_pack("{s:s}", "schema", REPORT_SCHEMA);
		json_object_update(o, content);
		json_decref(content);
		char *dump = json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
		char *text = mem_printf("%s\n", dump);
		free(dump);
		json_decref(o);
		return text;
	}
	char *text = NULL;
	size_t n = 0;
	FILE *memory = open_memstream(&text, &n);
	if (memory)
		print(memory, result);
	if (!memory || fclose(memory)) {
		free(text);
		return mem_strdup("");
	}
	clean_lines(text);
	return text;
}

json_t *screen_string(const char *s)
{
	char *clean = s ? utf8_clean(s) : NULL;
	json_t *string = clean ? json_string(clean) : json_null();
	free(clean);
	return string;
}
