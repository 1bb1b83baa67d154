/*
 * forward.c - outputs and gradients for given arrays (see forward.h).
 *
 *  1. The model and the arrays; each input must have its array, each array its use.
 *  2. run: the bound graph. grad: with trained constants as parameters, cotangents as further
 *     inputs and gradients as the only outputs.
 *  3. The graph on the device, its outputs into a file.
 */
#include "api/forward.h"

#include "api/adapter.h"
#include "api/settings.h"
#include "data/npy.h"
#include "ops/interpret.h"
#include "passes/batch_norm.h"
#include "passes/bind.h"
#include "passes/gradient.h"
#include "passes/lower.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct forward {
	const struct config *config;
	const struct api_ui *ui;
	struct arena *arena;
	struct problems *problems;
	struct model *model;
	struct arrays arrays;
	bool *used;             /* per array */
	struct tensor *inputs;  /* per input of the model: its array, in its type */
	struct shape *shapes;   /* of them */
	struct named_tensor *y; /* results */
	void **owned;           /* their memory where it is to be freed */
	uint32_t n_y;
	/* the device */
	const struct backend *backend;
	struct device *device;
	struct stream *stream;
	struct variables vars;
	struct runner runner;
};

/* ---- 1. the arrays ---- */

static void problem(struct forward *f, enum status status, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void problem(struct forward *f, enum status status, const char *fmt, ...)
{
	struct error err;
	va_list ap;
	va_start(ap, fmt);
	char *text;
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	fail(&err, status, "%s: %s", f->config->data, text ? text : "");
	problems_add(f->problems, &err);
	free(text);
}

static const struct value *input_of(const struct forward *f, uint32_t k)
{
	const struct graph *loaded = f->model->graph;
	return graph_value(loaded, loaded->inputs.v[k]);
}

/* The array of that name, which then has its use; NULL when there is none. */
static const struct tensor *take(struct forward *f, const char *name)
{
	for (uint32_t i = 0; i < f->arrays.n; i++)
		if (!strcmp(f->arrays.v[i].name, name)) {
			f->used[i] = true;
			return &f->arrays.v[i].tensor;
		}
	return NULL;
}

/* What NumPy calls the type that an array for this type must have. */
static enum dtype array_type(enum dtype dtype)
{
	return dtype == DT_BF16 ? DT_F32 : dtype;
}

static bool fits(const struct shape *declared, const struct shape *given)
{
	if (declared->rank != given->rank)
		return false;
	for (int i = 0; i < given->rank; i++)
		if (declared->dim[i] != DIM_UNKNOWN && declared->dim[i] != given->dim[i])
			return false;
	return true;
}

/* An array as a tensor of another float type. */
static struct tensor converted(struct arena *arena, const struct tensor *t, enum dtype dtype)
{
	if (t->dtype == dtype)
		return *t;
	struct tensor to = tensor_new(arena, dtype, &t->shape);
	for (int64_t i = 0, n = shape_elements(&t->shape); i < n; i++)
		tensor_set(&to, i, tensor_get(t, i));
	return to;
}

static void take_input(struct forward *f, uint32_t k)
{
	const struct value *v = input_of(f, k);
	const struct tensor *t = take(f, v->name);
	char want[SHAPE_TEXT], have[SHAPE_TEXT];
	if (!t) {
		problem(f, ERR_INPUT, "no array '%s' for the model's input: %s %s", v->name,
			dtype_name(array_type(v->t.dtype)), shape_format(&v->t.shape, want));
		return;
	}
	if (t->dtype != array_type(v->t.dtype) || !fits(&v->t.shape, &t->shape)) {
		problem(f, ERR_INPUT, "array '%s' is %s %s, the model's input is %s %s", v->name,
			dtype_name(t->dtype), shape_format(&t->shape, have),
			dtype_name(array_type(v->t.dtype)), shape_format(&v->t.shape, want));
		return;
	}
	f->inputs[k] = converted(f->arena, t, v->t.dtype);
	f->shapes[k] = t->shape;
}

/* Axes of the same name have the same size. */
static void check_names(struct forward *f)
{
	const struct graph *loaded = f->model->graph;
	struct map sizes = { 0 }, owners = { 0 };
	for (uint32_t k = 0; k < loaded->inputs.n; k++) {
		const struct value *v = input_of(f, k);
		for (int i = 0; i < v->t.shape.rank && f->inputs[k].dtype && v->dim_names; i++) {
			const char *name = v->dim_names[i];
			uint32_t size, owner, d = (uint32_t)f->shapes[k].dim[i];
			if (!name || v->t.shape.dim[i] != DIM_UNKNOWN)
				continue;
			if (!map_get(&sizes, name, &size)) {
				map_set(&sizes, name, d);
				map_set(&owners, name, k);
			} else if (size != d && map_get(&owners, name, &owner)) {
				problem(f, ERR_INPUT,
					"arrays '%s' and '%s': axis '%s' is %u in one, %u in the "
					"other",
					input_of(f, owner)->name, v->name, name, size, d);
			}
		}
	}
	map_release(&sizes);
	map_release(&owners);
}

/* "'a', 'b'" of the values, for messages. */
static const char *name_list(struct forward *f, const uint32_t *ids, uint32_t n)
{
	const char *list = "";
	for (uint32_t k = 0; k < n && k < 10; k++)
		list = arena_printf(f->arena, "%s%s'%s'%s", list, k ? ", " : "",
				    graph_value(f->model->graph, ids[k])->name,
				    k == 9 && n > 10 ? ", ..." : "");
	return list;
}

/* Arrays that nothing uses are most likely misspelt. */
static void check_unused(struct forward *f, bool cotangents)
{
	const struct graph *loaded = f->model->graph;
	size_t prefix = strlen(COTANGENT_PREFIX);
	for (uint32_t i = 0; i < f->arrays.n; i++) {
		const char *name = f->arrays.v[i].name;
		bool cotangent = !strncmp(name, COTANGENT_PREFIX, prefix);
		if (f->used[i] || (cotangent && !cotangents))
			continue;
		if (cotangent)
			problem(f, ERR_INPUT,
				"array '%s': the model has no output '%s'; its outputs: %s", name,
				name + prefix, name_list(f, loaded->outputs.v, loaded->outputs.n));
		else
			problem(f, ERR_INPUT, "array '%s' is no input of the model; its inputs: %s",
				name, name_list(f, loaded->inputs.v, loaded->inputs.n));
	}
}

static enum status settle(const struct forward *f, uint32_t before, struct error *err)
{
	if (f->problems->total == before)
		return OK;
	*err = f->problems->list[before < PROBLEMS_MAX ? before : 0];
	return err->status;
}

static enum status take_arrays(struct forward *f, bool cotangents, struct error *err)
{
	const struct graph *loaded = f->model->graph;
	uint32_t before = f->problems->total;
	TRY(arrays_read(f->config->data, &f->arrays, err));
	f->used = arena_alloc(f->arena, f->arrays.n);
	f->inputs = arena_alloc(f->arena, loaded->inputs.n * sizeof *f->inputs);
	f->shapes = arena_alloc(f->arena, loaded->inputs.n * sizeof *f->shapes);
	for (uint32_t k = 0; k < loaded->inputs.n; k++)
		take_input(f, k);
	for (uint32_t k = 0; k < loaded->outputs.n && cotangents; k++)
		take(f, arena_printf(f->arena, COTANGENT_PREFIX "%s",
				     graph_value(loaded, loaded->outputs.v[k])->name));
	check_names(f);
	check_unused(f, cotangents);
	return settle(f, before, err);
}

/* ---- 3. the device ---- */

static void dump(const struct forward *f, const char *pass, const struct graph *graph)
{
	if (f->ui->dump)
		f->ui->dump(f->ui->ctx, pass, graph);
}

/* First content of parameters that are kept in another type than the file's. */
static const struct tensor *first(void *ctx, const char *name)
{
	const struct graph *loaded = ((const struct forward *)ctx)->model->graph;
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		const struct value *v = graph_value(loaded, i);
		if (v->kind == VALUE_CONSTANT && !strcmp(v->name, name))
			return &v->t;
	}
	return NULL;
}

