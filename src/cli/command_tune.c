/*
 * command_tune.c - the command tune: calls the library, prints what comes back (see commands.h).
 */
#include "api/tune.h"
#include "cli/report_page.h"
#include "cli/result.h"
#include "eval/report.h"

#include <stdlib.h>
#include <string.h>

static json_t *tune_json(const void *result)
{
	const struct tune_result *r = result;
	const struct project *p = &r->project;
	json_t *o = result_json(p, "tune");
	json_object_set_new(o, "before", evaluation_json(&r->before.evaluation, result_names(p)));
	json_object_set_new(o, "after",
			    r->signal ? json_null()
				      : evaluation_json(&r->after.evaluation, result_names(p)));
	json_object_set_new(o, "steps", json_integer(r->steps));
	json_object_set_new(o, "skipped", json_integer(r->skipped));
	json_object_set_new(o, "best",
			    r->best_steps
				    ? json_pack("{s:s, s:f, s:I}", "metric", p->config->metric,
						"value", r->best, "step", (json_int_t)r->best_steps)
				    : json_null());
	json_object_set_new(o, "seconds", json_real(r->seconds));
	json_object_set_new(o, "output", screen_string(r->output));
	return o;
}

static void tune_text(FILE *out, const void *result)
{
	const struct tune_result *r = result;
	const struct project *p = &r->project;
	result_print(out, "Before tuning", p, &r->before.evaluation, false);
	if (r->signal)
		return;
	result_print(out, "After tuning", p, &r->after.evaluation, true);
	char *summary = report_summary(&r->before.evaluation, &r->after.evaluation);
	fprintf(out, "%s\n", summary);
	free(summary);
}

static char *tune_page(const void *result)
{
	return report_page_tune(result);
}

/* A word as the shell reads it back. */
static void add_word(struct text *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-_./,:=+@%";
	if (*word && word[strspn(word, plain)] == 0) {
		text_add(out, "%s", word);
		return;
	}
	text_add(out, "'");
	for (; *word; word++)
		text_add(out, *word == '\'' ? "'\\''" : "%c", *word);
	text_add(out, "'");
}

/* The command line that goes on with this run. */
static char *command_to_resume(const struct config *config, const struct cli *cli)
{
	struct text line = { 0 };
	add_word(&line, cli->argv[0]);
	if (!config->resume.on)
		text_add(&line, " --resume");
	for (char **word = cli->argv + 1; *word; word++) {
		text_add(&line, " ");
		add_word(&line, *word);
	}
	return line.s;
}

static int tell_stopped(struct cli *cli, const struct config *config, const struct tune_result *r)
{
	screen_line(cli, "onnxtune: stopped by %s after %lld steps; %s has the weights of the last",
		    r->signal == SIGINT ? "SIGINT" : "SIGTERM", (long long)r->steps, r->output);
	if (r->can_resume) {
		char *line = command_to_resume(config, cli);
		screen_line(cli, "go on with: %s", line);
		free(line);
	}
	return EXIT_SIGNAL + r->signal;
}

static const struct result_forms tune_forms = { tune_text, tune_json, tune_page };

int command_tune(const struct config *config, struct cli *cli)
{
	struct screen screen = { cli, config };
	struct api_ui ui = screen_ui(&screen);
	struct tune_result r;
	struct problems problems = { 0 };
	struct error err;
	*cli->stop = STOP_ASKED_NOT;
	if (config->report && file_check_writable(config->report, &err) != OK)
		return cli_fail(cli, &err);
	if (tune_run(config, &ui, &r, &problems, &err) != OK)
		return screen_fail_all(cli, &problems, config->model);
	int status;
	if (r.signal) {
		status = tell_stopped(cli, config, &r);
	} else {
		status = result_check_gates(
			cli, config,
			&(struct gate_view){ &r.after.evaluation, &r.before.evaluation,
					     result_names(&r.project), result_names(&r.project) });
	}
	if (result_show(cli, config, &tune_forms, &r, &err) != OK)
		status = cli_fail(cli, &err);
	if (!config->json)
		fprintf(cli->out, "%s\n", r.output);
	tune_release(&r);
	return status;
}
