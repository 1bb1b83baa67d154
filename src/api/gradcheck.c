/*
 * gradcheck.c - gradients against differences (see gradcheck.h).
 *
 *  1. The model, and a batch: the first samples of the data, or random numbers.
 *  2. Two graphs in float64: one for values, one for gradients.
 *  3. Gradients once; then differences, tensor by tensor.
 */
#include "api/gradcheck.h"

#include "api/project.h"
#include "api/settings.h"
#include "base/rng.h"
#include "ops/interpret.h"
#include "passes/batch_norm.h"
#include "passes/bind.h"
#include "passes/float64.h"
#include "passes/gradient.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Independent random numbers: one stream for each use. */
enum { STREAM_INPUTS = 1, STREAM_OUTPUTS = 2, STREAM_DIRECTIONS = 3, STREAM_ELEMENTS = 4 };

struct gradcheck {
	const struct config *config;
	const struct api_ui *ui;
	struct problems *problems;
	struct arena *arena;
	struct session_options options;
	/* the model; with data, it belongs to the project */
	struct project project;
	struct model *model;
	bool has_project;
	struct shape *shapes;
	/* per input of the graphs: those of the model; with a loss, labels and weights */
	struct tensor *inputs;
	bool with_loss;
	enum loss_kind loss;
	struct tensor labels, weights;
	struct tensor *cotangents; /* per output of the graphs */
	bool *trained;
	struct graph *values, *gradients;
};

/* ---- 1. the batch ---- */

static double normal(uint64_t seed, uint64_t stream, uint64_t i)
{
	uint32_t w[4];
	philox(seed, stream, i, w);
	double u = 1 - (double)rng_uniform(w[0]); /* in (0, 1] */
	return sqrt(-2 * log(u)) * cos(2 * M_PI * (double)rng_uniform(w[1]));
}

static uint64_t seed_of(const struct gradcheck *c)
{
	return (uint64_t)c->config->seed;
}

/* Normal numbers; integers, which may be indices of anything, are 0 or 1. */
static struct tensor random_tensor(struct gradcheck *c, const struct tensor *type, uint64_t stream)
{
	struct tensor t = tensor_new(c->arena, type->dtype, &type->shape);
	for (int64_t i = 0, n = shape_elements(&t.shape); i < n; i++) {
		double x = normal(seed_of(c), stream, (uint64_t)i);
		tensor_set(&t, i, dtype_is_float(t.dtype) ? x : x > 0);
	}
	return t;
}

static struct tensor as_float64(struct gradcheck *c, const struct tensor *t)
{
	bool convert = dtype_is_trainable(t->dtype);
	struct tensor to = tensor_new(c->arena, convert ? DT_F64 : t->dtype, &t->shape);
	for (int64_t i = 0, n = shape_elements(&t->shape); i < n; i++)
		if (convert)
			tensor_set(&to, i, tensor_get(t, i));
		else
			tensor_set_int(&to, i, tensor_get_int(t, i));
	return to;
}

/* Copies the first batch that has anything to learn from. */
static enum status take_batch(struct gradcheck *c, struct error *err)
{
	struct project *p = &c->project;
	struct loader_options options = project_loader(p, &p->dataset.validation, p->micro_batch,
						       false);
	struct loader *loader;
	struct batch batch;
	bool end = false;
	TRY(loader_open(&options, &loader, err));
	enum status status = loader_next(loader, &batch, &end, err);
	while (status == OK && !end && batch.window_weight == 0)
		status = loader_next(loader, &batch, &end, err);
	if (status == OK && end)
		status = fail(err, ERR_INPUT, "%s: every label is ignored", c->config->data);
	if (status == OK) {
		for (uint32_t k = 0; k < c->model->graph->inputs.n; k++)
			c->inputs[k] = as_float64(c, &batch.inputs[k]);
		c->labels = as_float64(c, &batch.targets);
		c->weights = as_float64(c, &batch.weights);
	}
	loader_free(loader);
	return status;
}

