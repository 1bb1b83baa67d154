/*
 * command_tune.c - the commands tune and evaluate: calls the library, prints what comes back (see
 * commands.h).
 */
#include "api/tune.h"
#include "cli/report_page.h"
#include "cli/screen.h"
#include "eval/report.h"

#include <stdlib.h>
#include <string.h>

/* ---- results ---- */

/* --fail-under: every gate that is not met gets a line. */
static int check_gates(struct cli *cli, const struct config *config, const struct evaluation *e)
{
	int status = EXIT_DONE;
	for (uint32_t i = 0; i < config->fail_under.n; i++) {
		const struct gate *gate = &config->fail_under.v[i];
		double value;
		if (gate_met(gate, e, &value))
			continue;
		screen_line(cli, "onnxtune: %s is %.6g, --fail-under asks for %.6g",
			    gate->metric->name, value, gate->bound);
		status = EXIT_GATE;
	}
	return status;
}

static const char *const *class_names(const struct project *p)
{
	return p->dataset.labels.names;
}

static void print_evaluation(FILE *out, const char *title, const struct project *p,
			     const struct evaluation *e, bool matrix)
{
	char *text = evaluation_text(e, class_names(p));
	char *square = matrix && e->confusion ? report_matrix(e->confusion, class_names(p)) : NULL;
	fprintf(out, "%s\n\n%s\n", title, text);
	if (square)
		fprintf(out, "%s\n", square);
	free(text);
	free(square);
}

static json_t *mapping_json(const struct project *p)
{
	const struct label_map *map = &p->dataset.labels;
	json_t *classes = json_array();
	for (uint32_t i = 0; i < map->n_folders; i++)
		json_array_append_new(classes, json_pack("{s:o, s:i}", "folder",
							 screen_string(map->folders[i]), "class",
							 (int)map->classes[i]));
	return classes;
}

static json_t *preprocessing_json(const struct project *p)
{
	json_t *o = json_object();
	for (int i = 0; i < SETTING_COUNT && p->dataset.images; i++) {
		char text[SETTING_TEXT];
		enum setting s = (enum setting)i;
		json_object_set_new(o, setting_name(s),
				    json_pack("{s:s, s:s}", "value",
					      preprocess_format(&p->preprocess, s, text), "source",
					      setting_source_name(p->preprocess.source[i])));
	}
	return o;
}

static json_t *project_json(const struct project *p, const char *command)
{
	return json_pack("{s:i, s:s, s:o, s:o, s:o, s:o}", "version", REPORT_VERSION, "command",
			 command, "model", screen_string(p->config->model), "data",
			 screen_string(p->config->data), "mapping", mapping_json(p),
			 "preprocessing", preprocessing_json(p));
}

static json_t *tune_json(const void *result)
{
	const struct tune_result *r = result;
	const struct project *p = &r->project;
	json_t *o = project_json(p, "tune");
	json_object_set_new(o, "before", evaluation_json(&r->before.evaluation, class_names(p)));
	json_object_set_new(o, "after",
			    r->signal ? json_null()
				      : evaluation_json(&r->after.evaluation, class_names(p)));
	json_object_set_new(o, "steps", json_integer(r->steps));
	json_object_set_new(o, "skipped", json_integer(r->skipped));
	json_object_set_new(o, "seconds", json_real(r->seconds));
	json_object_set_new(o, "output", screen_string(r->output));
	return o;
}

static void tune_text(FILE *out, const void *result)
{
	const struct tune_result *r = result;
	const struct project *p = &r->project;
	print_evaluation(out, "Before tuning", p, &r->before.evaluation, false);
	if (r->signal)
		return;
	print_evaluation(out, "After tuning", p, &r->after.evaluation, true);
	char *summary = report_summary(&r->before.evaluation, &r->after.evaluation);
	fprintf(out, "%s\n", summary);
	free(summary);
}

static char *tune_page(const void *result)
{
	return report_page_tune(result);
}

/* How a command shows its result. */
struct forms {
	screen_print *print;
	screen_document *document;
	char *(*page)(const void *result);
};

/* A result to the standard output, and to the --report file. */
static enum status show(struct cli *cli, const struct config *config, const struct forms *forms,
			const void *result, struct error *err)
{
	char *text = screen_format(forms->print, forms->document, config->json, result);
	terminal_clear(cli->terminal);
	fputs(text, cli->out);
	free(text);
	if (!config->report)
		return OK;
	enum report_form form = report_form_of(config->report);
	text = form == REPORT_HTML
		       ? forms->page(result)
		       : screen_format(forms->print, forms->document, form == REPORT_JSON, result);
	enum status status = file_write_all(config->report, text, strlen(text), err);
	free(text);
	return status;
}

/* ---- the commands ---- */

static const struct forms tune_forms = { tune_text, tune_json, tune_page };

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
		status = EXIT_SIGNAL + r.signal;
		screen_line(cli,
			    "onnxtune: stopped by %s after %lld steps; %s has the weights of "
			    "the last",
			    r.signal == SIGINT ? "SIGINT" : "SIGTERM", (long long)r.steps,
			    r.output);
	} else {
		status = check_gates(cli, config, &r.after.evaluation);
	}
	if (show(cli, config, &tune_forms, &r, &err) != OK)
		status = cli_fail(cli, &err);
	if (!config->json)
		fprintf(cli->out, "%s\n", r.output);
	tune_release(&r);
	return status;
}

struct evaluate_result {
	struct project project;
	struct evaluated evaluated;
};

static void evaluate_text(FILE *out, const void *result)
{
	const struct evaluate_result *r = result;
	char *title = mem_printf("%s on %s", r->project.config->model,
				 r->project.dataset.validation.name);
	print_evaluation(out, title, &r->project, &r->evaluated.evaluation, true);
	free(title);
}

static json_t *evaluate_json(const void *result)
{
	const struct evaluate_result *r = result;
	json_t *o = project_json(&r->project, "evaluate");
	json_object_set_new(o, "evaluation",
			    evaluation_json(&r->evaluated.evaluation, class_names(&r->project)));
	return o;
}

static char *evaluate_page(const void *result)
{
	const struct evaluate_result *r = result;
	return report_page_evaluate(&r->project, &r->evaluated);
}

static const struct forms evaluate_forms = { evaluate_text, evaluate_json, evaluate_page };

int command_evaluate(const struct config *config, struct cli *cli)
{
	struct screen screen = { cli, config };
	struct api_ui ui = screen_ui(&screen);
	struct evaluate_result r;
	struct problems problems = { 0 };
	struct error err;
	int status;
	*cli->stop = STOP_ASKED_NOT;
	if (config->report && file_check_writable(config->report, &err) != OK)
		return cli_fail(cli, &err);
	if (project_open(config, &ui, false, &r.project, &problems, &err) != OK)
		return screen_fail_all(cli, &problems, config->model);
	if (project_evaluate(&r.project, "evaluate", &r.evaluated, &err) != OK) {
		status = cli_fail(cli, &err);
		project_release(&r.project);
		return status;
	}
	status = check_gates(cli, config, &r.evaluated.evaluation);
	if (show(cli, config, &evaluate_forms, &r, &err) != OK)
		status = cli_fail(cli, &err);
	evaluated_release(&r.evaluated);
	project_release(&r.project);
	return status;
}
