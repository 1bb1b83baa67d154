/*
 * command_inspect.c - the command inspect: a model, and what training would make of it, as text or
 * JSON.
 */
#include "api/inspect.h"
#include "base/number.h"
#include "base/text.h"
#include "cli/screen.h"
#include "eval/report.h"

#include <stdlib.h>
#include <string.h>

static const char *const program_names[PROGRAM_COUNT] = {
	[PROGRAM_INIT] = "once",         [PROGRAM_UPDATE] = "update",
	[PROGRAM_FIRST] = "micro-batch", [PROGRAM_NEXT] = "micro-batch",
	[PROGRAM_APPLY] = "step",
};

/* "batch x3x224x224": open axes by their name. */
static char *declared_shape(const struct value *v)
{
	struct text text = { 0 };
	for (int i = 0; i < v->t.shape.rank; i++) {
		const char *name = v->dim_names ? v->dim_names[i] : NULL;
		text_add(&text, "%s", i ? " x " : "");
		if (v->t.shape.dim[i] != DIM_UNKNOWN)
			text_add(&text, "%lld", (long long)v->t.shape.dim[i]);
		else
			text_add(&text, "%s", name ? name : "?");
	}
	if (!v->t.shape.rank)
		text_add(&text, "scalar");
	return text.s;
}

/* ---- text ---- */

static int longest(int width, const char *s)
{
	return (int)strlen(s) > width ? (int)strlen(s) : width;
}

/* Inputs, or outputs: then `shapes` is NULL. */
static void print_values(FILE *out, const char *title, const struct graph *graph,
			 const uint32_t *ids, uint32_t n, const struct shape *shapes)
{
	int name = 0, shape = 0;
	fprintf(out, "\n%s\n", title);
	for (uint32_t k = 0; k < n; k++) {
		char *text = declared_shape(graph_value(graph, ids[k]));
		name = longest(name, graph_value(graph, ids[k])->name);
		shape = longest(shape, text);
		free(text);
	}
	for (uint32_t k = 0; k < n; k++) {
		const struct value *v = graph_value(graph, ids[k]);
		char *text = declared_shape(v), planned[SHAPE_TEXT];
		bool typed = v->t.dtype != DT_NONE;
		fprintf(out, "  %-*s  %s", name, v->name, typed ? dtype_name(v->t.dtype) : "?");
		if (shapes)
			fprintf(out, "  %-*s  planned as %s\n", shape, text,
				shape_format(&shapes[k], planned));
		else
			fprintf(out, "%s%s\n", typed ? "  " : "", typed ? text : "");
		free(text);
	}
}

static void print_ending(FILE *out, const struct inspect_result *r)
{
	if (!r->has_ending)
		return;
	fprintf(out, "\nends in %s", ending_name(r->head.ending));
	if (r->head.ending == ENDING_SOFTMAX || r->head.ending == ENDING_LOG_SOFTMAX)
		fprintf(out, " over axis %d of %lld classes", r->head.axis, (long long)r->classes);
	if (r->loss == LOSS_AUTO)
		fprintf(out, "; no loss fits\n");
	else
		fprintf(out, "; trained by %s%s\n", loss_name(r->loss),
			r->loss == LOSS_CROSS_ENTROPY && r->head.ending == ENDING_LOGITS
				? " for class labels, by mse for values"
				: "");
}

/* In groups of one verdict, those that are trained first. */
static void print_constants(FILE *out, const struct inspect_result *r)
{
	int name = 0, shape = 0;
	bool *done = mem_alloc(r->n_constants);
	for (uint32_t i = 0; i < r->n_constants; i++) {
		char text[SHAPE_TEXT];
		name = longest(name, r->constants[i].name);
		shape = longest(shape, shape_format(&r->constants[i].type.shape, text));
	}
	fprintf(out, "\nfloat constants: %u, of which %u are trained, %lld numbers\n",
		r->n_constants, r->n_trained, (long long)r->n_elements);
	for (uint32_t i = 0; i < 2 * r->n_constants; i++) {
		const struct inspect_constant *first = &r->constants[i % r->n_constants];
		if (done[i % r->n_constants] || first->trained != (i < r->n_constants))
			continue;
		fprintf(out, "  %s: %s\n", first->trained ? "trained" : "not trained",
			first->reason);
		for (uint32_t k = i % r->n_constants; k < r->n_constants; k++) {
			const struct inspect_constant *c = &r->constants[k];
			char text[SHAPE_TEXT];
			if (c->trained != first->trained || strcmp(c->reason, first->reason))
				continue;
			done[k] = true;
			fprintf(out, "    %-*s  %-8s  %-*s  %s\n", name, c->name,
				dtype_name(c->type.dtype), shape,
				shape_format(&c->type.shape, text), c->form);
		}
	}
	free(done);
}