/* The first samples of the data, opened as `evaluate` does. */
static enum status open_data(struct gradcheck *c, struct gradcheck_result *out, struct error *err)
{
	struct config *few = arena_dup(c->arena, c->config, sizeof *few);
	few->batch_size = GRADCHECK_SAMPLES;
	few->micro_batch = few->accumulate = CONFIG_AUTO;
	TRY(project_open(few, c->ui, false, &c->project, c->problems, err));
	c->has_project = c->with_loss = true;
	c->model = c->project.model;
	c->shapes = c->project.shapes;
	c->loss = c->project.loss;
	c->options.output = c->project.output;
	c->inputs = arena_alloc(c->arena, (c->model->graph->inputs.n + 2) * sizeof *c->inputs);
	out->function = arena_printf(c->arena, "%s of %lld samples of %s", loss_name(c->loss),
				     (long long)c->project.micro_batch, c->config->data);
	return take_batch(c, err);
}

static enum status open_random(struct gradcheck *c, struct gradcheck_result *out, struct error *err)
{
	TRY(model_load(c->config->model, &c->model, c->problems, err));
	const struct graph *loaded = c->model->graph;
	TRY(settings_shapes(c->config, loaded, GRADCHECK_SAMPLES, &c->ui->log, c->arena, &c->shapes,
			    err));
	c->inputs = arena_alloc(c->arena, loaded->inputs.n * sizeof *c->inputs);
	for (uint32_t k = 0; k < loaded->inputs.n; k++) {
		struct tensor type = { graph_value(loaded, loaded->inputs.v[k])->t.dtype,
				       c->shapes[k], NULL };
		struct tensor random = random_tensor(c, &type, STREAM_INPUTS + ((uint64_t)k << 8));
		c->inputs[k] = as_float64(c, &random);
	}
	out->function = "weighted sum of the outputs for random inputs";
	return OK;
}

/* ---- 2. the graphs ---- */

static void dump(const struct gradcheck *c, const char *pass, const struct graph *graph)
{
	if (c->ui->dump)
		c->ui->dump(c->ui->ctx, pass, graph);
}

/* The model with BatchNormalization as training has it or, for values, as the file has it. */
static enum status bind_model(struct gradcheck *c, bool for_values, struct graph **out,
			      struct error *err)
{
	struct binding bound;
	struct builder b = { .err = err };
	enum status status;
	bool train = c->options.train_batch_norm;
	TRY(bind_graph(c->model->graph, c->shapes, c->trained, &bound, c->problems, err));
	if (!for_values || train)
		TRY_GOTO(batch_norm_apply(&bound.graph,
					  train ? BATCH_NORM_TRAIN : BATCH_NORM_FROZEN, err),
			 out_graph);
	if (c->with_loss) {
		b.graph = bound.graph;
		struct loss_head head = loss_find(b.graph, b.graph->outputs.v[c->options.output]);
		loss_build(&b, &head, c->loss, &c->options.loss_shape);
		TRY_GOTO(b.status, out_graph);
	}
	*out = bound.graph;
	return OK;
out_graph:
	graph_free(bound.graph);
	return status;
}

static enum status choose_trained(struct gradcheck *c, struct error *err)
{
	const struct graph *loaded = c->model->graph;
	struct param_verdict *verdicts = arena_alloc(c->arena, loaded->values.n * sizeof *verdicts);
	c->trained = arena_alloc(c->arena, loaded->values.n);
	TRY(params_choose(loaded, c->shapes, c->options.freeze, c->options.train_only,
			  c->options.output, verdicts, c->problems, err));
	for (uint32_t i = 1; i < loaded->values.n; i++)
		c->trained[i] = verdicts[i].trained &&
				shape_elements(&graph_value(loaded, i)->t.shape);
	return OK;
}

