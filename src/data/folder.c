/* folder.c - sorted folder listings (see folder.h). */
#include "data/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

bool folder_is(const char *path)
{
	struct stat st;
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

bool folder_has(const char *path)
{
	struct stat st;
	return !stat(path, &st);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct folder_entry *)a)->name,
		      ((const struct folder_entry *)b)->name);
}

enum status folder_read(const char *path, struct arena *arena, struct folder *out,
			struct error *err)
{
	DIR *dir = opendir(path);
	if (!dir)
		return fail(err, ERR_IO, "%s: %s", path, strerror(errno));
	ARRAY(struct folder_entry) list = { 0 };
	struct dirent *d;
	while (errno = 0, (d = readdir(dir))) {
		struct stat st;
		if (d->d_name[0] == '.')
			continue;
		struct folder_entry *e = array_push(&list);
		e->name = arena_strdup(arena, d->d_name);
		e->folder = !fstatat(dirfd(dir), d->d_name, &st, 0) && S_ISDIR(st.st_mode);
	}
	enum status status = OK;
	if (errno)
		status = fail(err, ERR_IO, "%s: %s", path, strerror(errno));
	closedir(dir);
	if (status == OK) {
		if (list.n)
			qsort(list.v, list.n, sizeof *list.v, by_name);
		out->v = arena_dup(arena, list.v, list.n * sizeof *list.v);
		out->n = list.n;
	}
	array_release(&list);
	return status;
}

static bool is_image_name(const char *name)
{
	static const char *const endings[] = { ".jpg", ".jpeg", ".jpe", ".png", ".webp" };
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < ARRAY_SIZE(endings); i++)
		if (!strcasecmp(dot, endings[i]))
			return true;
	return false;
}

static enum status find_images(const char *path, int depth, struct arena *arena,
			       struct image_paths *out, struct error *err)
{
	struct folder folder;
	if (depth > FOLDER_MAX_DEPTH)
		return fail(err, ERR_INPUT, "%s: folders are nested more than %d deep", path,
			    FOLDER_MAX_DEPTH);
	TRY(folder_read(path, arena, &folder, err));
	for (uint32_t i = 0; i < folder.n; i++) {
		const struct folder_entry *e = &folder.v[i];
		if (!e->folder && !is_image_name(e->name)) {
			out->others++;
			continue;
		}
		char *inner = arena_printf(arena, "%s/%s", path, e->name);
		if (e->folder)
			TRY(find_images(inner, depth + 1, arena, out, err));
		else
			*array_push(out) = inner;
	}
	return OK;
}

enum status folder_find_images(const char *path, struct arena *arena, struct image_paths *out,
			       struct error *err)
{
	struct image_paths found = { 0 };
	enum status status = find_images(path, 1, arena, &found, err);
	if (status == OK)
		*out = found;
	else
		array_release(&found);
	return status;
}
