/*
 * project.c - brings model and data together (see project.h).
 *
 *  1. The model's graph; its inputs as the data readers need them.
 *  2. Class names and preprocessing: options, files beside the model, the model.
 *  3. The data; then concrete shapes, from images or arrays.
 *  4. A new head, where the data's classes are not the model's.
 *  5. The session, planned at the micro-batch.
 */
#include "api/project.h"

#include "api/adapter.h"
#include "api/fit.h"
#include "api/output.h"
#include "api/project_head.h"
#include "api/settings.h"
#include "data/sidecar.h"
#include "passes/bind.h"
#include "passes/head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void project_describe_inputs(struct project *p)
{
	const struct graph *loaded = p->model->graph;
	p->inputs = arena_alloc(&p->arena, loaded->inputs.n * sizeof *p->inputs);
	p->shapes = arena_alloc(&p->arena, loaded->inputs.n * sizeof *p->shapes);
	for (uint32_t k = 0; k < loaded->inputs.n; k++) {
		const struct value *v = graph_value(loaded, loaded->inputs.v[k]);
		p->inputs[k] = (struct data_input){ v->name, v->t.dtype, v->t.shape };
	}
}

/* ---- preprocessing ---- */

static void add_reals(struct text *text, const struct config_reals *reals)
{
	for (uint32_t i = 0; i < reals->n; i++)
		text_add(text, "%s%.17g", i ? "," : "", reals->v[i]);
}

static enum status set_option(struct project *p, enum setting setting, const char *option,
			      const struct text *text, struct error *err)
{
	if (!text->s)
		return OK;
	if (preprocess_set(&p->preprocess, setting, text->s, FROM_OPTION, err) != OK)
		return fail_context(err, "--%s", option);
	return OK;
}

/* The options as preprocess_set reads them; what is auto is left to weaker sources. */
static enum status apply_options(struct project *p, struct error *err)
{
	static const char *const ranges[] = { NULL, "0-1", "0-255", "-1-1" };
	static const char *const channels[] = { NULL, "rgb", "bgr", "grey" };
	static const char *const layouts[] = { NULL, "nchw", "nhwc" };
	static const char *const modes[] = { NULL, "stretch", "crop", "pad" };
	static const char *const option[SETTING_COUNT] = {
		[SETTING_SIZE] = "image-size",   [SETTING_RESIZE] = "resize",
		[SETTING_CHANNELS] = "channels", [SETTING_LAYOUT] = "layout",
		[SETTING_RANGE] = "range",       [SETTING_MEAN] = "mean",
		[SETTING_STD] = "std",
	};
	const struct config *c = p->config;
	struct text text[SETTING_COUNT] = { 0 };
	enum status status = OK;
	if (c->image_size.height)
		text_add(&text[SETTING_SIZE], "%dx%d", c->image_size.height, c->image_size.width);
	if (c->resize.mode == CONFIG_RESIZE_PAD)
		text_add(&text[SETTING_RESIZE], "pad:%s,%.17g",
			 c->resize.pad_left ? "left" : "center", c->resize.pad_value);
	else if (c->resize.mode)
		text_add(&text[SETTING_RESIZE], "%s", modes[c->resize.mode]);
	if (c->channels)
		text_add(&text[SETTING_CHANNELS], "%s", channels[c->channels]);
	if (c->layout)
		text_add(&text[SETTING_LAYOUT], "%s", layouts[c->layout]);
	if (c->range)
		text_add(&text[SETTING_RANGE], "%s", ranges[c->range]);
	add_reals(&text[SETTING_MEAN], &c->mean);
	add_reals(&text[SETTING_STD], &c->std);
	for (int i = 0; i < SETTING_COUNT && status == OK; i++)
		status = set_option(p, (enum setting)i, option[i], &text[i], err);
	for (int i = 0; i < SETTING_COUNT; i++)
		text_release(&text[i]);
	return status;
}

static void note_preprocessing(const struct project *p)
{
	for (int i = 0; i < SETTING_COUNT; i++) {
		char text[SETTING_TEXT];
		enum setting s = (enum setting)i;
		log_note(&p->ui->log, "preprocessing: %s %s (%s)", setting_name(s),
			 preprocess_format(&p->preprocess, s, text),
			 setting_source_name(p->preprocess.source[i]));
	}
}

/* ---- data ---- */

