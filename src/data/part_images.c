/* part_images.c - class folders of images as a part of a dataset (see dataset.h). */
#include "data/folder.h"
#include "data/parts.h"

#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Collects the names of the class folders of both parts. */
static enum status find_class_folders(struct opening *o, struct error *err)
{
	struct arena *arena = &o->ds->arena;
	const struct location *locations[] = { &o->train, &o->validation };
	ARRAY(const char *) names = { 0 };
	uint32_t known;
	for (size_t l = 0; l < ARRAY_SIZE(locations); l++) {
		struct folder folder;
		if (locations[l]->form != FORM_IMAGES)
			continue;
		enum status status = folder_read(locations[l]->path, arena, &folder, err);
		if (status != OK) {
			array_release(&names);
			return status;
		}
		for (uint32_t i = 0; i < folder.n; i++)
			if (folder.v[i].folder &&
			    !map_get(&o->folder_index, folder.v[i].name, &known)) {
				map_set(&o->folder_index, folder.v[i].name, 0);
				*array_push(&names) = folder.v[i].name;
			}
	}
	if (names.n)
		qsort(names.v, names.n, sizeof *names.v, by_text);
	o->folders = arena_dup(arena, names.v, names.n * sizeof *names.v);
	o->n_folders = names.n;
	for (uint32_t i = 0; i < names.n; i++)
		map_set(&o->folder_index, o->folders[i], i);
	array_release(&names);
	return OK;
}

/* Appends the images of one class folder; their class goes into targets. */
struct image_list {
	ARRAY(const char *) paths;
	ARRAY(int64_t) classes;
};

static enum status add_class(struct opening *o, const struct location *l, const char *folder,
			     struct image_list *list, struct error *err)
{
	struct dataset *ds = o->ds;
	struct image_paths images = { 0 };
	uint32_t index = 0;
	map_get(&o->folder_index, folder, &index);
	const char *path = arena_printf(&ds->arena, "%s/%s", l->path, folder);
	TRY(folder_find_images(path, &ds->arena, &images, err));
	if (!images.n)
		log_warn(ds->log, "%s: no JPEG, PNG or WebP images", path);
	else if (images.others)
		log_note(ds->log,
			 "%s: %u files that are not named .jpg, .jpeg, .png or .webp are left out",
			 path, images.others);
	for (uint32_t i = 0; i < images.n; i++) {
		*array_push(&list->paths) = images.v[i];
		*array_push(&list->classes) = ds->labels.classes[index];
	}
	array_release(&images);
	return OK;
}

enum status part_open_images(struct opening *o, const struct location *l, struct part *out,
			     struct error *err)
{
	struct arena *arena = &o->ds->arena;
	struct image_list list = { 0 };
	struct folder folder;
	struct part part = { .name = l->name };
	TRY(folder_read(l->path, arena, &folder, err));
	enum status status = OK;
	for (uint32_t i = 0; status == OK && i < folder.n; i++)
		if (folder.v[i].folder)
			status = add_class(o, l, folder.v[i].name, &list, err);
	part.n = list.paths.n;
	if (status == OK && !part.n)
		status = fail(
			err, ERR_INPUT,
			folder.n
				? "%s: no JPEG, PNG or WebP images in class folders (%s/CLASS/x.png)"
				: "%s: the folder is empty",
			l->path, l->path);
	if (status == OK) {
		part.paths = arena_dup(arena, list.paths.v, part.n * sizeof *list.paths.v);
		part.targets = (struct tensor){ DT_I64, SHAPE(part.n),
						arena_dup(arena, list.classes.v,
							  part.n * sizeof *list.classes.v) };
		*out = part;
	}
	array_release(&list.paths);
	array_release(&list.classes);
	return status;
}

enum status opening_map_folders(struct opening *o, struct error *err)
{
	struct dataset *ds = o->ds;
	const struct dataset_options *options = o->options;
	if (options->targets == TARGETS_VALUES)
		return fail(err, ERR_INPUT,
			    "class folders give classes, but the model is trained on values; give "
			    "arrays");
	ds->targets = TARGETS_CLASSES;
	TRY(find_class_folders(o, err));
	if (!o->n_folders) /* says what is missing */
		return OK;
	TRY(label_map_make(o->folders, o->n_folders, "class folder", &options->names,
			   options->classes, options->adapt, &ds->arena, &ds->labels, err));
	ds->n_classes = ds->labels.n;
	return OK;
}
