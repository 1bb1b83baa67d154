/*
 * runstate.c - where a run stands and what it depends on, as JSON and arrays in a checkpoint (see
 * runstate.h).
 */
#include "api/runstate.h"

#include "base/text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT 1 /* of what is written here */

/* Arrays. Texts are bytes, since paths may be anything but UTF-8. */
#define SETTINGS_NAME "onnxtune.settings"
#define LOG_NAME "onnxtune.log"        /* path of the --log file */
#define EVENTS_NAME "onnxtune.log-dir" /* folder of event files */
#define POINTS_NAME "onnxtune.curves"  /* f64: points of the curves, the one not complete, */
#define OPEN_NAME "onnxtune.curves.open"
#define LOOKS_NAME "onnxtune.curves.validation" /* and those of validations */
#define DATA_NAME "onnxtune.data"               /* u64: the fingerprint's numbers */
#define DAMAGED_NAME "onnxtune.damaged"         /* u8: images of the training data */

/* A line `name = value` for each option that the trained bits depend on. */
static const char *print_settings(const struct config *config, struct arena *arena)
{
	struct text text = { 0 };
	for (uint32_t i = 0; i < config->n_settings; i++)
		if (!config->settings[i].inert)
			text_add(&text, "%s = %s\n", config->settings[i].name,
				 config->settings[i].value);
	const char *settings = arena_strdup(arena, text.s ? text.s : "");
	text_release(&text);
	return settings;
}

enum status run_identify(struct project *project, struct run_identity *out, struct error *err)
{
	const struct session *s = project->session;
	const struct onnx_file *file = &project->model->file;
	struct run_identity id = {
		.settings = print_settings(project->config, &project->arena),
		.device = s->vars.backend->describe(s->device),
		.model = fingerprint_file(0, &file->map),
		.window = project->window,
		.micro_batch = project->micro_batch,
	};
	for (uint32_t i = 0; i < file->externals.n; i++)
		id.model = fingerprint_file(id.model, &file->externals.v[i].map);
	TRY(dataset_fingerprint(&project->dataset, project->config->data, project->inputs,
				project->model->graph->inputs.n, &project->arena, &id.data, err));
	if (project->class_weights) {
		uint64_t *labels = &id.data.numbers[id.data.n - 1];
		*labels = fingerprint_bytes(*labels, project->class_weights,
					    project->dataset.n_classes *
						    sizeof *project->class_weights);
	}
	*out = id;
	return OK;
}

/* ---- writing ---- */

/* Whole numbers of the state, by name. */
struct whole {
	const char *name;
	int64_t *field;
};
#define WHOLES(s)                                                                                  \
	{                                                                                          \
		{ "done", &(s)->done }, { "epoch", &(s)->epoch }, { "window", &(s)->window },      \
			{ "steps", &(s)->steps }, { "skipped", &(s)->skipped },                    \
			{ "log_bytes", &(s)->log_bytes }, { "evaluated", &(s)->evaluated },        \
			{ "best_done", &(s)->best_done }, { "best_steps", &(s)->best_steps },      \
			{ "waits", &(s)->waits }, { "over", &(s)->over },                          \
			{ "curve_steps", &(s)->curve_steps }, { "curve_open", &(s)->curve_open },  \
	}

/* Numbers that need not be finite, as text that gives the same bits again. */
struct real {
	const char *name;
	double *field;
};
#define REALS(s)                                                                                   \
	{                                                                                          \
		{ "last_loss", &(s)->last_loss }, { "seconds", &(s)->seconds },                    \
			{ "best", &(s)->best },                                                    \
	}