/* Pictures that have one size all are left at it unless something says otherwise. */
static enum status apply_pixel_size(struct project *p, struct error *err)
{
	const struct part *part = p->dataset.train.n ? &p->dataset.train : &p->dataset.validation;
	const struct shape *shape = &part->pixels.shape;
	char text[SETTING_TEXT];
	if (!part->pixels.data || p->preprocess.height)
		return OK;
	snprintf(text, sizeof text, "%lldx%lld", (long long)shape->dim[1],
		 (long long)shape->dim[2]);
	return preprocess_set(&p->preprocess, SETTING_SIZE, text, FROM_FILE, err);
}

/* Names of classes: the user's; else the model's own, then what lies beside it. */
static enum status read_names(struct project *p, struct error *err)
{
	const struct config *c = p->config;
	const char *text = model_metadata(p->model, CLASS_NAMES_KEY);
	if (text && !class_names_parse(text, &p->arena, &p->known))
		log_note(&p->ui->log, "%s: the metadata property '%s' is no list of class names",
			 c->model, CLASS_NAMES_KEY);
	TRY(sidecar_apply(c->model, &p->arena, &p->preprocess, &p->known, &p->ui->log, err));
	p->names = p->wish.names.n ? p->wish.names : p->known;
	return c->labels ? class_names_read(c->labels, &p->arena, &p->names, err) : OK;
}

static enum status open_data(struct project *p, bool train, struct error *err)
{
	const struct config *c = p->config;
	preprocess_init(&p->preprocess);
	TRY(read_names(p, err));
	TRY(apply_options(p, err));
	p->mix = (struct mix_options){ c->mixup, c->cutmix, (uint64_t)c->seed };
	if (train && c->augment)
		TRY(augment_parse(c->augment, (uint64_t)c->seed, &p->augment, err));
	const struct graph *g = p->model->graph;
	bool values = project_trains_values(c);
	struct dataset_options options = {
		.inputs = p->inputs,
		.n_inputs = p->model->graph->inputs.n,
		.output_rank = graph_value(g, g->outputs.v[p->output])->t.shape.rank,
		.targets = values                                          ? TARGETS_VALUES
			   : c->loss == CONFIG_CROSS_ENTROPY || p->wish.on ? TARGETS_CLASSES
									   : TARGETS_ANY,
		.names = p->names,
		.validation = c->validation.fraction,
		.validation_path = c->validation.folder,
		.label_column = c->label_column,
		.ignored_label = &c->ignored_label,
		.split = c->split,
		.seed = (uint64_t)c->seed,
		.evaluate_only = !train,
		.log = &p->ui->log,
	};
	project_expect_classes(p, train, &options);
	TRY(dataset_open(c->data, &options, &p->dataset, err));
	p->has_dataset = true;
	if (!p->dataset.images && p->augment.n)
		return fail(err, ERR_USAGE, "--augment: the data are arrays; it changes images");
	if (train && (p->mix.mixup > 0 || p->mix.cutmix > 0))
		TRY(loader_check_mix(&p->mix, p->inputs, options.n_inputs, p->dataset.images, err));
	if (!p->dataset.images)
		return OK;
	TRY(apply_pixel_size(p, err));
	TRY(preprocess_bind(&p->preprocess, p->inputs[0].name, p->inputs[0].dtype,
			    &p->inputs[0].shape, err));
	note_preprocessing(p);
	return OK;
}

static void note_classes(const struct project *p)
{
	const struct label_map *map = &p->dataset.labels;
	bool folders = p->dataset.folders;
	const char *thing = folders ? "folder" : "label";
	const char *in_order = folders ? ", folders " : ", labels ";
	for (uint32_t i = 0; i < map->n_folders && i < 50; i++)
		log_note(&p->ui->log, "class %u: %s '%s'%s%s", map->classes[i], thing,
			 map->folders[i], map->rule == LABELS_BY_NAME ? ", " : in_order,
			 label_rule_text(map->rule));
}

/* ---- sizes ---- */