static enum status open_device(struct forward *f, struct error *err)
{
	struct backend_options options = { .ordinal = f->config->device.ordinal,
					   .threads = settings_threads(f->config) };
	TRY(settings_backend(f->config, &f->backend, NULL, err));
	TRY(f->backend->open(&options, &f->device, err));
	TRY(f->backend->stream_new(f->device, &f->stream, err));
	variables_init(&f->vars, f->backend, f->device, f->stream);
	return OK;
}

static void close_device(struct forward *f)
{
	runner_close(&f->runner);
	if (f->stream) {
		variables_release(&f->vars);
		f->backend->stream_free(f->stream);
	}
	if (f->device)
		f->backend->close(f->device);
}

/* Plans the graph, which belongs to the runner from now on. */
static enum status plan(struct forward *f, struct graph *graph, struct error *err)
{
	enum status status = lower_apply(&graph, f->backend->target(f->device), err);
	if (status != OK) {
		graph_free(graph);
		return status;
	}
	dump(f, "layout", graph);
	TRY(runner_open(graph, &f->vars, first, f, &f->runner, err));
	return runner_link(&f->runner, NULL, 0, err);
}

/* Runs the planned graph; f->y[k] gets type and content of output k. */
static enum status compute(struct forward *f, struct error *err)
{
	const struct graph *graph = f->runner.graph;
	TRY(runner_run(&f->runner, PROGRAM_UPDATE, err));
	TRY(runner_run(&f->runner, PROGRAM_FIRST, err));
	f->owned = arena_alloc(f->arena, f->n_y * sizeof *f->owned);
	for (uint32_t k = 0; k < f->n_y; k++) {
		struct tensor *y = &f->y[k].tensor;
		*y = graph_value(graph, graph->outputs.v[k])->t;
		TRY(mem_try_alloc(tensor_bytes(y), &f->owned[k], err));
		y->data = f->owned[k];
		TRY(runner_output(&f->runner, k, y->data, err));
	}
	return f->backend->stream_wait(f->stream, err);
}