/* Labels in the type and shape that the loss takes. */
static enum status fit_labels(struct gradcheck *c, struct error *err)
{
	const struct graph *graph = c->values;
	uint32_t n = c->model->graph->inputs.n;
	const struct tensor *want = &graph_value(graph, graph->inputs.v[n])->t;
	if (shape_elements(&want->shape) != shape_elements(&c->labels.shape))
		return fail(err, ERR_INPUT, "%s: the labels don't fit the model's output",
			    c->config->data);
	c->inputs[n] = tensor_new(c->arena, want->dtype, &want->shape);
	for (int64_t i = 0; i < shape_elements(&want->shape); i++)
		tensor_set(&c->inputs[n], i, tensor_get(&c->labels, i));
	c->inputs[n + 1] = c->weights;
	return OK;
}

/* What each output counts: 1 / total weight for the loss, else random. */
static enum status weigh_outputs(struct gradcheck *c, struct error *err)
{
	const struct graph *graph = c->values;
	double total = 0;
	bool any = false;
	for (int64_t i = 0, n = c->with_loss ? shape_elements(&c->weights.shape) : 0; i < n; i++)
		total += tensor_get(&c->weights, i);
	c->cotangents = arena_alloc(c->arena, graph->outputs.n * sizeof *c->cotangents);
	for (uint32_t k = 0; k < graph->outputs.n; k++) {
		const struct tensor *y = &graph_value(graph, graph->outputs.v[k])->t;
		if (y->dtype != DT_F64)
			continue;
		any = true;
		c->cotangents[k] = random_tensor(c, y, STREAM_OUTPUTS + ((uint64_t)k << 8));
		if (c->with_loss)
			tensor_set(&c->cotangents[k], 0, 1 / total);
	}
	return any ? OK : fail(err, ERR_INPUT, "no output of the model is a float");
}

static enum status build_graphs(struct gradcheck *c, struct error *err)
{
	float64_apply(c->model->graph);
	TRY(choose_trained(c, err));
	TRY(bind_model(c, true, &c->values, err));
	TRY(bind_model(c, false, &c->gradients, err));
	dump(c, "batch-norm", c->gradients);
	if (c->with_loss)
		TRY(fit_labels(c, err));
	return weigh_outputs(c, err);
}

/* ---- 3. gradients and differences ---- */

/* Per parameter of the gradient graph, in its order: value and gradient. */
struct gradients {
	uint32_t *x, n;
	struct tensor *dx; /* dtype DT_NONE: 0 */
};

static enum status differentiate(struct gradcheck *c, struct gradients *g, struct error *err)
{
	struct graph *graph = c->gradients;
	struct builder b = { .graph = graph, .err = err, .name = "gradient", .op = "gradient" };
	uint32_t n_y = 0, n_out = 0;
	uint32_t *y = arena_alloc(c->arena, graph->outputs.n * sizeof *y);
	uint32_t *dy = arena_alloc(c->arena, graph->outputs.n * sizeof *dy);
	g->x = arena_alloc(c->arena, graph->values.n * sizeof *g->x);
	for (uint32_t i = 1; i < graph->values.n; i++)
		if (graph_value(graph, i)->kind == VALUE_PARAM)
			g->x[g->n++] = i;
	if (!g->n)
		return fail(err, ERR_INPUT,
			    "nothing is trained, so there is no gradient to check; choose with "
			    "--train, see onnxtune inspect");
	for (uint32_t k = 0; k < graph->outputs.n; k++)
		if (c->cotangents[k].data) {
			y[n_y] = graph->outputs.v[k];
			dy[n_y++] = build_constant(&b, NULL, c->cotangents[k]);
		}
	uint32_t *dx = arena_alloc(c->arena, g->n * sizeof *dx);
	TRY(gradient_build(&b, y, dy, n_y, g->x, g->n, GRADIENT_AS_VALUES, dx, c->problems));
	graph->outputs.n = 0;
	for (uint32_t k = 0; k < g->n; k++)
		if (dx[k])
			*array_push(&graph->outputs) = dx[k];
	dump(c, "gradient", graph);
	struct arena scratch; /* for all that is not asked for, forward and backward */
	arena_init(&scratch);
	struct tensor *out = arena_alloc(&scratch, graph->outputs.n * sizeof *out);
	g->dx = arena_alloc(c->arena, g->n * sizeof *g->dx);
	enum status status = interpret_graph(graph, c->inputs, out, NULL, &scratch, err);
	for (uint32_t k = 0; k < g->n && status == OK; k++)
		if (dx[k])
			g->dx[k] = as_float64(c, &out[n_out++]);
	arena_release(&scratch);
	return status;
}