/* A model exported at a fixed batch computes that many samples at a time. */
static enum status choose_sizes(struct project *p, bool train, struct error *err)
{
	const struct config *c = p->config;
	const struct part *part = train ? &p->dataset.train : &p->dataset.validation;
	int64_t fixed = settings_fixed_batch(p->model->graph);
	p->window = c->batch_size;
	if (p->window > part->n)
		p->window = part->n;
	p->micro_batch = c->micro_batch > 0  ? c->micro_batch
			 : c->accumulate > 0 ? (p->window + c->accumulate - 1) / c->accumulate
					     : p->window;
	if (fixed && c->micro_batch > 0 && c->micro_batch != fixed)
		return fail(err, ERR_USAGE,
			    "--micro-batch %lld: the model is exported for batches of %lld",
			    (long long)c->micro_batch, (long long)fixed);
	if (fixed) {
		p->micro_batch = fixed;
		if (p->window < fixed)
			p->window = fixed;
		log_note(
			&p->ui->log,
			"the model is exported for batches of %lld: %lld of them make a step of %lld",
			(long long)fixed, (long long)((p->window + fixed - 1) / fixed),
			(long long)p->window);
	}
	if (p->micro_batch > p->window)
		p->micro_batch = p->window;
	return OK;
}

enum status project_shapes(void *ctx, int64_t micro_batch, const struct shape **out,
			   struct error *err)
{
	struct project *p = ctx;
	const struct graph *loaded = p->model->graph;
	struct shape *wanted = arena_alloc(&p->arena, loaded->inputs.n * sizeof *wanted);
	const struct part *part = p->dataset.train.n ? &p->dataset.train : &p->dataset.validation;
	for (uint32_t k = 0; k < loaded->inputs.n; k++) {
		if (p->dataset.images) {
			const struct shape *s = &p->preprocess.sample;
			wanted[k].rank = s->rank + 1;
			memcpy(wanted[k].dim + 1, s->dim, (size_t)s->rank * sizeof *s->dim);
		} else {
			wanted[k] = part->arrays[k].shape;
		}
	}
	if (bind_shapes(loaded, micro_batch, wanted, 0, p->shapes, err) != OK)
		return fail_context(err, "%s", p->config->model);
	*out = p->shapes;
	return OK;
}

/* ---- the session ---- */

int64_t project_steps_per_epoch(const struct project *project)
{
	return (project->dataset.train.n + project->window - 1) / project->window;
}

int64_t project_steps(const struct project *project)
{
	const struct config *c = project->config;
	int64_t per_epoch = project_steps_per_epoch(project), least = 150, epochs = 3;
	if (c->steps != CONFIG_AUTO)
		return c->steps;
	if (c->epochs != CONFIG_AUTO)
		return c->epochs * per_epoch;
	if (epochs * per_epoch < least)
		epochs = (least + per_epoch - 1) / per_epoch;
	return epochs * per_epoch;
}

static enum status open_session(struct project *p, bool train, struct problems *problems,
				struct error *err)
{
	int64_t steps = train ? project_steps(p) : 0;
	if (steps > CONFIG_STEPS_MAX)
		return fail(err, ERR_USAGE, "%lld epochs of %lld steps are more than %d steps",
			    (long long)(steps / project_steps_per_epoch(p)),
			    (long long)project_steps_per_epoch(p), CONFIG_STEPS_MAX);
	const struct backend *backend;
	TRY(settings_backend(p->config, &backend, &p->no_gpu, err));
	struct session_options options = settings_session(p->config, backend, &p->arena);
	options.train = train;
	options.output = p->output;
	project_train_head(p, &options);
	options.integer_labels = p->dataset.targets == TARGETS_CLASSES;
	if (options.loss == LOSS_AUTO && p->dataset.multi_label)
		options.loss = LOSS_BCE;
	options.training.rates = steps > 0 ? steps : 1;
	options.profile = p->profile;
	options.dump = p->ui->dump;
	options.dump_ctx = p->ui->ctx;
	struct fit fit = {
		.config = p->config,
		.model = p->model,
		.log = &p->ui->log,
		.options = options,
		.window = p->window,
		.micro_batch = p->micro_batch,
		.shapes = project_shapes,
		.ctx = p,
	};
	uint32_t before = problems->total;
	enum status status = fit_session(&fit, &p->session, problems, err);
	problems_context(problems, before, "%s", p->config->model);
	TRY(status);
	p->micro_batch = fit.micro_batch;
	p->cache_limit = fit.left;
	profile_lap(p->profile, "planned");
	TRY(session_start(p->session, err));
	profile_lap(p->profile, "memory taken, weights copied");
	const char *tuned = session_tuned(p->session);
	if (tuned)
		log_note(&p->ui->log, "autotune: %s", tuned);
	return OK;
}

