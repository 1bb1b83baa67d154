/* runner.c - one graph on a device (see runner.h). */
#include "exec/runner.h"

#include <string.h>

static enum status make_resident(struct runner *r, struct resident *resident,
				 runner_first_fn *first, void *ctx, struct error *err)
{
	const struct backend *backend = r->vars->backend;
	const struct value *v = graph_value(r->graph, resident->value);
	if (v->kind == VALUE_PARAM || v->kind == VALUE_STATE) {
		struct variable *variable;
		TRY(variables_get(r->vars, v->name, &v->t, first ? first(ctx, v->name) : NULL,
				  &variable, err));
		resident->memory = variable->t.data;
		return OK;
	}
	TRY(backend->alloc(r->vars->device, resident->bytes, &resident->memory, err));
	if (v->kind == VALUE_CONSTANT && resident->bytes) {
		if (backend->copy_in(r->vars->stream, resident->memory, v->t.data,
				     resident->bytes) != OK)
			return backend_fail(backend, r->vars->device, err, ERR_INTERNAL,
					    "'%s' could not be copied to the device", v->name);
	}
	return OK;
}

enum status runner_plan(struct graph *graph, struct variables *vars, struct runner *out,
			struct error *err)
{
	struct runner r = { .graph = graph, .vars = vars };
	enum status status = plan_build(graph, vars->backend, vars->device, &r.plan, err);
	if (status != OK)
		runner_close(&r);
	else
		*out = r;
	return status;
}

enum status runner_fill(struct runner *runner, runner_first_fn *first, void *ctx, struct error *err)
{
	for (uint32_t i = 0; i < runner->plan->n_residents; i++)
		TRY(make_resident(runner, &runner->plan->residents[i], first, ctx, err));
	return runner->vars->backend->stream_wait(runner->vars->stream, err);
}

enum status runner_open(struct graph *graph, struct variables *vars, runner_first_fn *first,
			void *ctx, struct runner *out, struct error *err)
{
	struct runner r;
	TRY(runner_plan(graph, vars, &r, err));
	enum status status = runner_fill(&r, first, ctx, err);
	if (status != OK) {
		runner_close(&r);
		return status;
	}
	*out = r;
	return OK;
}

enum status runner_link(struct runner *runner, void *scratch, size_t bytes, struct error *err)
{
	struct variables *vars = runner->vars;
	if (!scratch || bytes < runner->plan->arena_bytes) {
		TRY(vars->backend->alloc(vars->device, runner->plan->arena_bytes, &runner->scratch,
					 err));
		scratch = runner->scratch;
	}
	plan_link(runner->plan, scratch);
	TRY(exec_open(runner->plan, vars->stream, runner->profile, &runner->executor, err));
	runner->linked = true;
	return runner_run(runner, PROGRAM_INIT, err);
}

void runner_close(struct runner *runner)
{
	if (!runner->graph)
		return;
	const struct backend *backend = runner->vars->backend;
	struct device *device = runner->vars->device;
	struct error ignored;
	if (backend->stream_wait(runner->vars->stream, &ignored) != OK)
		ignored.status = OK; /* whoever queued the work was told, or will be */
	if (runner->linked)
		exec_close(&runner->executor);
	for (uint32_t i = 0; runner->plan && i < runner->plan->n_residents; i++) {
		const struct resident *r = &runner->plan->residents[i];
		enum value_kind kind = graph_value(runner->graph, r->value)->kind;
		if (r->memory && kind != VALUE_PARAM && kind != VALUE_STATE)
			backend->free(device, r->memory);
	}
	if (runner->scratch)
		backend->free(device, runner->scratch);
	plan_free(runner->plan);
	graph_free(runner->graph);
	*runner = (struct runner){ 0 };
}

enum status runner_place(struct runner *runner, const char *name, const struct tensor *t,
			 const struct resident **out, struct error *err)
{
	const struct graph *graph = runner->graph;
	*out = NULL;
	for (uint32_t k = 0; k < graph->inputs.n; k++) {
		const struct value *v = graph_value(graph, graph->inputs.v[k]);
		char want[SHAPE_TEXT], have[SHAPE_TEXT];
		if (strcmp(v->name, name))
			continue;
		if (t->dtype != v->t.dtype || !shape_equal(&t->shape, &v->t.shape))
			return fail(err, ERR_INPUT, "input '%s' is %s %s, given is %s %s", name,
				    dtype_name(v->t.dtype), shape_format(&v->t.shape, want),
				    dtype_name(t->dtype), shape_format(&t->shape, have));
		*out = plan_resident(runner->plan, graph->inputs.v[k]);
		return OK;
	}
	return OK;
}

enum status runner_input(struct runner *runner, const char *name, const struct tensor *t,
			 struct error *err)
{
	const struct resident *r;
	TRY(runner_place(runner, name, t, &r, err));
	if (r && runner->vars->backend->copy_in(runner->vars->stream, r->memory, t->data,
						r->bytes) != OK)
		return backend_fail(runner->vars->backend, runner->vars->device, err, ERR_INTERNAL,
				    "input '%s' could not be copied", name);
	return OK;
}

enum status runner_run(struct runner *runner, enum program_kind program, struct error *err)
{
	return exec_run(&runner->executor, program, err);
}

enum status runner_output(struct runner *runner, uint32_t k, void *host, struct error *err)
{
	const struct resident *r = plan_resident(runner->plan, runner->graph->outputs.v[k]);
	if (runner->vars->backend->copy_out(runner->vars->stream, host, r->memory, r->bytes) != OK)
		return backend_fail(runner->vars->backend, runner->vars->device, err, ERR_INTERNAL,
				    "output %u could not be copied", k);
	return OK;
}