/* The parameter of that name, which has another number in the graph of values. */
static uint32_t find_parameter(const struct graph *graph, const char *name)
{
	for (uint32_t i = 1; i < graph->values.n; i++)
		if (graph_value(graph, i)->kind == VALUE_PARAM &&
		    !strcmp(graph_value(graph, i)->name, name))
			return i;
	return 0;
}

static double gradient_at(const struct tensor *dx, int64_t i)
{
	return dx->dtype ? tensor_get(dx, i) : 0;
}

/* The elements that are checked one by one, without repetitions. */
static uint32_t pick_elements(const struct gradcheck *c, uint32_t index, const struct tensor *dx,
			      int64_t n, int64_t elements[GRADCHECK_CHECKS - 1])
{
	uint32_t picked = 1, most = GRADCHECK_CHECKS - 1;
	elements[0] = 0;
	for (int64_t i = 1; i < n; i++)
		if (fabs(gradient_at(dx, i)) > fabs(gradient_at(dx, elements[0])))
			elements[0] = i;
	for (uint64_t i = 0; picked < most && picked < n; i++) {
		uint32_t w[4];
		bool known = false;
		philox(seed_of(c), STREAM_ELEMENTS + ((uint64_t)index << 8), i, w);
		int64_t e = (int64_t)(((uint64_t)w[0] << 32 | w[1]) % (uint64_t)n);
		for (uint32_t k = 0; k < picked; k++)
			known |= elements[k] == e;
		if (!known)
			elements[picked++] = e;
	}
	return picked;
}

static enum status add_check(struct gradcheck_tensor *t, const struct difference *d,
			     const double *direction, int64_t element, double analytic,
			     struct error *err)
{
	struct gradcheck_check *check = &t->checks[t->n++];
	*check = (struct gradcheck_check){ .element = element, .analytic = analytic };
	TRY(difference_check(d, direction, element, analytic, &check->difference, err));
	const struct difference_result *r = &check->difference;
	t->error = r->error > t->error || isnan(r->error) ? r->error : t->error;
	t->verdict = r->verdict > t->verdict ? r->verdict : t->verdict;
	return OK;
}

/* Fills t, whose name and shape are set. `base` may be in use by others. */
static enum status check_tensor(struct gradcheck *c, const struct difference *base, uint32_t index,
				const struct tensor *dx, struct gradcheck_tensor *t,
				struct error *err)
{
	int64_t n = shape_elements(&t->shape), elements[GRADCHECK_CHECKS - 1];
	double *direction = mem_alloc((size_t)n * sizeof *direction), analytic = 0;
	struct difference d = *base;
	struct arena arena;
	enum status status;
	arena_init(&arena);
	difference_choose(&d, find_parameter(c->values, t->name), &arena);
	for (int64_t i = 0; i < n; i++) {
		direction[i] = normal(seed_of(c), STREAM_DIRECTIONS + ((uint64_t)index << 8),
				      (uint64_t)i);
		analytic += direction[i] * gradient_at(dx, i);
	}
	status = add_check(t, &d, direction, -1, analytic, err);
	uint32_t picked = pick_elements(c, index, dx, n, elements);
	for (uint32_t k = 0; k < picked && status == OK; k++)
		status = add_check(t, &d, NULL, elements[k], gradient_at(dx, elements[k]), err);
	arena_release(&arena);
	free(direction);
	return status;
}