/* The labels of a part must be what the loss takes for an output of this shape. */
static enum status check_targets(const struct project *p, const struct part *part,
				 const struct shape *logits, struct error *err)
{
	char have_text[SHAPE_TEXT], want_text[SHAPE_TEXT];
	struct shape have = part->targets.shape, want = *logits;
	if (!part->n)
		return OK;
	if (p->loss == LOSS_CROSS_ENTROPY) {
		want.rank = 0;
		for (int i = 0; i < logits->rank; i++)
			if (i != p->head.axis)
				want.dim[want.rank++] = logits->dim[i];
	}
	have.dim[0] = want.dim[0] = 1;
	if (shape_elements(&have) != shape_elements(&want)) {
		have.dim[0] = want.dim[0] = DIM_UNKNOWN;
		return fail(err, ERR_INPUT,
			    "%s: the labels have shape %s, but the loss %s takes %s (samples "
			    "first)",
			    p->config->data, shape_format(&have, have_text), loss_name(p->loss),
			    shape_format(&want, want_text));
	}
	if (p->loss != LOSS_BCE || p->dataset.targets != TARGETS_VALUES)
		return OK;
	for (int64_t i = 0, n = shape_elements(&part->targets.shape); i < n; i++) {
		double t = tensor_get(&part->targets, i);
		if (t < 0 || t > 1)
			return fail(err, ERR_INPUT,
				    "%s: the loss bce takes targets from 0 to 1, sample %lld has "
				    "%g",
				    p->config->data, (long long)(i * part->n / n), t);
	}
	return OK;
}

/* The data's classes are the model's; those that the data doesn't name are numbers. */
static enum status check_classes(struct project *p, int64_t classes, struct error *err)
{
	struct dataset *ds = &p->dataset;
	if (ds->targets != TARGETS_CLASSES || ds->n_classes == classes)
		return OK;
	if (ds->labels.n_folders || ds->n_classes > classes || ds->n_classes == p->names.n)
		return fail(err, ERR_INPUT,
			    "%s: the data has %u classes, the model tells %lld apart%s",
			    p->config->data, ds->n_classes, (long long)classes, p->no_head);
	const char **names = arena_alloc(&p->arena, (size_t)classes * sizeof *names);
	for (int64_t i = 0; i < classes; i++)
		names[i] = i < ds->n_classes ? ds->labels.names[i]
					     : arena_printf(&p->arena, "%lld", (long long)i);
	ds->labels.names = names;
	ds->labels.n = ds->n_classes = (uint32_t)classes;
	return OK;
}

static void note_outputs(const struct project *p)
{
	const struct graph *g = p->model->graph;
	if (g->outputs.n > 1)
		log_note(&p->ui->log, "of %u outputs only '%s' is trained and evaluated",
			 g->outputs.n, graph_value(g, g->outputs.v[p->output])->name);
}

/* What the model gives must fit what the data asks for. */
static enum status check_head(struct project *p, struct error *err)
{
	const struct session *s = p->session;
	const struct graph *g = s->evaluation.graph;
	p->head = loss_find(g, g->outputs.v[p->output]);
	if (loss_choose(g, &p->head, p->dataset.targets == TARGETS_CLASSES, s->options.loss,
			&p->loss, err) != OK)
		return fail_context(err, "%s", p->config->model);
	const struct shape *shape = &graph_value(g, p->head.logits)->t.shape;
	if ((p->config->loss == CONFIG_FOCAL && loss_of_values(p->loss)) ||
	    (p->config->label_smoothing > 0 && p->loss != LOSS_CROSS_ENTROPY))
		return fail(err, ERR_INPUT, "%s: --%s is not for the loss %s", p->config->model,
			    loss_of_values(p->loss) && p->config->loss == CONFIG_FOCAL
				    ? "loss=focal"
				    : "label-smoothing",
			    loss_name(p->loss));
	if (shape->dim[0] != p->micro_batch) {
		char text[SHAPE_TEXT];
		return fail(err, ERR_INPUT,
			    "%s: output '%s' has shape %s for %lld samples; its first axis must "
			    "count them",
			    p->config->model, graph_value(g, g->outputs.v[p->output])->name,
			    shape_format(shape, text), (long long)p->micro_batch);
	}
	/* names of something else than the model's outputs are of no use */
	if (p->dataset.targets == TARGETS_VALUES &&
	    (int64_t)p->dataset.labels.n * shape->dim[0] != shape_elements(shape))
		p->dataset.labels = (struct label_map){ 0 };
	TRY(check_targets(p, &p->dataset.train, shape, err));
	TRY(check_targets(p, &p->dataset.validation, shape, err));
	return check_classes(p, p->loss == LOSS_CROSS_ENTROPY ? shape->dim[p->head.axis] : 2, err);
}