static enum status give_inputs(struct forward *f, struct error *err)
{
	for (uint32_t k = 0; k < f->model->graph->inputs.n; k++)
		TRY(runner_input(&f->runner, input_of(f, k)->name, &f->inputs[k], err));
	return OK;
}

/* ---- 2. run ---- */

/* What no device can run, because a shape depends on data: by the reference, node by node. */
static bool interpret(struct forward *f)
{
	const struct graph *loaded = f->model->graph;
	struct tensor *y = arena_alloc(f->arena, loaded->outputs.n * sizeof *y);
	struct error ignored;
	for (uint32_t i = 0; i < loaded->order.n; i++)
		if (!graph_node(loaded, loaded->order.v[i])->def)
			return false;
	if (interpret_graph(loaded, f->inputs, y, NULL, f->arena, &ignored) != OK)
		return false;
	for (uint32_t k = 0; k < f->n_y; k++)
		f->y[k].tensor = y[k];
	return true;
}

static enum status run(struct forward *f, struct error *err)
{
	const struct graph *loaded = f->model->graph;
	uint32_t before = f->problems->total;
	struct binding bound;
	f->y = arena_alloc(f->arena, loaded->outputs.n * sizeof *f->y);
	for (uint32_t k = 0; k < loaded->outputs.n; k++)
		f->y[f->n_y++].name = graph_value(loaded, loaded->outputs.v[k])->name;
	enum status status = bind_graph(loaded, f->shapes, NULL, &bound, f->problems, err);
	if (status != OK && interpret(f)) {
		f->problems->total = before;
		log_note(&f->ui->log, "computed by the reference, slowly: %s", err->text);
		return OK;
	}
	TRY(status);
	dump(f, "bind", bound.graph);
	TRY(plan(f, bound.graph, err));
	TRY(give_inputs(f, err));
	return compute(f, err);
}

/* ---- 2. grad ---- */

/* The array cotangent:OUTPUT of output k of the bound graph, or NULL. */
static const struct tensor *cotangent(struct forward *f, const struct graph *graph, uint32_t k)
{
	const struct graph *loaded = f->model->graph;
	const char *output = graph_value(loaded, loaded->outputs.v[k])->name;
	const struct tensor *y = &graph_value(graph, graph->outputs.v[k])->t;
	const struct tensor *t = take(f, arena_printf(f->arena, COTANGENT_PREFIX "%s", output));
	char want[SHAPE_TEXT], have[SHAPE_TEXT];
	if (!t)
		return NULL;
	if (!dtype_is_trainable(y->dtype)) {
		problem(f, ERR_INPUT,
			"array '" COTANGENT_PREFIX "%s': output '%s' is %s, which has "
			"no gradient",
			output, output, dtype_name(y->dtype));
		return NULL;
	}
	bool half = y->dtype == DT_F16 || y->dtype == DT_BF16;
	if ((t->dtype != array_type(y->dtype) && !(half && t->dtype == DT_F32)) ||
	    !shape_equal(&t->shape, &y->shape)) {
		problem(f, ERR_INPUT,
			"array '" COTANGENT_PREFIX "%s' is %s %s, the output is %s %s", output,
			dtype_name(t->dtype), shape_format(&t->shape, have),
			dtype_name(array_type(y->dtype)), shape_format(&y->shape, want));
		return NULL;
	}
	return t;
}

