/* session.c - a model being trained (see session.h). */
#include "train/session.h"

#include "base/map.h"
#include "train/features.h"
#include "train/graphs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- first content of variables ---- */

struct first_content {
	const struct session *session;
	struct map constants; /* of the loaded graph, by name */
	struct map factors;   /* constants by the name of their factor A */
	struct arena arena;   /* what factors start with */
	struct tensor step;
	struct step_block block;
};

/* What factor A of a weight starts with. */
static const struct tensor *first_factor(struct first_content *f, uint32_t id)
{
	const struct lora *lora = &f->session->lora[id];
	struct tensor *t = arena_alloc(&f->arena, sizeof *t);
	*t = tensor_new(&f->arena, DT_F32, &SHAPE(lora->rank, lora->in));
	lora_init(lora, f->session->options.seed, id, t);
	return t;
}

static const struct tensor *first(void *ctx, const char *name)
{
	struct first_content *f = ctx;
	uint32_t id;
	if (!strcmp(name, STEP_NAME))
		return &f->step;
	if (!strncmp(name, AVERAGE_PREFIX, strlen(AVERAGE_PREFIX)))
		name += strlen(AVERAGE_PREFIX);
	if (map_get(&f->factors, name, &id))
		return first_factor(f, id);
	if (map_get(&f->constants, name, &id))
		return &graph_value(f->session->model->graph, id)->t;
	return NULL;
}

static void first_init(struct first_content *f, const struct session *session)
{
	const struct session_options *o = &session->options;
	const struct graph *loaded = session->model->graph;
	*f = (struct first_content){
		.session = session,
		.block = { .scale = o->loss_scale, .seed = o->seed },
	};
	f->step = (struct tensor){ DT_U8, SHAPE(sizeof f->block), &f->block };
	arena_init(&f->arena);
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		const char *name = graph_value(loaded, i)->name;
		if (graph_value(loaded, i)->kind == VALUE_CONSTANT)
			map_set(&f->constants, name, i);
		if (session->lora[i].on)
			map_set(&f->factors, lora_name(&f->arena, name, false), i);
	}
}

/* ---- planning ---- */

static enum status choose_parameters(struct session *s, struct problems *problems,
				     struct error *err)
{
	const struct session_options *o = &s->options;
	const struct graph *loaded = s->model->graph;
	s->verdicts = arena_alloc(&s->arena, loaded->values.n * sizeof *s->verdicts);
	s->trained = arena_alloc(&s->arena, loaded->values.n);
	s->lora = arena_alloc(&s->arena, loaded->values.n * sizeof *s->lora);
	if (!o->train)
		return OK;
	TRY(params_choose(loaded, o->shapes, o->freeze, o->train_only, o->output, s->verdicts,
			  problems, err));
	if (o->lora.rank)
		TRY(lora_choose(loaded, &o->lora, s->verdicts, s->lora, err));
	bool any = false;
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		any |= s->verdicts[i].trained;
		s->trained[i] = s->verdicts[i].trained && !s->lora[i].on;
	}
	if (!any)
		return fail(err, ERR_INPUT,
			    "nothing to train: no float constant is a weight; "
			    "choose with --train, see onnxtune inspect");
	struct training_options *t = &s->options.training;
	struct param_group *groups;
	TRY(groups_choose(loaded, s->verdicts, s->lora, &o->groups, &s->arena, &groups,
			  &t->n_groups, err));
	t->groups = groups;
	return OK;
}

/* Makes the graph that of what follows a frozen beginning, where there is one. */
static enum status cut_prefix(struct session *s, struct graph *graph, struct problems *problems,
			      struct error *err)
{
	struct prefix prefix = prefix_find(graph, s->options.micro_batch, !s->features.no_products);
	struct graph *copy;
	session_dump_fn *dump_fn = s->options.dump;
	if (!prefix.n)
		return OK;
	s->options.dump = NULL; /* the same once more */
	enum status status = graphs_training(s, s->options.shapes, &copy, problems, err);
	s->options.dump = dump_fn;
	if (status == OK)
		status = features_plan(s, graph, copy, &prefix, err);
	if (status != OK)
		graph_free(graph);
	return status;
}