/* Counts a tensor that was checked, or keeps the first error. */
static void count_tensor(struct gradcheck *c, struct gradcheck_result *out,
			 const struct gradcheck_tensor *t, enum status status, struct progress *bar,
			 const struct error *why, struct error *err)
{
	if (err->status != OK)
		return;
	if (status != OK) {
		*err = *why;
		return;
	}
	out->n++;
	out->failed += t->verdict == DIFFERENCE_FAIL;
	out->kinks += t->verdict == DIFFERENCE_KINK;
	if (*c->ui->stop > 0)
		fail(err, ERR_STOPPED, "stopped by a signal");
	else if (progress_update(bar, out->n, clock_now()))
		c->ui->draw(c->ui->ctx, bar, clock_now(), false);
}

/* Tensors are checked in any order, by as many threads as there may be. */
static enum status check_all(struct gradcheck *c, const struct gradients *g,
			     struct gradcheck_result *out, struct error *err)
{
	int threads = settings_threads(c->config);
	struct difference d;
	struct progress bar;
	TRY(difference_init(&d, c->values, c->inputs, c->cotangents, c->arena, err));
	out->tensors = arena_alloc(c->arena, g->n * sizeof *out->tensors);
	for (uint32_t k = 0; k < g->n; k++) {
		const struct value *x = graph_value(c->gradients, g->x[k]);
		out->tensors[k] = (struct gradcheck_tensor){
			.name = arena_strdup(c->arena, x->name), .shape = x->t.shape
		};
	}
	progress_begin(&bar, g->n, c->ui->interval, clock_now(), "gradcheck");
	c->ui->draw(c->ui->ctx, &bar, clock_now(), false);
	err->status = OK;
#pragma omp parallel for schedule(dynamic) num_threads(threads ? threads : omp_get_num_procs())
	for (uint32_t k = 0; k < g->n; k++) {
		struct gradcheck_tensor *t = &out->tensors[k];
		struct error why;
		bool go;
#pragma omp critical
		go = err->status == OK;
		if (!go)
			continue;
		enum status status = check_tensor(c, &d, k, &g->dx[k], t, &why);
#pragma omp critical
		count_tensor(c, out, t, status, &bar, &why, err);
	}
	c->ui->draw(c->ui->ctx, &bar, clock_now(), true);
	progress_release(&bar);
	return err->status;
}

enum status gradcheck_run(const struct config *config, const struct api_ui *ui,
			  struct gradcheck_result *out, struct problems *problems,
			  struct error *err)
{
	struct gradcheck c = { .config = config, .ui = ui, .problems = problems };
	struct gradients g = { 0 };
	uint32_t before = problems->total;
	enum status status;
	*out = (struct gradcheck_result){ 0 };
	arena_init(&out->arena);
	c.arena = &out->arena;
	c.options = settings_session(config, &backend_cpu, c.arena);
	TRY_GOTO(config->data ? open_data(&c, out, err) : open_random(&c, out, err), out);
	TRY_GOTO(build_graphs(&c, err), out);
	TRY_GOTO(differentiate(&c, &g, err), out);
	TRY_GOTO(check_all(&c, &g, out, err), out);
out:
	if (c.values)
		graph_free(c.values);
	if (c.gradients)
		graph_free(c.gradients);
	if (c.has_project)
		project_release(&c.project);
	else
		model_free(c.model);
	if (status != OK) {
		if (problems->total == before)
			problems_add(problems, err);
		gradcheck_release(out);
	}
	return status;
}

void gradcheck_release(struct gradcheck_result *result)
{
	arena_release(&result->arena);
}