/* Values and gradients that gradient_build is asked for. */
struct wishes {
	uint32_t *y, *dy, n_y;
	const struct tensor **cotangents; /* arrays of dy */
	const char **names;               /* of dy */
	uint32_t *x, *dx, n_x;
};

/* Outputs that have a cotangent, which becomes an input of the graph. */
static enum status wish_outputs(struct forward *f, struct graph *graph, struct wishes *w,
				struct error *err)
{
	const struct graph *loaded = f->model->graph;
	uint32_t n = graph->outputs.n, before = f->problems->total;
	w->y = arena_alloc(f->arena, n * sizeof *w->y);
	w->dy = arena_alloc(f->arena, n * sizeof *w->dy);
	w->cotangents = arena_alloc(f->arena, n * sizeof *w->cotangents);
	w->names = arena_alloc(f->arena, n * sizeof *w->names);
	for (uint32_t k = 0; k < n; k++) {
		const struct tensor *t = cotangent(f, graph, k);
		if (!t)
			continue;
		const char *name = graph_value(loaded, loaded->outputs.v[k])->name;
		struct tensor type = { t->dtype, t->shape, NULL };
		w->names[w->n_y] = arena_printf(f->arena, COTANGENT_PREFIX "%s", name);
		w->y[w->n_y] = graph->outputs.v[k];
		w->dy[w->n_y] = graph_add_value(graph, w->names[w->n_y], VALUE_INPUT, type);
		*array_push(&graph->inputs) = w->dy[w->n_y];
		w->cotangents[w->n_y++] = t;
	}
	if (!w->n_y && f->problems->total == before)
		problem(f, ERR_INPUT,
			"no array '" COTANGENT_PREFIX "OUTPUT', so nothing to differentiate; the "
			"model's outputs: %s",
			name_list(f, loaded->outputs.v, loaded->outputs.n));
	return settle(f, before, err);
}

/* Float inputs of the model and parameters. */
static void wish_gradients(struct forward *f, const struct graph *graph, struct wishes *w)
{
	w->x = arena_alloc(f->arena, graph->values.n * sizeof *w->x);
	w->dx = arena_alloc(f->arena, graph->values.n * sizeof *w->dx);
	f->y = arena_alloc(f->arena, graph->values.n * sizeof *f->y);
	for (uint32_t k = 0; k < f->model->graph->inputs.n; k++)
		if (dtype_is_trainable(graph_value(graph, graph->inputs.v[k])->t.dtype))
			w->x[w->n_x++] = graph->inputs.v[k];
	for (uint32_t i = 1; i < graph->values.n; i++)
		if (graph_value(graph, i)->kind == VALUE_PARAM)
			w->x[w->n_x++] = i;
	for (uint32_t k = 0; k < w->n_x; k++)
		f->y[f->n_y++].name = arena_printf(f->arena, GRADIENT_PREFIX "%s",
						   graph_value(graph, w->x[k])->name);
}

/* The gradients as the graph's outputs; a value that nothing depends on has the gradient 0. */
static enum status differentiate(struct forward *f, struct graph *graph, struct wishes *w,
				 struct error *err)
{
	struct builder b = { .graph = graph, .err = err, .name = "gradient", .op = "gradient" };
	wish_gradients(f, graph, w);
	TRY(wish_outputs(f, graph, w, err));
	TRY(gradient_build(&b, w->y, w->dy, w->n_y, w->x, w->n_x, GRADIENT_WIDE, w->dx,
			   f->problems));
	graph->outputs.n = 0;
	for (uint32_t k = 0; k < w->n_x; k++) {
		const struct tensor *x = &graph_value(graph, w->x[k])->t;
		if (!w->dx[k]) {
			enum dtype dtype = x->dtype == DT_F64 ? DT_F64 : DT_F32;
			w->dx[k] = build_constant(&b, NULL, tensor_new(f->arena, dtype, &x->shape));
		}
		*array_push(&graph->outputs) = w->dx[k];
	}
	return b.status;
}

/* The model bound with what is trained, BatchNormalization as training has it. */
static enum status bind_trained(struct forward *f, struct graph **out, struct error *err)
{
	const struct graph *loaded = f->model->graph;
	struct session_options options = settings_session(f->config, f->backend, f->arena);
	struct param_verdict *verdicts = arena_alloc(f->arena, loaded->values.n * sizeof *verdicts);
	bool *trained = arena_alloc(f->arena, loaded->values.n);
	struct binding bound;
	TRY(params_choose(loaded, f->shapes, options.freeze, options.train_only, 0, verdicts,
			  f->problems, err));
	for (uint32_t i = 1; i < loaded->values.n; i++)
		trained[i] = verdicts[i].trained;
	TRY(bind_graph(loaded, f->shapes, trained, &bound, f->problems, err));
	dump(f, "bind", bound.graph);
	enum status status = batch_norm_apply(
		&bound.graph, options.train_batch_norm ? BATCH_NORM_TRAIN : BATCH_NORM_FROZEN, err);
	if (status != OK) {
		graph_free(bound.graph);
		return status;
	}
	dump(f, "batch-norm", bound.graph);
	*out = bound.graph;
	return OK;
}