static enum status plan_training(struct session *s, struct problems *problems, struct error *err)
{
	struct graph *graph;
	TRY(graphs_training(s, s->options.shapes, &graph, problems, err));
	if (s->options.cache_features && !s->features.depends)
		TRY(cut_prefix(s, graph, problems, err));
	TRY(runner_plan(graph, &s->vars, &s->training, err));
	s->training.profile = s->options.profile;
	return OK;
}

static enum status plan_runners(struct session *s, struct problems *problems, struct error *err)
{
	struct graph *graph;
	if (s->options.train)
		TRY(plan_training(s, problems, err));
	TRY(graphs_evaluation(s, &graph, problems, err));
	return runner_plan(graph, &s->vars, &s->evaluation, err);
}

enum status session_plan(const struct model *model, const struct session_options *options,
			 struct session **out, struct problems *problems, struct error *err)
{
	const struct backend *backend = options->backend;
	struct session *s = mem_alloc(sizeof *s);
	uint32_t before = problems->total;
	enum status status;
	*s = (struct session){ .model = model, .options = *options };
	arena_init(&s->arena);
	s->options.shapes = arena_dup(&s->arena, options->shapes,
				      model->graph->inputs.n * sizeof *options->shapes);
	s->rates = arena_alloc(&s->arena, (size_t)options->training.rates * sizeof *s->rates);
	variables_init(&s->vars, backend, NULL, NULL);
	struct backend_options device = { .ordinal = options->ordinal,
					  .threads = options->threads,
					  .autotune = options->autotune };
	s->device = options->device;
	if (!s->device) {
		TRY_GOTO(backend->open(&device, &s->device, err), out_session);
		s->owns_device = true;
	}
	TRY_GOTO(backend->stream_new(s->device, &s->stream, err), out_session);
	s->vars.device = s->device;
	s->vars.stream = s->stream;
	TRY_GOTO(choose_parameters(s, problems, err), out_session);
	TRY_GOTO(plan_runners(s, problems, err), out_session);
	*out = s;
	return OK;
out_session:
	if (problems->total == before)
		problems_add(problems, err);
	session_free(s);
	return status;
}

/* Bytes of a plan's inputs; no plan: 0. */
static size_t input_bytes(const struct runner *runner)
{
	size_t bytes = 0;
	for (uint32_t k = 0; runner->plan && k < runner->graph->inputs.n; k++)
		bytes += tensor_bytes(&graph_value(runner->graph, runner->graph->inputs.v[k])->t);
	return bytes;
}

/* Bytes of the inputs that are given at once. */
static size_t parcel_bytes(const struct session *s)
{
	size_t training = input_bytes(&s->training), evaluation = input_bytes(&s->evaluation);
	return training > evaluation ? training : evaluation;
}

/* The step arena of both plans. */
static size_t scratch_bytes(const struct session *s)
{
	size_t evaluation = s->evaluation.plan->arena_bytes;
	size_t training = s->options.train ? s->training.plan->arena_bytes : 0;
	return training > evaluation ? training : evaluation;
}

uint64_t session_memory(const struct session *session)
{
	const struct plan *training = session->training.plan;
	const struct plan *evaluation = session->evaluation.plan;
	uint64_t bytes = scratch_bytes(session) +
			 feed_memory(session->vars.backend, parcel_bytes(session));
	for (uint32_t i = 0; training && i < training->n_residents; i++)
		bytes += training->residents[i].bytes;
	const struct plan *prefix = session->features.prefix.plan;
	bytes += prefix ? prefix->arena_bytes : 0;
	for (uint32_t i = 0; prefix && i < prefix->n_residents; i++)
		bytes += prefix->residents[i].bytes;
	for (uint32_t i = 0; i < evaluation->n_residents; i++) {
		const struct resident *r = &evaluation->residents[i];
		enum value_kind kind = graph_value(evaluation->graph, r->value)->kind;
		/* parameters and state are shared with the training */
		if (!training || (kind != VALUE_PARAM && kind != VALUE_STATE))
			bytes += r->bytes;
	}
	return bytes;
}

/*
 * Starts the frozen beginning. Where it does not give the same bits at every place, it is planned again
 * without matrix products, and where that does not do, not at all.
 */
