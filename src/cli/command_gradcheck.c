/*
 * command_gradcheck.c - the command gradcheck: a line for each trained tensor, more for what is not
 * as it should be.
 */
#include "api/gradcheck.h"
#include "cli/screen.h"
#include "eval/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const verdicts[] = {
	[DIFFERENCE_OK] = "ok",
	[DIFFERENCE_KINK] = "kink?",
	[DIFFERENCE_FAIL] = "FAIL",
};

static void print_check(FILE *out, int width, const char *name, const char *shape,
			const struct gradcheck_check *c, double error,
			enum difference_verdict verdict)
{
	fprintf(out, "%-*s  %-16s %15.8e %15.8e %9.1e  %s\n", width, name, shape, c->analytic,
		c->difference.numeric, error, verdicts[verdict]);
}

static void print_tensor(FILE *out, int width, const struct gradcheck_tensor *t)
{
	char shape[SHAPE_TEXT];
	/* The first is the check along a direction. */
	print_check(out, width, t->name, shape_format(&t->shape, shape), &t->checks[0], t->error,
		    t->verdict);
	for (uint32_t k = 1; k < t->n; k++) {
		const struct gradcheck_check *c = &t->checks[k];
		if (c->difference.verdict == DIFFERENCE_OK)
			continue;
		char element[40];
		snprintf(element, sizeof element, "element %lld", (long long)c->element);
		print_check(out, width, "", element, c, c->difference.error, c->difference.verdict);
	}
}

/* What is shown: as text, as JSON. */
struct shown {
	const struct config *config;
	const struct gradcheck_result *result;
};

static void print_result(FILE *out, const void *result)
{
	const struct gradcheck_result *r = ((const struct shown *)result)->result;
	int width = 4;
	for (uint32_t i = 0; i < r->n; i++)
		if ((int)strlen(r->tensors[i].name) > width)
			width = (int)strlen(r->tensors[i].name);
	fprintf(out, "%s, in float64\n\n%-*s  %-16s %15s %15s %9s\n", r->function, width, "name",
		"shape", "analytic", "numeric", "error");
	for (uint32_t i = 0; i < r->n; i++)
		print_tensor(out, width, &r->tensors[i]);
	fprintf(out, "\n%u tensors, %u failed", r->n, r->failed);
	if (r->kinks)
		fprintf(out,
			", %u at a kink (one-sided differences disagree: the derivative is a "
			"matter of convention)",
			r->kinks);
	fputc('\n', out);
}

static json_t *number(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static json_t *tensor_json(const struct gradcheck_tensor *t)
{
	json_t *shape = json_array(), *checks = json_array();
	for (int i = 0; i < t->shape.rank; i++)
		json_array_append_new(shape, json_integer(t->shape.dim[i]));
	for (uint32_t k = 0; k < t->n; k++) {
		const struct gradcheck_check *c = &t->checks[k];
		json_t *element = c->element < 0 ? json_null() : json_integer(c->element);
		json_array_append_new(checks,
				      json_pack("{s:o, s:o, s:o, s:o, s:s}", "element", element,
						"analytic", number(c->analytic), "numeric",
						number(c->difference.numeric), "error",
						number(c->difference.error), "verdict",
						verdicts[c->difference.verdict]));
	}
	return json_pack("{s:o, s:o, s:o, s:s, s:o}", "name", screen_string(t->name), "shape",
			 shape, "error", number(t->error), "verdict", verdicts[t->verdict],
			 "checks", checks);
}

static json_t *result_json(const void *result)
{
	const struct shown *shown = result;
	const struct gradcheck_result *r = shown->result;
	json_t *tensors = json_array();
	for (uint32_t i = 0; i < r->n; i++)
		json_array_append_new(tensors, tensor_json(&r->tensors[i]));
	return json_pack("{s:i, s:s, s:o, s:o, s:f, s:o, s:i, s:i}", "version", REPORT_VERSION,
			 "command", "gradcheck", "model", screen_string(shown->config->model),
			 "function", screen_string(r->function), "tolerance", DIFFERENCE_TOLERANCE,
			 "tensors", tensors, "failed", (int)r->failed, "kinks", (int)r->kinks);
}

int command_gradcheck(const struct config *config, struct cli *cli)
{
	struct screen screen = { cli, config };
	struct api_ui ui = screen_ui(&screen);
	struct gradcheck_result r;
	struct problems problems = { 0 };
	struct error err;
	*cli->stop = STOP_ASKED_NOT;
	if (gradcheck_run(config, &ui, &r, &problems, &err) != OK)
		return screen_fail_all(cli, &problems, config->model);
	char *text = screen_format(print_result, result_json, config->json,
				   &(struct shown){ config, &r });
	terminal_clear(cli->terminal);
	fputs(text, cli->out);
	free(text);
	int status = r.failed ? EXIT_FAILED : EXIT_DONE;
	gradcheck_release(&r);
	return status;
}
