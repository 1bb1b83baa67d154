/*
 * command_evaluate.c - the command evaluate, of one model or of two (see commands.h).
 */
#include "api/compare.h"
#include "base/file.h"
#include "cli/report_page.h"
#include "cli/result.h"
#include "eval/report.h"

#include <math.h>
#include <stdlib.h>

struct evaluate_result {
	struct project project;
	struct evaluated evaluated;
	bool compared;
	struct outputs outputs;
	struct comparison comparison;
};

/* ---- two models ---- */

static void print_differences(FILE *out, const struct evaluation *a, const struct evaluation *b)
{
	fprintf(out, "%-18s  %10s  %10s  %10s\n\n", "metric", "model", "other", "difference");
	for (const struct metric *m = metrics; m->name; m++) {
		double x = m->value(a), y = m->value(b);
		if (!isnan(x) || !isnan(y))
			fprintf(out, "%-18s  %10.4f  %10.4f  %+10.4f\n", m->name, x, y, x - y);
	}
	fprintf(out, "\n");
}

static void print_parity(FILE *out, const struct config *c, const struct comparison *comparison)
{
	const struct parity *p = &comparison->parity;
	if (p->comparable)
		fprintf(out,
			"outputs: largest absolute difference %.6g (sample %u), relative %.6g\n",
			p->max_absolute, p->worst_sample, p->max_relative);
	else
		fprintf(out, "outputs: the models give different numbers of them\n");
	for (uint32_t k = 0; comparison->n > 1 && k < comparison->n; k++) {
		const struct parity *each = &comparison->each[k];
		fprintf(out, "  %s: ", each->name);
		if (each->comparable)
			fprintf(out, "absolute %.6g (sample %u), relative %.6g\n",
				each->max_absolute, each->worst_sample, each->max_relative);
		else
			fprintf(out, "%s\n", each->paired ? "different numbers" : "not compared");
	}
	if (p->comparable && (c->atol != CONFIG_AUTO || c->rtol != CONFIG_AUTO))
		fprintf(out, "%llu of %llu elements beyond --atol and --rtol\n",
			(unsigned long long)p->beyond, (unsigned long long)p->elements);
	fprintf(out, "\n");
}

