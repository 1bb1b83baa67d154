/*
 * dataset.c - opens and checks a data set (see dataset.h).
 *
 * 1. locate: which forms lie where, and which of them train and validate.
 * 2. open each location as one part: image paths with class numbers, or arrays.
 * 3. split the training part, stratified by class, when there is no other.
 */
#include "data/dataset.h"

#include "data/parts.h"
#include "data/table.h"

#include <stdlib.h>
#include <string.h>

void *dataset_keep(struct dataset *ds, void *buffer)
{
	*array_push(&ds->buffers) = buffer;
	return buffer;
}

uint32_t opening_classes(const struct opening *o)
{
	const struct dataset_options *options = o->options;
	if (options->adapt)
		return options->names.given ? options->names.n : 0;
	return options->classes ? options->classes : options->names.n;
}

/* The names of numbered classes, when nobody named them: "0", "1", ... */
static void name_classes(struct opening *o)
{
	struct dataset *ds = o->ds;
	const struct class_names *known = &o->options->names;
	uint32_t n = opening_classes(o);
	const struct part *parts[] = { &ds->train, &ds->validation };
	for (size_t p = 0; !n && p < ARRAY_SIZE(parts); p++) {
		const int64_t *c = parts[p]->targets.data;
		int64_t elements = parts[p]->n ? shape_elements(&parts[p]->targets.shape) : 0;
		uint32_t above = ds->n_classes;
		for (int64_t i = 0; i < elements; i++)
			if (c[i] >= (int64_t)above)
				above = (uint32_t)c[i] + 1;
		ds->n_classes = above;
	}
	if (n)
		ds->n_classes = n;
	else if (ds->n_classes < o->options->classes)
		ds->n_classes = o->options->classes;
	struct label_map map = { .n = ds->n_classes, .rule = LABELS_BY_NUMBER };
	map.foreign = o->options->classes && map.n != o->options->classes;
	if (known->n == ds->n_classes) {
		map.names = known->v;
	} else {
		const char **names = arena_alloc(&ds->arena, map.n * sizeof *names);
		for (uint32_t i = 0; i < map.n; i++)
			names[i] = arena_printf(&ds->arena, "%u", i);
		map.names = names;
	}
	ds->labels = map;
}

void dataset_count_classes(const struct dataset *ds, const struct part *part, uint32_t *counts)
{
	const int64_t *classes = part->targets.data;
	memset(counts, 0, ds->n_classes * sizeof *counts);
	for (uint32_t i = 0; i < part->n; i++)
		if (classes[i] >= 0)
			counts[classes[i]]++;
}

/* Training on one class can only teach the model to say it always. */
static enum status check_classes(struct opening *o, struct error *err)
{
	const struct dataset *ds = o->ds;
	const struct part *part = &ds->train;
	if (ds->targets != TARGETS_CLASSES || !part->n)
		return OK;
	const int64_t *c = part->targets.data;
	int64_t n = shape_elements(&part->targets.shape), first = IGNORED_CLASS;
	for (int64_t i = 0; i < n; i++) {
		if (c[i] < 0 || c[i] == first)
			continue;
		if (first >= 0)
			return OK;
		first = c[i];
	}
	if (first < 0)
		return fail(err, ERR_INPUT, "%s: all labels are ignored ones", o->train.path);
	return fail(err, ERR_INPUT,
		    "%s: all %u samples are of the single class '%s'; there is nothing to tell "
		    "apart",
		    o->train.path, part->n, ds->labels.names[first]);
}

static enum status check_parts_agree(struct opening *o, struct error *err)
{
	const struct part *train = &o->ds->train, *validation = &o->ds->validation;
	if (!train->n || !validation->n)
		return OK;
	struct shape a = train->targets.shape, b = validation->targets.shape;
	char x[SHAPE_TEXT], y[SHAPE_TEXT];
	a.dim[0] = b.dim[0] = 1;
	if (!shape_equal(&a, &b))
		return fail(err, ERR_INPUT, "the labels of %s have shape %s, those of %s %s",
			    o->train.path, shape_format(&train->targets.shape, x),
			    o->validation.path, shape_format(&validation->targets.shape, y));
	for (uint32_t i = 0; train->arrays && i < o->options->n_inputs; i++) {
		a = train->arrays[i].shape;
		b = validation->arrays[i].shape;
		a.dim[0] = b.dim[0] = 1;
		if (!shape_equal(&a, &b))
			return fail(err, ERR_INPUT, "'%s' has shape %s in %s and %s in %s",
				    o->options->inputs[i].name,
				    shape_format(&train->arrays[i].shape, x), o->train.path,
				    shape_format(&validation->arrays[i].shape, y),
				    o->validation.path);
	}
	return OK;
}

