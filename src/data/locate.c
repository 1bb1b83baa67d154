/*
 * locate.c - which forms of data lie at a path, and which of them train and validate (the table of
 * dataset.h).
 */
#include "data/folder.h"
#include "data/parts.h"

#include <stdio.h>
#include <string.h>

/* In the order in which they are looked for; a test set is a last resort. */
static const char *const validation_names[] = { "val", "valid", "validation", "test" };

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && !strcmp(s + n - m, end);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

/* The only file of that ending (".npz") in the folder, or NULL. */
static enum status find_only(const char *path, const char *end, struct arena *arena,
			     const char **out, struct error *err)
{
	struct folder folder;
	const char *found = NULL;
	TRY(folder_read(path, arena, &folder, err));
	for (uint32_t i = 0; i < folder.n; i++) {
		if (folder.v[i].folder || !ends_with(folder.v[i].name, end))
			continue;
		if (found)
			return fail(err, ERR_INPUT,
				    "%s: holds several %s files; name them train%s and "
				    "val%s, or give one of them",
				    path, end, end, end);
		found = arena_printf(arena, "%s/%s", path, folder.v[i].name);
	}
	*out = found;
	return OK;
}

/* Whether the name is that of an IDX file: [PREFIX-]PART-WHAT-idx... or .idx... */
static bool is_idx(const char *name, const char *part, const char *what)
{
	char text[64];
	snprintf(text, sizeof text, "%s-%s", part, what);
	const char *at = strstr(name, text);
	if (!at || (at != name && at[-1] != '-'))
		return false;
	at += strlen(text);
	return (*at == '-' || *at == '.') && !strncmp(at + 1, "idx", 3);
}

/* The pair of IDX files of a part in the folder; FORM_NONE when there is none. */
static enum status locate_idx(const char *data, const char *part, const char *name,
			      struct arena *arena, struct location *out, struct error *err)
{
	struct folder folder;
	struct location l = { .form = FORM_IDX, .name = name };
	*out = (struct location){ 0 };
	TRY(folder_read(data, arena, &folder, err));
	for (uint32_t i = 0; i < folder.n; i++) {
		const char *file = folder.v[i].name;
		bool images = is_idx(file, part, "images");
		if (folder.v[i].folder || (!images && !is_idx(file, part, "labels")))
			continue;
		const char **path = images ? &l.path : &l.labels;
		if (*path)
			return fail(err, ERR_INPUT,
				    "%s: holds several IDX files of %s for '%s'; leave one", data,
				    images ? "images" : "labels", part);
		*path = arena_printf(arena, "%s/%s", data, file);
	}
	if (l.path && !l.labels)
		return fail(err, ERR_INPUT, "%s: there are no labels beside it (%s-labels-idx...)",
			    l.path, part);
	if (l.path)
		*out = l;
	return OK;
}

/* What l->path, a folder, holds. */
static enum status locate_in_folder(struct location *l, struct arena *arena, struct error *err)
{
	const char *list = arena_printf(arena, "%s/labels.csv", l->path), *file = NULL;
	if (folder_has(arena_printf(arena, "%s/x.npy", l->path)))
		return OK;
	if (folder_has(list)) {
		l->form = FORM_LISTED;
		l->path = list;
		return OK;
	}
	TRY(find_only(l->path, ".npz", arena, &file, err));
	if (!file) {
		l->form = FORM_TABLE;
		TRY(find_only(l->path, ".csv", arena, &file, err));
	}
	if (file)
		l->path = file;
	else
		l->form = FORM_IMAGES;
	return OK;
}

/* What lies at the path, taken as one part. */
static enum status locate(const char *path, const char *name, struct arena *arena,
			  struct location *out, struct error *err)
{
	if (!folder_has(path))
		return fail(err, ERR_IO, "%s: there is no such file or folder", path);
	struct location l = { .form = FORM_ARRAYS, .path = path, .name = name };
	if (folder_is(path)) {
		TRY(locate_in_folder(&l, arena, err));
	} else if (ends_with(path, ".csv")) {
		l.form = ends_with(path, "/labels.csv") ? FORM_LISTED : FORM_TABLE;
	} else if (!ends_with(path, ".npz")) {
		return fail(err, ERR_INPUT,
			    "%s: data is a folder of images, an .npz or .csv file, or a folder "
			    "with x.npy and y.npy",
			    path);
	}
	*out = l;
	return OK;
}

/*
 * DATA/NAME, DATA/NAME.npz, DATA/NAME.csv or IDX files of the name in DATA; FORM_NONE when there is
 * none.
 */
static enum status locate_part(const char *data, const char *name, struct arena *arena,
			       struct location *out, struct error *err)
{
	const char *folder = arena_printf(arena, "%s/%s", data, name);
	static const char *const ends[] = { ".npz", ".csv" };
	*out = (struct location){ 0 };
	if (folder_is(folder))
		return locate(folder, name, arena, out, err);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		const char *file = arena_printf(arena, "%s%s", folder, ends[i]);
		if (folder_has(file))
			return locate(file, name, arena, out, err);
	}
	TRY(locate_idx(data, name, name, arena, out, err));
	if (out->form == FORM_NONE && !strcmp(name, "test"))
		TRY(locate_idx(data, "t10k", name, arena, out, err)); /* MNIST's name */
	return OK;
}

/* Finds the part that validates among DATA's parts, by its name or the first of the usual ones. */
static enum status locate_validation(struct opening *o, const char *data, struct error *err)
{
	struct arena *arena = &o->ds->arena;
	const char *split = o->options->split;
	if (split) {
		TRY(locate_part(data, split, arena, &o->validation, err));
		if (o->validation.form == FORM_NONE)
			return fail(err, ERR_INPUT, "%s: there is no part named '%s'", data, split);
		return OK;
	}
	for (size_t i = 0; i < ARRAY_SIZE(validation_names); i++) {
		TRY(locate_part(data, validation_names[i], arena, &o->validation, err));
		if (o->validation.form != FORM_NONE)
			break;
	}
	return OK;
}

enum status opening_locate(struct opening *o, const char *data, struct error *err)
{
	struct arena *arena = &o->ds->arena;
	const struct dataset_options *options = o->options;
	if (folder_is(data)) {
		TRY(locate_part(data, "train", arena, &o->train, err));
		TRY(locate_validation(o, data, err));
	}
	bool parts = o->train.form != FORM_NONE || o->validation.form != FORM_NONE;
	if (!parts && options->split)
		return fail(err, ERR_INPUT, "%s: there is no part named '%s'", data,
			    options->split);
	if (!parts)
		TRY(locate(data, base_name(data), arena, &o->train, err));
	if (options->validation_path)
		TRY(locate(options->validation_path, base_name(options->validation_path), arena,
			   &o->validation, err));
	if (options->evaluate_only) {
		if (o->validation.form == FORM_NONE)
			o->validation = o->train;
		return OK;
	}
	if (o->train.form == FORM_NONE)
		return fail(err, ERR_INPUT, "%s: there is a part '%s', but none named 'train'",
			    data, o->validation.name);
	o->split = o->validation.form == FORM_NONE;
	return OK;
}