static char *print_state(const struct run_identity *id, struct run_state state)
{
	const struct whole wholes[] = WHOLES(&state);
	const struct real reals[] = REALS(&state);
	char number[40];
	json_t *o = json_object();
	json_object_set_new(o, "format", json_integer(FORMAT));
	json_object_set_new(o, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(o, "device", json_string(id->device));
	snprintf(number, sizeof number, "%016llx", (unsigned long long)id->model);
	json_object_set_new(o, "model", json_string(number));
	json_object_set_new(o, "batch", json_integer(id->window));
	json_object_set_new(o, "micro_batch", json_integer(id->micro_batch));
	for (size_t i = 0; i < ARRAY_SIZE(wholes); i++)
		json_object_set_new(o, wholes[i].name, json_integer(*wholes[i].field));
	for (size_t i = 0; i < ARRAY_SIZE(reals); i++) {
		snprintf(number, sizeof number, "%.17g", *reals[i].field);
		json_object_set_new(o, reals[i].name, json_string(number));
	}
	char *text = json_dumps(o, JSON_INDENT(2));
	json_decref(o);
	return text;
}

static struct named_tensor text_array(const char *name, const char *text)
{
	struct tensor t = { DT_U8, SHAPE((int64_t)strlen(text)), (void *)text };
	return (struct named_tensor){ name, t };
}

enum status run_save(const char *path, struct project *project, const struct run_identity *identity,
		     const struct run_state *state, const struct record *record, struct error *err)
{
	const struct part *train = &project->dataset.train;
	struct run_state all = *state;
	all.curve_steps = record->per_point;
	all.curve_open = record->n_open;
	struct named_tensor more[] = {
		{ DATA_NAME, { DT_U64, SHAPE(identity->data.n), identity->data.numbers } },
		text_array(SETTINGS_NAME, identity->settings),
		text_array(LOG_NAME, state->log ? state->log : ""),
		text_array(EVENTS_NAME, state->log_dir ? state->log_dir : ""),
		{ POINTS_NAME, { DT_F64, SHAPE(record->points.n, 4), record->points.v } },
		{ OPEN_NAME, { DT_F64, SHAPE(4), (void *)&record->open } },
		{ LOOKS_NAME, { DT_F64, SHAPE(record->validations.n, 3), record->validations.v } },
		{ DAMAGED_NAME, { DT_U8, SHAPE(train->n), train->corrupt } },
	};
	uint32_t n = ARRAY_SIZE(more) - !train->corrupt;
	char *text = print_state(identity, all);
	enum status status = checkpoint_write(path, project->session, text, more, n, err);
	free(text);
	return status;
}

/* ---- reading ---- */

/* A text among the arrays, NULL when there is none. */
static const char *read_text(const struct checkpoint *c, const char *name, struct arena *arena)
{
	const struct tensor *t = arrays_find(&c->arrays, name);
	return t && t->dtype == DT_U8 ? arena_strndup(arena, t->data, tensor_bytes(t)) : NULL;
}

/* The first line of *text, which moves behind it, or NULL at the end. */
static const char *next_line(const char **text, struct arena *arena)
{
	size_t n = strcspn(*text, "\n");
	if (!**text)
		return NULL;
	const char *line = arena_strndup(arena, *text, n);
	*text += n + ((*text)[n] == '\n');
	return line;
}

/* Both are made from one table, so that only values differ. */
static enum status compare_settings(const char *now, const char *then, struct arena *arena,
				    struct error *err)
{
	const char *a, *b;
	do {
		a = next_line(&now, arena);
		b = next_line(&then, arena);
	} while (a && b && !strcmp(a, b));
	if (!a && !b)
		return OK;
	size_t name = strcspn(a ? a : b, "=");
	if (!a || !b || strncmp(a, b, name))
		return fail(err, ERR_UNSUPPORTED,
			    "the checkpoint is of a version with other options");
	const char *value_a = a + name + 2, *value_b = b + name + 2;
	return fail(err, ERR_USAGE, "--%.*s is %s, but the checkpoint was made with %s",
		    (int)name - 1, a, *value_a ? value_a : "not given",
		    *value_b ? value_b : "none");
}

static enum status compare_data(const struct checkpoint *c, const struct project *p,
				const struct fingerprint *now, struct error *err)
{
	const struct tensor *then = arrays_find(&c->arrays, DATA_NAME);
	if (!then || then->dtype != DT_U64 || then->shape.rank != 1)
		return fail(err, ERR_INPUT, "the checkpoint does not say of which data it is");
	if (then->shape.dim[0] != now->n)
		return fail(err, ERR_INPUT,
			    "%s: has %u files or arrays, but %lld when the checkpoint was made",
			    p->config->data, now->n - 1, (long long)then->shape.dim[0] - 1);
	for (uint32_t i = 0; i < now->n; i++) {
		uint64_t number;
		memcpy(&number, (const char *)then->data + i * sizeof number, sizeof number);
		if (number != now->numbers[i])
			return fail(err, ERR_INPUT, "%s: %s changed since the checkpoint was made",
				    p->config->data, now->names[i]);
	}
	return OK;
}

static enum status compare(const json_t *o, const struct checkpoint *c, struct project *p,
			   const struct run_identity *id, struct error *err)
{
	const struct log *log = &p->ui->log;
	const char *settings = read_text(c, SETTINGS_NAME, &p->arena);
	const char *model = json_string_value(json_object_get(o, "model"));
	const char *device = json_string_value(json_object_get(o, "device"));
	const char *version = json_string_value(json_object_get(o, "version"));
	long long window = json_integer_value(json_object_get(o, "batch"));
	long long micro_batch = json_integer_value(json_object_get(o, "micro_batch"));
	if (!settings || !model || !device || !version)
		return fail(err, ERR_INPUT, "the checkpoint does not say of which run it is");
	if (strcmp(version, PACKAGE_VERSION))
		log_warn(log,
			 "the checkpoint is of onnxtune %s: the results may differ from those "
			 "without an interruption",
			 version);
	TRY(compare_settings(id->settings, settings, &p->arena, err));
	if (strtoull(model, NULL, 16) != id->model)
		return fail(err, ERR_INPUT, "%s: is not the model that the checkpoint is of",
			    p->config->model);
	TRY(compare_data(c, p, &id->data, err));
	if (window != id->window)
		return fail(err, ERR_USAGE,
			    "a step takes %lld samples, but %lld when the checkpoint was made",
			    (long long)id->window, window);
	if (micro_batch != id->micro_batch)
		return fail(err, ERR_USAGE,
			    "the micro-batch is %lld, but the checkpoint was made with %lld; give "
			    "--micro-batch=%lld",
			    (long long)id->micro_batch, micro_batch, micro_batch);
	if (p->config->cache_features == CONFIG_FEATURES_NEAR)
		log_warn(log, "--cache-features=near computes again what it had: the results may "
			      "differ by rounding from those without an interruption");
	if (session_tuned(p->session))
		log_warn(log, "--autotune times the GPU's kernels again: the results may differ by "
			      "rounding from those without an interruption");
	if (strcmp(device, id->device))
		log_warn(log,
			 "the checkpoint was made on another machine (%s): the results may "
			 "differ from those without an interruption",
			 device);
	return OK;
}

enum status run_read(const struct checkpoint *checkpoint, struct project *project,
		     const struct run_identity *identity, struct run_state *out, struct error *err)
{
	struct run_state state = { 0 };
	const struct whole wholes[] = WHOLES(&state);
	const struct real reals[] = REALS(&state);
	json_t *o = json_loads(checkpoint->text, 0, NULL);
	if (json_integer_value(json_object_get(o, "format")) != FORMAT) {
		json_decref(o);
		return fail(err, ERR_UNSUPPORTED,
			    "the checkpoint is not of the form that this version reads");
	}
	enum status status = compare(o, checkpoint, project, identity, err);
	state.log = read_text(checkpoint, LOG_NAME, &project->arena);
	state.log_dir = read_text(checkpoint, EVENTS_NAME, &project->arena);
	for (size_t i = 0; i < ARRAY_SIZE(wholes); i++)
		*wholes[i].field = json_integer_value(json_object_get(o, wholes[i].name));
	for (size_t i = 0; i < ARRAY_SIZE(reals); i++) {
		const char *text = json_string_value(json_object_get(o, reals[i].name));
		*reals[i].field = text ? strtod(text, NULL) : 0;
	}
	json_decref(o);
	for (size_t i = 0; i < ARRAY_SIZE(wholes) && status == OK; i++)
		if (*wholes[i].field < 0 || state.window > UINT32_MAX)
			status = fail(err, ERR_INPUT, "the checkpoint's numbers are not possible");
	if (status == OK)
		*out = state;
	return status;
}

enum status run_restore(const struct checkpoint *checkpoint, struct project *project,
			struct error *err)
{
	struct dataset *ds = &project->dataset;
	const struct tensor *damaged = arrays_find(&checkpoint->arrays, DAMAGED_NAME);
	TRY(checkpoint_restore(checkpoint, project->session, err));
	if (!damaged || !ds->train.corrupt || tensor_bytes(damaged) != ds->train.n)
		return OK;
	for (uint32_t i = 0; i < ds->train.n; i++) {
		bool is_new = ((const uint8_t *)damaged->data)[i] && !ds->train.corrupt[i];
		ds->train.corrupt[i] |= is_new;
		ds->n_corrupt += is_new;
	}
	return OK;
}

static void restore_array(const struct checkpoint *c, const char *name, void *to, size_t n)
{
	const struct tensor *t = arrays_find(&c->arrays, name);
	if (n && t)
		memcpy(to, t->data, n);
}

/* How many rows of doubles an array has, 0 where it is not as it should be. */
static uint32_t rows_of(const struct checkpoint *c, const char *name, int64_t columns)
{
	const struct tensor *t = arrays_find(&c->arrays, name);
	bool good = t && t->dtype == DT_F64 && t->shape.rank == 2 && t->shape.dim[1] == columns;
	return good && t->shape.dim[0] <= UINT32_MAX ? (uint32_t)t->shape.dim[0] : 0;
}

void run_restore_curves(const struct checkpoint *checkpoint, const struct run_state *state,
			struct record *record)
{
	const struct tensor *open = arrays_find(&checkpoint->arrays, OPEN_NAME);
	uint32_t points = rows_of(checkpoint, POINTS_NAME, 4);
	uint32_t looks = rows_of(checkpoint, LOOKS_NAME, 3);
	if (state->curve_steps < 1 || !open || tensor_bytes(open) != sizeof record->open)
		return;
	record->points.n = record->validations.n = 0;
	for (uint32_t i = 0; i < points; i++)
		array_push(&record->points);
	for (uint32_t i = 0; i < looks; i++)
		array_push(&record->validations);
	restore_array(checkpoint, POINTS_NAME, record->points.v, points * sizeof *record->points.v);
	restore_array(checkpoint, LOOKS_NAME, record->validations.v,
		      looks * sizeof *record->validations.v);
	restore_array(checkpoint, OPEN_NAME, &record->open, sizeof record->open);
	record->per_point = state->curve_steps;
	record->n_open = state->curve_open;
}