static void print_operators(FILE *out, const struct inspect_result *r)
{
	fprintf(out, "\noperators\n");
	for (uint32_t i = 0; i < r->n_operators; i++)
		fprintf(out, "  %5u  %s%s\n", r->operators[i].nodes, r->operators[i].name,
			r->operators[i].supported ? "" : "  (not supported)");
}

/* Nodes that run alike. */
struct kernel_group {
	const struct inspect_kernel *first;
	uint32_t n;
};

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_group(const struct inspect_kernel *a, const struct inspect_kernel *b)
{
	return a->program == b->program && same_text(a->op, b->op) &&
	       same_text(a->kernel, b->kernel) && same_text(a->why, b->why);
}

static void print_kernels(FILE *out, const struct inspect_result *r)
{
	struct kernel_group *groups = mem_alloc(r->n_kernels * sizeof *groups);
	uint32_t n = 0, references = 0, relayouts = 0, casts = 0;
	int op = 0, kernel = 0;
	for (uint32_t i = 0; i < r->n_kernels; i++) {
		const struct inspect_kernel *k = &r->kernels[i];
		uint32_t g = 0;
		while (g < n && !same_group(groups[g].first, k))
			g++;
		if (g == n)
			groups[n++] = (struct kernel_group){ k, 0 };
		groups[g].n++;
		references += k->reference;
		relayouts += k->program == PROGRAM_NEXT && !strcmp(k->op, "Relayout");
		casts += !strcmp(k->op, "Cast");
		op = longest(op, k->op);
		kernel = longest(kernel, k->kernel);
	}
	fprintf(out, "\nkernels of a step on %s, micro-batches of %lld\n", r->device,
		(long long)r->micro_batch);
	for (uint32_t g = 0; g < n; g++) {
		const struct inspect_kernel *k = groups[g].first;
		fprintf(out, "  %5u  %-11s  %-*s  %s", groups[g].n, program_names[k->program], op,
			k->op, k->kernel);
		if (k->why)
			fprintf(out, "%*s  %s", kernel - (int)strlen(k->kernel), "", k->why);
		if (k->reference)
			fprintf(out, " (node '%s')", k->node);
		fputc('\n', out);
	}
	fprintf(out, "  %5u  in all: %u by the reference, %u Relayouts of activations, %u Casts\n",
		r->n_kernels, references, relayouts, casts);
	free(groups);
}

static void print_memory(FILE *out, const struct inspect_result *r)
{
	char text[SIZE_TEXT];
	fprintf(out, "\nmemory\n");
	for (int k = 0; k < MEMORY_KINDS; k++)
		fprintf(out, "  %10s  %s\n", size_format(r->memory[k], text),
			inspect_memory_names[k]);
	fprintf(out, "  %10s", size_format(r->memory_total, text));
	fprintf(out, "  in all, of %s\n", size_format(r->memory_device, text));
}

static void print_problems(FILE *out, const struct problems *problems)
{
	fprintf(out, "\nblockers:%s\n", problems->total ? "" : " none");
	for (uint32_t i = 0; i < problems->total && i < PROBLEMS_MAX; i++)
		fprintf(out, "  %s\n", problems->list[i].text);
	if (problems->total > PROBLEMS_MAX)
		fprintf(out, "  and %u more\n", problems->total - PROBLEMS_MAX);
}

/* What is shown: as text, as JSON. */
struct shown {
	const struct config *config;
	const struct inspect_result *result;
};

static void print_result(FILE *out, const void *result)
{
	const struct shown *shown = result;
	const struct inspect_result *r = shown->result;
	char text[SIZE_TEXT];
	fprintf(out, "%s: %s, IR version %lld, opset %s%s%s\n", shown->config->model,
		size_format(r->file_bytes, text), (long long)r->ir_version, r->opsets,
		*r->producer ? ", written by " : "", r->producer);
	if (r->model) {
		const struct graph *g = r->model->graph;
		print_values(out, "inputs", g, g->inputs.v, g->inputs.n, r->shapes);
		print_values(out, "outputs", g, g->outputs.v, g->outputs.n, NULL);
		print_ending(out, r);
		print_constants(out, r);
		print_operators(out, r);
	}
	if (r->planned) {
		print_kernels(out, r);
		print_memory(out, r);
	}
	print_problems(out, &r->problems);
}

/* ---- JSON ---- */

static json_t *shape_json(const struct shape *shape)
{
	json_t *a = json_array();
	for (int i = 0; i < shape->rank; i++)
		json_array_append_new(a, json_integer(shape->dim[i]));
	return a;
}

/* A declared type: an open axis is its name, or null. */
static json_t *value_json(const struct value *v)
{
	json_t *a = json_array();
	for (int i = 0; i < v->t.shape.rank; i++) {
		const char *name = v->dim_names ? v->dim_names[i] : NULL;
		json_array_append_new(a, v->t.shape.dim[i] != DIM_UNKNOWN
						 ? json_integer(v->t.shape.dim[i])
					 : name ? screen_string(name)
						: json_null());
	}
	return json_pack("{s:o, s:s?, s:o}", "name", screen_string(v->name), "type",
			 v->t.dtype == DT_NONE ? NULL : dtype_name(v->t.dtype), "shape", a);
}