/* Gates of classes that are not there are found before any work. */
static enum status check_gates(const struct project *p, struct error *err)
{
	const struct config *c = p->config;
	const struct tensor *y = session_output_type(p->session, p->output);
	bool multi = p->loss == LOSS_BCE && p->dataset.targets == TARGETS_VALUES;
	uint32_t classes = loss_of_values(p->loss) ? 0
			   : multi ? (uint32_t)(shape_elements(&y->shape) / y->shape.dim[0])
				   : p->dataset.n_classes;
	for (uint32_t i = 0; i < c->fail_under.n; i++)
		if (gate_check_class(&c->fail_under.v[i], p->dataset.labels.names, classes, err) !=
		    OK)
			return fail_context(err, "--fail-under");
	return OK;
}

/* Behind the head, which it may fill. */
static enum status add_adapter(struct project *p, const struct adapter *adapter, struct error *err)
{
	enum status status = p->config->adapter ? adapter_apply(adapter, p->model, err) : OK;
	return status != OK && p->original ? fail_context(err, "with a new head") : status;
}

enum status project_open(const struct config *config, const struct api_ui *ui, bool train,
			 struct project *out, struct problems *problems, struct error *err)
{
	struct project p = { .config = config, .ui = ui };
	struct adapter adapter = { 0 };
	enum status status;
	uint32_t before = problems->total;
	arena_init(&p.arena);
	if (train && config->profile) {
		p.profile = arena_alloc(&p.arena, sizeof *p.profile);
		profile_begin(p.profile);
	}
	TRY_GOTO(model_load(config->model, &p.model, problems, err), out_project);
	profile_lap(p.profile, "model read");
	TRY_GOTO(output_check_apart(config, p.model, err), out_project);
	if (config->adapter)
		TRY_GOTO(adapter_open(config->adapter, &adapter, err), out_project);
	TRY_GOTO(project_wish_head(&p, &adapter, err), out_project);
	TRY_GOTO(settings_output(config, p.model->graph, &p.output, err), out_project);
	project_describe_inputs(&p);
	TRY_GOTO(open_data(&p, train, err), out_project);
	note_classes(&p);
	profile_lap(p.profile, "data opened");
	TRY_GOTO(choose_sizes(&p, train, err), out_project);
	TRY_GOTO(project_fit_head(&p, problems, err), out_project);
	TRY_GOTO(add_adapter(&p, &adapter, err), out_project);
	TRY_GOTO(open_session(&p, train, problems, err), out_project);
	TRY_GOTO(project_check_factors(&p, err), out_project);
	TRY_GOTO(check_head(&p, err), out_project);
	TRY_GOTO(check_gates(&p, err), out_project);
	note_outputs(&p);
	adapter_close(&adapter);
	*out = p;
	return OK;
out_project:
	adapter_close(&adapter);
	if (problems->total == before)
		problems_add(problems, err);
	project_release(&p);
	return status;
}

void project_release(struct project *project)
{
	session_free(project->session);
	if (project->profile)
		profile_release(project->profile);
	if (project->has_dataset)
		dataset_release(&project->dataset);
	model_free(project->model);
	model_free(project->original);
	arena_release(&project->arena);
}

struct loader_options project_loader(struct project *project, struct part *part, int64_t window,
				     bool shuffle)
{
	const struct config *c = project->config;
	bool train = part == &project->dataset.train;
	bool mixes = train && (project->mix.mixup > 0 || project->mix.cutmix > 0);
	return (struct loader_options){
		.dataset = &project->dataset,
		.part = part,
		.preprocess = &project->preprocess,
		.inputs = project->inputs,
		.n_inputs = project->model->graph->inputs.n,
		.window = (uint32_t)window,
		.micro_batch = (uint32_t)project->micro_batch,
		.shuffle = shuffle,
		.class_weights = train ? project->class_weights : NULL,
		.balanced = train && c->sampling == CONFIG_SAMPLING_BALANCED,
		.augment = train && project->augment.n ? &project->augment : NULL,
		.mix = mixes ? &project->mix : NULL,
		.seed = (uint64_t)c->seed,
		.decoders = c->decoders == CONFIG_AUTO ? 0 : (uint32_t)c->decoders,
		.cache_limit = project->cache_limit,
	};
}