static enum status start_prefix(struct session *s, struct first_content *f, struct error *err)
{
	struct feature_cache *c = &s->features;
	while (c->on) {
		struct problems ignored = { 0 };
		bool depends = false;
		TRY(runner_fill(&c->prefix, first, f, err));
		TRY(runner_link(&c->prefix, NULL, 0, err));
		if (s->options.near_features)
			return OK;
		TRY(features_depend_on_place(s, &depends, err));
		if (!depends)
			return OK;
		runner_close(&c->prefix);
		runner_close(&s->training);
		c->depends = c->no_products;
		c->no_products = true;
		c->on = false;
		TRY(plan_training(s, &ignored, err));
	}
	return OK;
}

/* What the session needs of them it has copied, and they are read again when the model is saved. */
static void forget_constants(const struct model *model)
{
	for (uint32_t i = 1; i < model->graph->values.n; i++)
		if (graph_value(model->graph, i)->kind == VALUE_CONSTANT)
			onnx_file_forget(&model->file, &graph_value(model->graph, i)->t);
}

static enum status start_runners(struct session *s, struct first_content *f, struct error *err)
{
	TRY(start_prefix(s, f, err));
	size_t bytes = scratch_bytes(s);
	if (s->options.train)
		TRY(runner_fill(&s->training, first, f, err));
	TRY(runner_fill(&s->evaluation, first, f, err));
	forget_constants(s->model);
	TRY(s->vars.backend->alloc(s->device, bytes, &s->scratch, err));
	TRY(feed_open(&s->feed, &s->vars, parcel_bytes(s), err));
	TRY(results_open(&s->results, &s->vars, err));
	if (s->options.train) {
		TRY(runner_link(&s->training, s->scratch, bytes, err));
		TRY(runner_run(&s->training, PROGRAM_UPDATE, err));
	}
	TRY(runner_link(&s->evaluation, s->scratch, bytes, err));
	s->stale = true;
	return OK;
}

enum status session_start(struct session *session, struct error *err)
{
	struct first_content f;
	first_init(&f, session);
	enum status status = start_runners(session, &f, err);
	map_release(&f.constants);
	map_release(&f.factors);
	arena_release(&f.arena);
	return status;
}

enum status session_open(const struct model *model, const struct session_options *options,
			 struct session **out, struct problems *problems, struct error *err)
{
	struct session *s;
	TRY(session_plan(model, options, &s, problems, err));
	enum status status = session_start(s, err);
	if (status != OK) {
		problems_add(problems, err);
		session_free(s);
		return status;
	}
	*out = s;
	return OK;
}

const char *session_tuned(const struct session *session)
{
	const struct backend *backend = session->vars.backend;
	return backend->tuned ? backend->tuned(session->device) : NULL;
}

void session_free(struct session *session)
{
	if (!session)
		return;
	const struct backend *backend = session->vars.backend;
	feed_close(&session->feed);
	results_close(&session->results);
	runner_close(&session->training);
	for (uint32_t i = 0; i < session->short_batches.n; i++) {
		runner_close(session->short_batches.v[i].runner);
		free(session->short_batches.v[i].runner);
	}
	array_release(&session->short_batches);
	runner_close(&session->evaluation);
	feature_cache_close(&session->features);
	if (session->scratch)
		backend->free(session->device, session->scratch);
	variables_release(&session->vars);
	if (session->stream)
		backend->stream_free(session->stream);
	if (session->owns_device)
		backend->close(session->device);
	arena_release(&session->arena);
	free(session);
}

/* ---- steps ---- */

static enum status give(struct session *s, struct runner *runner, const char *name,
			enum dtype dtype, const void *number, struct error *err)
{
	struct tensor t = { dtype, SHAPE_SCALAR, (void *)number };
	return feed_add(&s->feed, runner, name, &t, err);
}

/* Waits, so that host memory is the caller's again, also when not all could be queued. */
static enum status finish(struct session *s, enum status queued, struct error *err)
{
	struct error later;
	enum status done = s->vars.backend->stream_wait(s->stream, queued == OK ? err : &later);
	return queued != OK ? queued : done;
}