static json_t *values_json(const struct graph *graph, const uint32_t *ids, uint32_t n,
			   const struct shape *shapes)
{
	json_t *a = json_array();
	for (uint32_t k = 0; k < n; k++) {
		json_t *o = value_json(graph_value(graph, ids[k]));
		if (shapes)
			json_object_set_new(o, "planned", shape_json(&shapes[k]));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *constants_json(const struct inspect_result *r)
{
	json_t *a = json_array();
	for (uint32_t i = 0; i < r->n_constants; i++) {
		const struct inspect_constant *c = &r->constants[i];
		json_array_append_new(a, json_pack("{s:o, s:s, s:o, s:o, s:b, s:o}", "name",
						   screen_string(c->name), "type",
						   dtype_name(c->type.dtype), "shape",
						   shape_json(&c->type.shape), "stored",
						   screen_string(c->form), "trained", c->trained,
						   "reason", screen_string(c->reason)));
	}
	return a;
}

static json_t *operators_json(const struct inspect_result *r)
{
	json_t *a = json_array();
	for (uint32_t i = 0; i < r->n_operators; i++)
		json_array_append_new(a, json_pack("{s:o, s:i, s:b}", "operator",
						   screen_string(r->operators[i].name), "nodes",
						   (int)r->operators[i].nodes, "supported",
						   r->operators[i].supported));
	return a;
}

static json_t *kernels_json(const struct inspect_result *r)
{
	json_t *a = json_array();
	for (uint32_t i = 0; i < r->n_kernels; i++) {
		const struct inspect_kernel *k = &r->kernels[i];
		json_array_append_new(a, json_pack("{s:o, s:o, s:s, s:s, s:s, s:o}", "node",
						   screen_string(k->node), "node_operator",
						   screen_string(k->node_op), "operator", k->op,
						   "program", program_names[k->program], "kernel",
						   k->kernel, "why", screen_string(k->why)));
	}
	return a;
}

static json_t *memory_json(const struct inspect_result *r)
{
	json_t *o = json_object();
	for (int k = 0; k < MEMORY_KINDS; k++)
		json_object_set_new(o, inspect_memory_names[k],
				    json_integer((json_int_t)r->memory[k]));
	json_object_set_new(o, "total", json_integer((json_int_t)r->memory_total));
	json_object_set_new(o, "device", json_integer((json_int_t)r->memory_device));
	return o;
}

static json_t *problems_json(const struct problems *problems)
{
	json_t *a = json_array();
	for (uint32_t i = 0; i < problems->total && i < PROBLEMS_MAX; i++)
		json_array_append_new(a, json_string(problems->list[i].text));
	return a;
}

static json_t *result_json(const void *result)
{
	const struct shown *shown = result;
	const struct inspect_result *r = shown->result;
	json_t *o = json_pack("{s:i, s:s, s:o, s:I, s:I, s:o, s:o}", "version", REPORT_VERSION,
			      "command", "inspect", "model", screen_string(shown->config->model),
			      "bytes", (json_int_t)r->file_bytes, "ir_version",
			      (json_int_t)r->ir_version, "opset", screen_string(r->opsets),
			      "producer", screen_string(r->producer));
	if (r->model) {
		const struct graph *g = r->model->graph;
		json_object_set_new(o, "inputs",
				    values_json(g, g->inputs.v, g->inputs.n, r->shapes));
		json_object_set_new(o, "outputs", values_json(g, g->outputs.v, g->outputs.n, NULL));
		json_object_set_new(o, "ending",
				    r->has_ending ? json_string(ending_name(r->head.ending))
						  : json_null());
		json_object_set_new(o, "loss",
				    r->loss ? json_string(loss_name(r->loss)) : json_null());
		json_object_set_new(o, "constants", constants_json(r));
		json_object_set_new(o, "operators", operators_json(r));
	}
	if (r->planned) {
		json_object_set_new(o, "device", json_string(r->device));
		json_object_set_new(o, "micro_batch", json_integer(r->micro_batch));
		json_object_set_new(o, "kernels", kernels_json(r));
		json_object_set_new(o, "memory", memory_json(r));
	}
	json_object_set_new(o, "blockers", problems_json(&r->problems));
	json_object_set_new(o, "blocker_count", json_integer(r->problems.total));
	return o;
}

int command_inspect(const struct config *config, struct cli *cli)
{
	struct screen screen = { cli, config };
	struct api_ui ui = screen_ui(&screen);
	struct inspect_result r;
	struct error err;
	if (inspect_run(config, &ui, &r, &err) != OK)
		return cli_fail(cli, &err);
	char *text = screen_format(print_result, result_json, config->json,
				   &(struct shown){ config, &r });
	fputs(text, cli->out);
	free(text);
	int status = r.problems.total ? EXIT_FAILED : EXIT_DONE;
	inspect_release(&r);
	return status;
}
