/*
 * locate.c - which forms of data lie at a path, and which of them train and validate (the table of
 * dataset.h).
 */
#include "data/folder.h"
#include "data/parts.h"

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

/* The only .npz file in the folder, or NULL. */
static enum status find_npz(const char *path, struct arena *arena, const char **out,
			    struct error *err)
{
	struct folder folder;
	const char *found = NULL;
	TRY(folder_read(path, arena, &folder, err));
	for (uint32_t i = 0; i < folder.n; i++) {
		if (folder.v[i].folder || !ends_with(folder.v[i].name, ".npz"))
			continue;
		if (found)
			return fail(err, ERR_INPUT,
				    "%s: holds several .npz files; name them train.npz and "
				    "val.npz, or give one of them",
				    path);
		found = arena_printf(arena, "%s/%s", path, folder.v[i].name);
	}
	*out = found;
	return OK;
}

/* What lies at the path, taken as one part. */
static enum status locate(const char *path, const char *name, struct arena *arena,
			  struct location *out, struct error *err)
{
	if (!folder_has(path))
		return fail(err, ERR_IO, "%s: there is no such file or folder", path);
	struct location l = { FORM_ARRAYS, path, name };
	if (!folder_is(path)) {
		if (!ends_with(path, ".npz"))
			return fail(err, ERR_INPUT,
				    "%s: data is a folder of images, an .npz file, or a folder "
				    "with x.npy and y.npy",
				    path);
	} else if (!folder_has(arena_printf(arena, "%s/x.npy", path))) {
		const char *npz = NULL;
		TRY(find_npz(path, arena, &npz, err));
		l.form = npz ? FORM_ARRAYS : FORM_IMAGES;
		l.path = npz ? npz : path;
	}
	*out = l;
	return OK;
}

/* DATA/NAME or DATA/NAME.npz; FORM_NONE when there is neither. */
static enum status locate_part(const char *data, const char *name, struct arena *arena,
			       struct location *out, struct error *err)
{
	const char *folder = arena_printf(arena, "%s/%s", data, name);
	const char *npz = arena_printf(arena, "%s.npz", folder);
	*out = (struct location){ 0 };
	if (folder_is(folder))
		return locate(folder, name, arena, out, err);
	if (folder_has(npz))
		return locate(npz, name, arena, out, err);
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