static enum status open_part(struct opening *o, const struct location *l, struct part *out,
			     struct error *err)
{
	typedef enum status open_fn(struct opening *, const struct location *, struct part *,
				    struct error *);
	static open_fn *const open[] = {
		[FORM_IMAGES] = part_open_images, [FORM_LISTED] = part_open_listed,
		[FORM_IDX] = part_open_idx,       [FORM_ARRAYS] = part_open_arrays,
		[FORM_TABLE] = part_open_table,
	};
	return open[l->form](o, l, out, err);
}

static enum status open_parts(struct opening *o, struct error *err)
{
	static const char *const holds[] = {
		[FORM_IMAGES] = "images", [FORM_LISTED] = "a list of images",
		[FORM_IDX] = "IDX files", [FORM_ARRAYS] = "arrays",
		[FORM_TABLE] = "a table",
	};
	struct dataset *ds = o->ds;
	bool trains = !o->options->evaluate_only;
	enum form form = trains ? o->train.form : o->validation.form;
	if (trains && !o->split && o->validation.form != form)
		return fail(err, ERR_INPUT, "%s holds %s, %s does not", o->train.path, holds[form],
			    o->validation.path);
	ds->images = form == FORM_IMAGES || form == FORM_LISTED || form == FORM_IDX;
	ds->targets = o->options->targets;
	if (ds->images && o->options->n_inputs != 1)
		return fail(err, ERR_INPUT,
			    "images feed one input, but the model has %u; give arrays named as the "
			    "inputs",
			    o->options->n_inputs);
	ds->folders = form == FORM_IMAGES;
	if (ds->folders)
		TRY(opening_map_folders(o, err));
	else if (form == FORM_LISTED || form == FORM_TABLE)
		TRY(opening_map_labels(o, err));
	if (trains)
		TRY(open_part(o, &o->train, &ds->train, err));
	if (!o->split)
		TRY(open_part(o, &o->validation, &ds->validation, err));
	if (ds->multi_label && !ds->labels.n)
		ds->labels = (struct label_map){ .n = o->options->names.n,
						 .names = o->options->names.v };
	if (!ds->labels.n && form != FORM_IMAGES && ds->targets == TARGETS_CLASSES)
		name_classes(o);
	TRY(check_classes(o, err));
	if (o->split)
		TRY(opening_split(o, err));
	TRY(check_parts_agree(o, err));
	ds->report_only = ds->validation.n &&
			  !strcmp(o->validation.name ? o->validation.name : "", "test");
	struct part *parts[] = { &ds->train, &ds->validation };
	for (size_t p = 0; p < ARRAY_SIZE(parts); p++)
		parts[p]->corrupt = arena_alloc(&ds->arena, parts[p]->n);
	return OK;
}

enum status dataset_open(const char *path, const struct dataset_options *options,
			 struct dataset *out, struct error *err)
{
	struct dataset ds = { .log = options->log };
	struct opening o = { .options = options, .ds = &ds };
	arena_init(&ds.arena);
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	const char *clean = arena_strndup(&ds.arena, path, n);
	enum status status = opening_locate(&o, clean, err);
	if (status == OK)
		status = open_parts(&o, err);
	map_release(&o.folder_index);
	if (status == OK)
		*out = ds;
	else
		dataset_release(&ds);
	return status;
}

void dataset_release(struct dataset *ds)
{
	for (uint32_t i = 0; i < ds->files.n; i++)
		arrays_release(&ds->files.v[i]);
	for (uint32_t i = 0; i < ds->buffers.n; i++)
		free(ds->buffers.v[i]);
	array_release(&ds->files);
	array_release(&ds->buffers);
	arena_release(&ds->arena);
	*ds = (struct dataset){ 0 };
}

enum status dataset_report_corrupt(struct dataset *ds, struct part *part, uint32_t sample,
				   const struct error *why, struct error *err)
{
	if (part->corrupt[sample])
		return OK;
	part->corrupt[sample] = 1;
	ds->n_corrupt++;
	uint32_t total = ds->train.n + ds->validation.n;
	if (ds->n_corrupt > CORRUPT_MAX || (ds->n_corrupt > 1 && ds->n_corrupt > total / 100.0))
		return fail(err, ERR_INPUT,
			    "%s: %s; this is damaged image number %u of %u images, too many to "
			    "skip",
			    part->paths[sample], why->text, ds->n_corrupt, total);
	if (ds->n_corrupt <= CORRUPT_NAMED)
		log_warn(ds->log, "%s: %s; it is skipped", part->paths[sample], why->text);
	else if (ds->n_corrupt == CORRUPT_NAMED + 1)
		log_warn(ds->log, "further damaged images are skipped and counted");
	return OK;
}