static json_t *number(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static json_t *differences_json(const struct evaluation *a, const struct evaluation *b)
{
	json_t *o = json_object();
	for (const struct metric *m = metrics; m->name; m++) {
		double x = m->value(a), y = m->value(b);
		if (!isnan(x) || !isnan(y))
			json_object_set_new(o, m->name, number(x - y));
	}
	return o;
}

static json_t *parity_json(const struct config *c, const struct parity *p)
{
	if (!p->comparable)
		return json_null();
	json_t *o = json_object();
	json_object_set_new(o, "elements", json_integer((json_int_t)p->elements));
	json_object_set_new(o, "max_absolute", number(p->max_absolute));
	json_object_set_new(o, "max_relative", number(p->max_relative));
	json_object_set_new(o, "worst_sample", json_integer(p->worst_sample));
	json_object_set_new(o, "atol", c->atol == CONFIG_AUTO ? json_null() : json_real(c->atol));
	json_object_set_new(o, "rtol", c->rtol == CONFIG_AUTO ? json_null() : json_real(c->rtol));
	bool asked = c->atol != CONFIG_AUTO || c->rtol != CONFIG_AUTO;
	json_object_set_new(o, "beyond", asked ? json_integer((json_int_t)p->beyond) : json_null());
	return o;
}

/* Those of the evaluated output, and of others that both models have. */
static json_t *each_json(const struct config *config, const struct comparison *c)
{
	json_t *list = json_array();
	for (uint32_t k = 0; k < c->n; k++) {
		json_t *o = json_object();
		json_object_set_new(o, "name", json_string(c->each[k].name));
		json_object_set_new(o, "difference", parity_json(config, &c->each[k]));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *comparison_json(const struct evaluate_result *r)
{
	const struct comparison *c = &r->comparison;
	json_t *o = result_json(&c->other, "evaluate");
	json_object_set_new(o, "evaluation",
			    evaluation_json(&c->evaluated.evaluation, result_names(&c->other)));
	json_object_set_new(o, "differences",
			    differences_json(&r->evaluated.evaluation, &c->evaluated.evaluation));
	json_object_set_new(o, "outputs", parity_json(r->project.config, &c->parity));
	json_object_set_new(o, "each_output", each_json(r->project.config, c));
	return o;
}

/* --atol and --rtol */
static int check_parity(struct cli *cli, const struct config *config, const struct parity *parity)
{
	if (!compare_is_beyond(config, parity))
		return EXIT_DONE;
	if (parity->comparable)
		screen_line(cli,
			    "onnxtune: %llu of %llu output elements differ by more than --atol and "
			    "--rtol allow, the most (%.6g) in sample %u",
			    (unsigned long long)parity->beyond,
			    (unsigned long long)parity->elements, parity->max_absolute,
			    parity->worst_sample);
	else
		screen_line(cli, "onnxtune: the models give different numbers of outputs, which "
				 "--atol and --rtol can't compare");
	return EXIT_GATE;
}

/* ---- the command ---- */

static void print_one(FILE *out, const struct project *p, const struct evaluated *e)
{
	char *title = mem_printf("%s on %s", p->config->model, p->dataset.validation.name);
	result_print(out, title, p, &e->evaluation, true);
	free(title);
}

static void evaluate_text(FILE *out, const void *result)
{
	const struct evaluate_result *r = result;
	const struct comparison *c = &r->comparison;
	print_one(out, &r->project, &r->evaluated);
	if (!r->compared)
		return;
	print_one(out, &c->other, &c->evaluated);
	print_differences(out, &r->evaluated.evaluation, &c->evaluated.evaluation);
	print_parity(out, r->project.config, c);
}

static json_t *evaluate_json(const void *result)
{
	const struct evaluate_result *r = result;
	json_t *o = result_json(&r->project, "evaluate");
	json_object_set_new(o, "evaluation",
			    evaluation_json(&r->evaluated.evaluation, result_names(&r->project)));
	if (r->compared)
		json_object_set_new(o, "compare", comparison_json(r));
	return o;
}

static char *evaluate_page(const void *result)
{
	const struct evaluate_result *r = result;
	return report_page_evaluate(&r->project, &r->evaluated,
				    r->compared ? &r->comparison : NULL);
}

static const struct result_forms evaluate_forms = { evaluate_text, evaluate_json, evaluate_page };

/* Evaluates what is opened; errors are in problems. */
static enum status evaluate(struct evaluate_result *r, struct problems *problems, struct error *err)
{
	enum status status;
	if (!r->compared)
		status = project_evaluate(&r->project, "evaluate", &r->evaluated, err);
	else
		status = compare_first(&r->project, &r->outputs, &r->evaluated, err);
	if (status != OK)
		problems_add(problems, err);
	else if (r->compared)
		status = compare_second(&r->project, &r->outputs, &r->comparison, problems, err);
	outputs_release(&r->outputs);
	if (status != OK)
		evaluated_release(&r->evaluated);
	return status;
}

int command_evaluate(const struct config *config, struct cli *cli)
{
	struct screen screen = { cli, config };
	struct api_ui ui = screen_ui(&screen);
	struct evaluate_result r = { .compared = config->compare };
	struct problems problems = { 0 };
	struct error err;
	*cli->stop = STOP_ASKED_NOT;
	if (config->report && file_check_writable(config->report, &err) != OK)
		return cli_fail(cli, &err);
	if (project_open(config, &ui, false, &r.project, &problems, &err) != OK)
		return screen_fail_all(cli, &problems, config->model);
	if (evaluate(&r, &problems, &err) != OK) {
		project_release(&r.project);
		return screen_fail_all(cli, &problems, config->model);
	}
	const struct comparison *c = &r.comparison;
	const struct gate_view view = { &r.evaluated.evaluation,
					r.compared ? &c->evaluated.evaluation : NULL,
					result_names(&r.project),
					r.compared ? result_names(&c->other) : NULL };
	int status = result_check_gates(cli, config, &view);
	if (r.compared && check_parity(cli, config, &c->parity) != EXIT_DONE)
		status = EXIT_GATE;
	if (result_show(cli, config, &evaluate_forms, &r, &err) != OK)
		status = cli_fail(cli, &err);
	if (r.compared)
		compare_release(&r.comparison);
	evaluated_release(&r.evaluated);
	project_release(&r.project);
	return status;
}
