/* part_arrays.c - array files as a part of a dataset (see dataset.h). */
#include "base/text.h"
#include "data/folder.h"
#include "data/parts.h"
#include "data/targets.h"

#include <stdio.h>
#include <string.h>

/* The arrays of a location under one roof: an .npz file, or x.npy, y.npy and weights.npy. */
static enum status read_files(struct dataset *ds, const struct location *l, struct arrays *all,
			      struct error *err)
{
	static const char *const names[] = { "x", "y", "weights" };
	if (!folder_is(l->path)) {
		struct arrays *a = array_push(&ds->files);
		TRY(arrays_read(l->path, a, err));
		*all = (struct arrays){ .v = a->v, .n = a->n };
		return OK;
	}
	all->v = arena_alloc(&ds->arena, ARRAY_SIZE(names) * sizeof *all->v);
	all->n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *path = arena_printf(&ds->arena, "%s/%s.npy", l->path, names[i]);
		if (!folder_has(path))
			continue;
		struct arrays *a = array_push(&ds->files);
		TRY(arrays_read(path, a, err));
		all->v[all->n++] = a->v[0];
	}
	return OK;
}

/* "'a', 'b'": the names of the arrays, for messages. */
static void list_names(const struct arrays *all, struct text *out)
{
	for (uint32_t i = 0; i < all->n; i++)
		text_add(out, "%s'%s'", i ? ", " : "", all->v[i].name);
}

static enum status missing(const struct location *l, const struct arrays *all, const char *what,
			   struct error *err)
{
	struct text names = { 0 };
	list_names(all, &names);
	fail(err, ERR_INPUT, "%s: there is no array %s; there are: %s", l->path, what,
	     names.n ? names.s : "none");
	text_release(&names);
	return ERR_INPUT;
}

static bool is_input(const struct dataset_options *options, const char *name)
{
	for (uint32_t i = 0; i < options->n_inputs; i++)
		if (!strcmp(options->inputs[i].name, name))
			return true;
	return false;
}

/* An array that is no input, by one of its usual names. */
static const struct tensor *find_role(const struct opening *o, const struct arrays *all,
				      const char *name, const char *other)
{
	const struct tensor *t = is_input(o->options, name) ? NULL : arrays_find(all, name);
	if (!t && other && !is_input(o->options, other))
		t = arrays_find(all, other);
	return t;
}

/* The input's array: by name, or for a single input `x` or the only one that has no other role. */
static const struct tensor *find_input(const struct opening *o, const struct arrays *all,
				       uint32_t input)
{
	const struct tensor *t = arrays_find(all, o->options->inputs[input].name), *only = NULL;
	if (t || o->options->n_inputs > 1)
		return t;
	t = arrays_find(all, "x");
	for (uint32_t i = 0; !t && i < all->n; i++) {
		const char *name = all->v[i].name;
		if (!strcmp(name, "labels") || !strcmp(name, "y") || !strcmp(name, "weights"))
			continue;
		if (only)
			return NULL;
		only = &all->v[i].tensor;
	}
	return t ? t : only;
}

static enum status open_inputs(struct opening *o, const struct location *l,
			       const struct arrays *all, struct part *part, struct error *err)
{
	const struct dataset_options *options = o->options;
	struct tensor *inputs = arena_alloc(&o->ds->arena, options->n_inputs * sizeof *inputs);
	int64_t n = -1;
	for (uint32_t i = 0; i < options->n_inputs; i++) {
		const char *name = options->inputs[i].name;
		const struct tensor *t = find_input(o, all, i);
		if (!t) {
			char what[200];
			snprintf(what, sizeof what, "'%s', as the model's input", name);
			return missing(l, all, what, err);
		}
		if (inputs_check(t, &options->inputs[i], err) != OK)
			return fail_context(err, "%s: '%s'", l->path, name);
		if (n >= 0 && t->shape.dim[0] != n)
			return fail(err, ERR_INPUT, "%s: '%s' holds %lld samples, '%s' %lld",
				    l->path, name, (long long)t->shape.dim[0],
				    options->inputs[0].name, (long long)n);
		n = t->shape.dim[0];
		inputs[i] = *t;
	}
	if (n < 1 || n > INT32_MAX)
		return fail(err, ERR_INPUT, "%s: %lld samples; 1 to %d can be used", l->path,
			    (long long)n, INT32_MAX);
	part->arrays = inputs;
	part->n = (uint32_t)n;
	return OK;
}

/* The first element that is neither 0 nor 1, or -1. */
static int64_t find_other(const struct tensor *labels)
{
	for (int64_t i = 0, n = shape_elements(&labels->shape); i < n; i++) {
		int64_t x = tensor_get_int(labels, i);
		if (x != 0 && x != 1)
			return i;
	}
	return -1;
}

/* Whether labels say for each class of each sample if it has that class. */
static enum status find_multi_label(const struct opening *o, const char *path,
				    const struct tensor *labels, bool *out, struct error *err)
{
	int rank = o->options->output_rank;
	*out = false;
	if (o->options->targets != TARGETS_ANY || dtype_is_float(labels->dtype) ||
	    labels->shape.rank != 2 || labels->shape.dim[1] < 2 || (rank && rank != 2))
		return OK;
	int64_t other = find_other(labels);
	if (rank && other >= 0)
		return fail(err, ERR_INPUT,
			    "%s: labels of several columns say 0 or 1 for each class, sample %lld "
			    "has %lld",
			    path, (long long)(other / labels->shape.dim[1]),
			    (long long)tensor_get_int(labels, other));
	*out = other < 0;
	return OK;
}

enum status opening_take_targets(struct opening *o, const char *path, const struct tensor *labels,
				 struct part *part, struct error *err)
{
	struct dataset *ds = o->ds;
	if (!labels->shape.rank || labels->shape.dim[0] != part->n) {
		char text[SHAPE_TEXT];
		return fail(err, ERR_INPUT,
			    "%s: the labels have shape %s, but there are %u samples", path,
			    shape_format(&labels->shape, text), part->n);
	}
	bool multi_label;
	TRY(find_multi_label(o, path, labels, &multi_label, err));
	if (multi_label) {
		ds->targets = TARGETS_VALUES;
		ds->multi_label = true;
	}
	if (ds->targets == TARGETS_ANY)
		ds->targets = dtype_is_float(labels->dtype) ? TARGETS_VALUES : TARGETS_CLASSES;
	uint32_t classes = opening_classes(o);
	enum status status = ds->targets == TARGETS_CLASSES
				     ? targets_classes(labels, classes, o->options->ignored_label,
						       &part->targets, err)
				     : targets_values(labels, &part->targets, err);
	if (status != OK)
		return fail_context(err, "%s", path);
	dataset_keep(ds, part->targets.data);
	return OK;
}

enum status part_open_arrays(struct opening *o, const struct location *l, struct part *out,
			     struct error *err)
{
	struct dataset *ds = o->ds;
	struct arrays all = { 0 };
	struct part part = { .name = l->name };
	TRY(read_files(ds, l, &all, err));
	const struct tensor *labels = find_role(o, &all, "labels", "y");
	const struct tensor *weights = find_role(o, &all, "weights", NULL);
	if (!labels)
		return missing(l, &all, "'labels' or 'y' with the targets", err);
	TRY(open_inputs(o, l, &all, &part, err));
	TRY(opening_take_targets(o, l->path, labels, &part, err));
	if (weights) {
		float *w;
		if (targets_weights(weights, part.n, &w, err) != OK)
			return fail_context(err, "%s: 'weights'", l->path);
		part.weights = dataset_keep(ds, w);
	}
	*out = part;
	return OK;
}
