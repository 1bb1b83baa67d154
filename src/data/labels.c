/* labels.c - class names and the mapping of folders to outputs (see labels.h). */
#include "data/labels.h"

#include "base/file.h"
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define LABELS_MAX_BYTES ((size_t)64 << 20)

enum status class_names_read(const char *path, struct arena *arena, struct class_names *out,
			     struct error *err)
{
	struct file_map map = { 0 };
	ARRAY(const char *) names = { 0 };
	enum status status = OK;
	TRY(file_map(path, &map, err));
	const char *p = (const char *)map.data, *end = p + map.size;
	if (map.size > LABELS_MAX_BYTES)
		status = fail(err, ERR_INPUT, "%s: too large for a list of class names", path);
	while (status == OK && p < end) {
		const char *line = p, *stop = memchr(p, '\n', (size_t)(end - p));
		stop = stop ? stop : end;
		p = stop + 1;
		while (stop > line && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
			stop--;
		size_t n = (size_t)(stop - line);
		if (memchr(line, 0, n))
			status = fail(err, ERR_INPUT, "%s: line %u holds a NUL byte", path,
				      names.n + 1);
		else
			*array_push(&names) = arena_strndup(arena, line, n);
	}
	while (names.n && !*names.v[names.n - 1])
		names.n--;
	for (uint32_t i = 0; status == OK && i < names.n; i++)
		if (!*names.v[i])
			status = fail(err, ERR_INPUT, "%s: line %u is empty", path, i + 1);
	if (status == OK && !names.n)
		status = fail(err, ERR_INPUT, "%s: no class names", path);
	if (status == OK)
		*out = (struct class_names){
			.v = arena_dup(arena, names.v, names.n * sizeof *names.v),
			.n = names.n,
			.source = arena_strdup(arena, path),
			.given = true,
		};
	array_release(&names);
	file_unmap(&map);
	return status;
}

const char *label_rule_text(enum label_rule rule)
{
	static const char *const texts[] = { "by name", "in the order of their numbers",
					     "in byte order" };
	return texts[rule];
}

static bool is_number(const char *s)
{
	return *s && !s[strspn(s, "0123456789")];
}

/* Order of the values of two strings of digits; equal values ("7", "07") in byte order. */
static int compare_numbers(const char *a, const char *b)
{
	const char *x = a + strspn(a, "0"), *y = b + strspn(b, "0");
	size_t nx = strlen(x), ny = strlen(y);
	if (nx != ny)
		return nx < ny ? -1 : 1;
	int order = strcmp(x, y);
	return order ? order : strcmp(a, b);
}

struct ranked {
	const char *name;
	uint32_t folder;
};

static int by_number(const void *a, const void *b)
{
	return compare_numbers(((const struct ranked *)a)->name, ((const struct ranked *)b)->name);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(((const struct ranked *)a)->name, ((const struct ranked *)b)->name);
}

/* Classes are the ranks of the folders. */
static void map_by_order(const char *const *folders, uint32_t n, struct arena *arena,
			 uint32_t *classes, struct label_map *map)
{
	struct ranked *ranked = arena_alloc(arena, n * sizeof *ranked);
	const char **names = arena_alloc(arena, n * sizeof *names);
	map->rule = LABELS_BY_NUMBER;
	for (uint32_t i = 0; i < n; i++) {
		ranked[i] = (struct ranked){ folders[i], i };
		if (!is_number(folders[i]))
			map->rule = LABELS_BY_BYTES;
	}
	qsort(ranked, n, sizeof *ranked, map->rule == LABELS_BY_NUMBER ? by_number : by_bytes);
	for (uint32_t i = 0; i < n; i++) {
		classes[ranked[i].folder] = i;
		names[i] = ranked[i].name;
	}
	map->n = n;
	map->names = names;
}

/* How many folders the names hold; *unknown is the first that they do not. */
static uint32_t match_names(const char *const *folders, uint32_t n, const struct class_names *names,
			    uint32_t *classes, const char **unknown)
{
	struct map index = { 0 };
	uint32_t matches = 0, i;
	*unknown = NULL;
	/* A name that stands for two outputs can't be matched. */
	for (uint32_t c = 0; c < names->n; c++)
		map_set(&index, names->v[c], map_get(&index, names->v[c], &i) ? UINT32_MAX : c);
	for (uint32_t f = 0; f < n; f++) {
		bool found = map_get(&index, folders[f], &classes[f]) && classes[f] != UINT32_MAX;
		matches += found;
		if (!found && !*unknown)
			*unknown = folders[f];
	}
	map_release(&index);
	return matches;
}

enum status label_map_make(const char *const *folders, uint32_t n, const char *things,
			   const struct class_names *names, uint32_t outputs, bool adapt,
			   struct arena *arena, struct label_map *out, struct error *err)
{
	uint32_t *classes = arena_alloc(arena, n * sizeof *classes), matches = 0;
	const char *unknown = NULL;
	if (names->n && names->given && outputs && names->n != outputs && !adapt)
		return fail(err, ERR_INPUT, "%s names %u classes, but the model has %u outputs",
			    names->source, names->n, outputs);
	bool usable = names->n && (!outputs || names->n == outputs || (adapt && names->given));
	if (usable)
		matches = match_names(folders, n, names, classes, &unknown);

	struct label_map map = { .folders = folders, .n_folders = n, .classes = classes };
	bool named = usable && (matches || names->given);
	if (named && unknown && !names->given && adapt) {
		map_by_order(folders, n, arena, classes, &map);
		map.foreign = true;
	} else if (named) {
		if (unknown)
			return fail(err, ERR_INPUT, "%s '%s' is not a class of %s", things, unknown,
				    names->source);
		map.rule = LABELS_BY_NAME;
		map.n = names->n;
		map.names = names->v;
		map.foreign = outputs && names->n != outputs;
	} else {
		if (outputs && n != outputs && !adapt)
			return fail(err, ERR_INPUT,
				    "there are %u %ss, but the model has %u outputs; "
				    "name its classes with --labels FILE or add the missing %ss",
				    n, things, outputs, things);
		map_by_order(folders, n, arena, classes, &map);
		map.foreign = outputs && n != outputs;
	}
	*out = map;
	return OK;
}