/* Plans training at another batch size. */
static enum status add_short_batch(struct session *s, int64_t samples, struct error *err)
{
	const struct graph *loaded = s->model->graph;
	struct problems problems = { 0 };
	struct graph *graph;
	struct shape *shapes = arena_alloc(&s->arena, loaded->inputs.n * sizeof *shapes);
	for (uint32_t k = 0; k < loaded->inputs.n; k++) {
		shapes[k] = s->options.shapes[k];
		shapes[k].dim[0] = samples;
	}
	TRY(graphs_training(s, shapes, &graph, &problems, err));
	struct runner *runner = mem_alloc(sizeof *runner);
	enum status status = runner_open(graph, &s->vars, NULL, NULL, runner, err);
	if (status != OK) {
		free(runner);
		return status;
	}
	runner->profile = s->options.profile;
	*array_push(&s->short_batches) = (struct short_batch){ samples, runner, true };
	return runner_link(runner, s->scratch, s->training.plan->arena_bytes, err);
}

/* The runner for a micro-batch of so many real samples. */
static enum status runner_for(struct session *s, int64_t samples, struct runner **out,
			      struct error *err)
{
	struct short_batch *b;
	uint32_t i = 0;
	*out = &s->training;
	if (!s->options.train_batch_norm || samples == s->options.micro_batch)
		return OK;
	while (i < s->short_batches.n && s->short_batches.v[i].samples != samples)
		i++;
	if (i == s->short_batches.n)
		TRY(add_short_batch(s, samples, err));
	b = &s->short_batches.v[i];
	if (b->stale)
		TRY(runner_run(b->runner, PROGRAM_UPDATE, err));
	b->stale = false;
	*out = b->runner;
	return OK;
}

enum status session_plan_short_batch(struct session *session, int64_t samples, struct error *err)
{
	struct runner *unused;
	return finish(session, runner_for(session, samples, &unused, err), err);
}

/* The first rows of a tensor. */
static struct tensor rows(const struct tensor *t, int64_t n)
{
	struct tensor first = *t;
	first.shape.dim[0] = n;
	return first;
}

enum status session_begin_window(struct session *session, double weight, struct error *err)
{
	session->micro_batches = 0;
	session->sample_base = 0;
	session->window_weight = weight;
	return results_before(&session->results, err);
}

static enum status give_inputs(struct session *s, struct runner *runner,
			       const struct tensor *inputs, int64_t n, struct error *err)
{
	const struct graph *loaded = s->model->graph;
	for (uint32_t k = 0; k < loaded->inputs.n; k++) {
		struct tensor t = rows(&inputs[k], n);
		TRY(feed_add(&s->feed, runner, graph_value(loaded, loaded->inputs.v[k])->name, &t,
			     err));
	}
	return OK;
}

/* The labels in the type and shape that the loss takes: class numbers 0 and 1 are targets of a
 * single sigmoid, [N] is [N,1]. */
static enum status give_labels(struct session *s, struct runner *runner, const char *name,
			       struct tensor labels, struct error *err)
{
	bool mixed = strcmp(name, LABELS_NAME);
	const struct graph *graph = runner->graph;
	const struct tensor *want = NULL;
	for (uint32_t k = 0; k < graph->inputs.n && !want; k++)
		if (!strcmp(graph_value(graph, graph->inputs.v[k])->name, name))
			want = &graph_value(graph, graph->inputs.v[k])->t;
	int64_t n = shape_elements(&labels.shape);
	if (n == shape_elements(&want->shape)) {
		labels.shape = want->shape;
		if (labels.dtype != want->dtype && dtype_is_float(want->dtype)) {
			char *room = (char *)s->labels + (mixed ? tensor_bytes(want) : 0);
			struct tensor t = { want->dtype, want->shape, room };
			for (int64_t i = 0; i < n; i++)
				tensor_set(&t, i, tensor_get(&labels, i));
			labels = t;
		}
	}
	return feed_add(&s->feed, runner, name, &labels, err);
}

