/*
 * fuzz_graph.c - any bytes as a model: loaded, bound, differentiated, planned, and where that is
 * small, trained for a step and run. What it computes does not matter here.
 */
#include "ops/step.h"
#include "passes/bind.h"
#include "train/session.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BATCH 2
#define OPEN_AXIS 8
/* What is run: models whose tensors have at most so many bytes. */
#define SMALL 8192

/* Numbers of a type: 0.25, or 1 where they are integers. */
static struct tensor ones(struct arena *arena, const struct tensor *type)
{
	struct tensor t = tensor_new(arena, type->dtype, &type->shape);
	for (int64_t i = 0, n = shape_elements(&t.shape); i < n; i++)
		if (dtype_is_float(t.dtype))
			tensor_set(&t, i, 0.25);
		else if (dtype_is_integer(t.dtype) || t.dtype == DT_BOOL)
			tensor_set_int(&t, i, 1);
	return t;
}

/* What the graph's input of that name takes. */
static struct tensor input(struct arena *arena, const struct graph *graph, const char *name)
{
	for (uint32_t k = 0; k < graph->inputs.n; k++) {
		const struct value *v = graph_value(graph, graph->inputs.v[k]);
		if (!strcmp(v->name, name))
			return ones(arena, &v->t);
	}
	return (struct tensor){ .dtype = DT_F32 }; /* the loss does not depend on it */
}

static void run(struct session *s, struct arena *arena)
{
	const struct graph *loaded = s->model->graph;
	const struct graph *graph = s->options.train ? s->training.graph : s->evaluation.graph;
	struct tensor *x = arena_alloc(arena, loaded->inputs.n * sizeof *x);
	struct tensor *y = arena_alloc(arena, loaded->outputs.n * sizeof *y);
	struct step_result result;
	struct error err;
	for (uint32_t k = 0; k < loaded->inputs.n; k++)
		x[k] = input(arena, graph, graph_value(loaded, loaded->inputs.v[k])->name);
	if (s->options.train) {
		struct tensor labels = input(arena, graph, LABELS_NAME);
		struct tensor weights = input(arena, graph, WEIGHTS_NAME);
		if (session_begin_window(s, BATCH, &err) != OK ||
		    session_micro_batch(s, x, &labels, &weights, BATCH, &err) != OK ||
		    session_end_window(s, &err) != OK || session_result(s, &result, &err) != OK)
			return;
	}
	for (uint32_t k = 0; k < loaded->outputs.n; k++)
		y[k] = ones(arena, session_output_type(s, k));
	if (session_predict(s, x, y, &err) != OK)
		return;
}

static bool is_small(const struct graph *graph)
{
	for (uint32_t i = 1; i < graph->values.n; i++) {
		const struct tensor *t = &graph_value(graph, i)->t;
		size_t bytes;
		if (t->dtype &&
		    (tensor_size(t->dtype, &t->shape, &bytes, NULL) != OK || bytes > SMALL))
			return false;
	}
	return true;
}

static void try_session(const struct model *model, const struct session_options *options,
			struct arena *arena)
{
	struct problems problems = { 0 };
	struct session *session;
	struct error err;
	if (session_open(model, options, &session, &problems, &err) != OK)
		return;
	run(session, arena);
	session_free(session);
}

/* Whether the model can be bound, to tensors that are small. */
static bool is_for_running(const struct graph *loaded, const struct shape *shapes)
{
	struct problems problems = { 0 };
	struct binding bound;
	struct error err;
	if (bind_graph(loaded, shapes, NULL, &bound, &problems, &err) != OK)
		return false;
	bool small = is_small(bound.graph);
	graph_free(bound.graph);
	return small;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems problems = { 0 };
	struct model *model;
	struct arena arena;
	struct error err;
	if (model_load_memory(data, size, &model, &problems, &err) != OK)
		return 0;
	arena_init(&arena);
	const struct graph *graph = model->graph;
	struct shape *shapes = arena_alloc(&arena, (graph->inputs.n + 1) * sizeof *shapes);
	if (bind_shapes(graph, BATCH, NULL, OPEN_AXIS, shapes, &err) == OK &&
	    is_for_running(graph, shapes)) {
		struct session_options options = {
			.backend = &backend_cpu,
			.threads = 1,
			.micro_batch = BATCH,
			.shapes = shapes,
			.train = true,
			.half = DT_F32,
			.loss_scale = 1,
			.training = { .update = { OPTIMIZER_SGD, .momentum = 0.9 }, .rates = 1 },
		};
		try_session(model, &options, &arena);
		options.integer_labels = options.train_batch_norm = true;
		options.half = DT_BF16;
		try_session(model, &options, &arena);
		options.train = false;
		try_session(model, &options, &arena);
	}
	arena_release(&arena);
	model_free(model);
	return 0;
}