static enum status grad(struct forward *f, struct error *err)
{
	struct wishes w = { 0 };
	struct graph *graph;
	TRY(bind_trained(f, &graph, err));
	enum status status = differentiate(f, graph, &w, err);
	if (status != OK) {
		graph_free(graph);
		return status;
	}
	dump(f, "gradient", graph);
	TRY(plan(f, graph, err));
	TRY(give_inputs(f, err));
	for (uint32_t k = 0; k < w.n_y; k++)
		TRY(runner_input(&f->runner, w.names[k], w.cotangents[k], err));
	return compute(f, err);
}

/* ---- both ---- */

static const char *output_path(const struct config *config, const char *suffix, struct arena *arena)
{
	const char *data = config->data, *dot = strrchr(data, '.');
	if (config->output)
		return config->output;
	size_t stem = dot && dot > data && !strchr(dot, '/') ? (size_t)(dot - data) : strlen(data);
	return arena_printf(arena, "%.*s%s", (int)stem, data, suffix);
}

/* Whether the output can be written, and replaces nothing that is read or must not be. */
static enum status check_output(const struct forward *f, const char *path, struct error *err)
{
	const struct onnx_file *file = &f->model->file;
	const char *what = file_is_same(path, f->config->model)  ? "the model"
			   : file_is_same(path, f->config->data) ? "its inputs"
								 : NULL;
	for (uint32_t k = 0; k < file->externals.n && !what; k++)
		if (file_is_same(path, file->externals.v[k].path))
			what = "the model's data";
	if (what)
		return fail(err, ERR_USAGE, "%s: the output would replace %s", path, what);
	struct stat st;
	if (!lstat(path, &st) && !f->config->force)
		return fail(err, ERR_IO, "%s: exists; replace it with --force", path);
	return file_check_writable(path, err);
}

static enum status add_adapter(struct forward *f, struct error *err)
{
	struct adapter adapter;
	TRY(adapter_open(f->config->adapter, &adapter, err));
	enum status status;
	if (adapter.classes)
		status = fail(err, ERR_UNSUPPORTED,
			      "%s: has a head of its own, which this command can't make; merge it: "
			      "onnxtune %s DATA --adapter %s --steps 0",
			      adapter.path, f->config->model, f->config->adapter);
	else
		status = adapter_apply(&adapter, f->model, err);
	adapter_close(&adapter);
	return status;
}

static enum status forward(const struct config *config, const struct api_ui *ui,
			   struct arena *arena, bool gradients, const char **path,
			   struct problems *problems, struct error *err)
{
	struct forward f = { .config = config, .ui = ui, .arena = arena, .problems = problems };
	uint32_t before = problems->total;
	enum status status;
	*path = output_path(config, gradients ? ".grads.npz" : ".outputs.npz", arena);
	TRY_GOTO(model_load(config->model, &f.model, problems, err), out);
	TRY_GOTO(check_output(&f, *path, err), out);
	if (config->adapter)
		TRY_GOTO(add_adapter(&f, err), out);
	TRY_GOTO(take_arrays(&f, gradients, err), out);
	TRY_GOTO(open_device(&f, err), out);
	TRY_GOTO(gradients ? grad(&f, err) : run(&f, err), out);
	TRY_GOTO(npz_write(*path, f.y, f.n_y, err), out);
out:
	if (status != OK && problems->total == before)
		problems_add(problems, err);
	close_device(&f); /* first: work that is under way may use what is freed below */
	for (uint32_t k = 0; k < f.n_y && f.owned; k++)
		free(f.owned[k]);
	arrays_release(&f.arrays);
	model_free(f.model);
	return status;
}

enum status forward_run(const struct config *config, const struct api_ui *ui, struct arena *arena,
			const char **path, struct problems *problems, struct error *err)
{
	return forward(config, ui, arena, false, path, problems, err);
}

enum status forward_grad(const struct config *config, const struct api_ui *ui, struct arena *arena,
			 const char **path, struct problems *problems, struct error *err)
{
	return forward(config, ui, arena, true, path, problems, err);
}