static enum status queue_micro_batch(struct session *s, const struct tensor *inputs,
				     const struct tensor *labels, const struct tensor *weights,
				     int64_t samples, struct error *err)
{
	struct runner *runner;
	TRY(runner_for(s, samples, &runner, err));
	int64_t n = runner == &s->training ? s->options.micro_batch : samples;
	static const char *const names[][2] = { { LABELS_NAME, WEIGHTS_NAME },
						{ MIXED_LABELS_NAME, MIXED_WEIGHTS_NAME } };
	TRY(feed_begin(&s->feed, err));
	TRY(give_inputs(s, runner, inputs, n, err));
	if (s->features.on && runner == &s->training)
		TRY(features_give(s, inputs, samples, err));
	for (int i = 0; i <= s->options.loss_shape.mixed; i++) {
		struct tensor w = rows(&weights[i], n);
		TRY(give_labels(s, runner, names[i][0], rows(&labels[i], n), err));
		TRY(feed_add(&s->feed, runner, names[i][1], &w, err));
	}
	TRY(give(s, runner, SAMPLE_BASE_NAME, DT_I64, &s->sample_base, err));
	TRY(give(s, &s->training, WINDOW_WEIGHT_NAME, DT_F64, &s->window_weight, err));
	if (runner != &s->training)
		TRY(give(s, runner, WINDOW_WEIGHT_NAME, DT_F64, &s->window_weight, err));
	TRY(feed_end(&s->feed, err));
	s->all_old |= s->early && runner != &s->training;
	return runner_run(runner, s->micro_batches ? PROGRAM_NEXT : PROGRAM_FIRST, err);
}

enum status session_micro_batch(struct session *session, const struct tensor *inputs,
				const struct tensor *labels, const struct tensor *weights,
				int64_t samples, struct error *err)
{
	if (session->early && session->micro_batches)
		return fail(err, ERR_INTERNAL, "the window has more than one micro-batch");
	TRY(queue_micro_batch(session, inputs, labels, weights, samples, err));
	session->samples = NULL;
	session->micro_batches++;
	session->sample_base += samples;
	return OK;
}

/*
 * Queues what depends on the weights alone: now for the training, but for what its optimizers have
 * written, when it is needed for others.
 */
static enum status refresh(struct session *s, struct error *err)
{
	bool all = s->all_old;
	s->all_old = false;
	s->stale = true;
	for (uint32_t i = 0; i < s->short_batches.n; i++)
		s->short_batches.v[i].stale = true;
	return runner_run(&s->training, all ? PROGRAM_UPDATE : PROGRAM_AFTER, err);
}

enum status session_refresh(struct session *session, struct error *err)
{
	const struct variable *rates = variables_find(&session->vars, LEARNING_RATE_NAME);
	TRY(variable_read(&session->vars, rates, session->rates, err));
	session->all_old = true;
	return finish(session, refresh(session, err), err);
}

static enum status queue_end(struct session *s, struct error *err)
{
	TRY(runner_run(&s->training, PROGRAM_APPLY, err));
	TRY(results_after(&s->results, err));
	return refresh(s, err);
}

enum status session_end_window(struct session *session, struct error *err)
{
	enum status status = queue_end(session, err);
	return status == OK ? OK : finish(session, status, err);
}

uint32_t session_ahead(const struct session *session)
{
	return session->vars.backend->host_visible ? 0 : RESULTS_AHEAD;
}

enum status session_result(struct session *session, struct step_result *out, struct error *err)
{
	struct step_block before, after;
	int64_t last = session->options.training.rates - 1;
	TRY(results_take(&session->results, &before, &after, err));
	*out = (struct step_result){
		.loss = after.loss,
		.norm = after.norm,
		.rate = session->rates[before.good_steps < last ? before.good_steps : last],
		.scale = before.scale,
		.skipped = after.found_inf != 0,
		.skips = after.skips,
		.step = after.steps,
		.good_steps = after.good_steps,
	};
	return OK;
}

static enum status queue_prediction(struct session *s, const struct tensor *inputs,
				    struct tensor *outputs, struct error *err)
{
	struct runner *runner = &s->evaluation;
	if (s->stale)
		TRY(runner_run(runner, PROGRAM_UPDATE, err));
	s->stale = false;
	TRY(feed_begin(&s->feed, err));
	TRY(give_inputs(s, runner, inputs, s->options.micro_batch, err));
	TRY(feed_end(&s->feed, err));
	TRY(runner_run(runner, PROGRAM_FIRST, err));
	for (uint32_t k = 0; k < s->model->graph->outputs.n; k++)
		if (outputs[k].data)
			TRY(runner_output(runner, k, outputs[k].data, err));
	return OK;
}

enum status session_predict(struct session *session, const struct tensor *inputs,
			    struct tensor *outputs, struct error *err)
{
	return finish(session, queue_prediction(session, inputs, outputs, err), err);
}

const struct tensor *session_output_type(const struct session *session, uint32_t k)
{
	const struct graph *graph = session->evaluation.graph;
	return &graph_value(graph, graph->outputs.v[k])->t;
}
