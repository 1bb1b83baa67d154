/*
 * external.c - finding and opening external data (see external.h). The path is walked folder by
 * folder below a descriptor of the model's folder, so nothing can be swapped for a link between a
 * check and its use.
 */
#include "onnx/external.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct external_entry external_entry(const struct onnx_file *file, const struct wire_field *field)
{
	struct external_entry e = { 0 };
	struct wire wire = { .data = file->map.data, .pos = field->value, .end = field->end };
	struct wire_field f;
	while (wire_next(&wire, &f)) {
		const char *p = (const char *)file->map.data + f.value;
		if (f.type != WIRE_BYTES)
			continue;
		if (f.number == 1) {
			e.key = p;
			e.key_size = f.end - f.value;
		} else if (f.number == 2) {
			e.value = p;
			e.value_size = f.end - f.value;
			e.value_field = f;
		}
	}
	return e;
}

bool external_key_is(const struct external_entry *entry, const char *key)
{
	return entry->key && entry->key_size == strlen(key) &&
	       !memcmp(entry->key, key, entry->key_size);
}

static bool parse_number(const struct external_entry *entry, uint64_t *out)
{
	uint64_t x = 0;
	for (size_t i = 0; i < entry->value_size; i++) {
		unsigned digit = (unsigned)(entry->value[i] - '0');
		if (digit > 9 || __builtin_mul_overflow(x, 10, &x) ||
		    __builtin_add_overflow(x, digit, &x))
			return false;
	}
	*out = x;
	return entry->value_size > 0;
}

/*
 * Takes "." and empty parts out of a path, so that one file has one name: "./a//b.bin" is "a/b.bin".
 * False for an absolute path, one with "..", or one that does not end in a name.
 */
static bool normalize(char *location)
{
	char *out = location;
	if (*location == '/')
		return false;
	for (char *p = location;;) {
		size_t n = strcspn(p, "/");
		bool last = !p[n];
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return false;
		if (n > 1 || (n == 1 && p[0] != '.')) {
			memmove(out, p, n + 1);
			out += n + 1;
		} else if (last) {
			return false;
		}
		if (last)
			return true;
		p += n + 1;
	}
}

/* Opens a path below a folder, following no link. -1 and errno on failure. */
static int open_below(int folder, const char *path)
{
	char *copy = mem_strdup(path), *name = copy, *slash;
	int fd = folder;
	while ((slash = strchr(name, '/')) && fd >= 0) {
		*slash = 0;
		int next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int reason = errno;
		if (fd != folder)
			close(fd);
		errno = reason;
		fd = next;
		name = slash + 1;
	}
	int file = -1;
	if (fd >= 0) {
		/* A pipe must not make us wait for its writer. */
		file = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		int reason = errno;
		if (fd != folder)
			close(fd);
		errno = reason;
	}
	free(copy);
	return file;
}

static enum status open_location(const struct onnx_file *file, const char *location,
				 const char *path, struct file_map *out, struct error *err)
{
	if (file->folder < 0)
		return fail(err, ERR_INPUT, "external data '%s' of a model that has no folder",
			    location);
	int fd = open_below(file->folder, location);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return fail(err, ERR_INPUT,
			    "external data '%s' lies behind a link; it must be a plain file in the "
			    "model's folder or below",
			    location);
	if (fd < 0)
		return fail(err, ERR_IO, "external data '%s': %s", location, strerror(errno));
	struct stat st;
	enum status status;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_nlink > 1)
		status = fail(err, ERR_INPUT,
			      "external data '%s' has %u hard links, so it may lie outside the "
			      "model's folder too; make a copy of it",
			      location, (unsigned)st.st_nlink);
	else
		status = file_map_descriptor(fd, path, out, err);
	close(fd);
	return status;
}

/* The index in file->externals, opened now unless it was before. Normalizes the location. */
static enum status find_file(struct onnx_file *file, char *location, size_t n, uint32_t *out,
			     struct error *err)
{
	if (strlen(location) != n)
		return fail(err, ERR_INPUT, "external data '%s': its name holds a NUL byte",
			    location);
	char *given = mem_strdup(location);
	bool inside = normalize(location);
	if (!inside)
		fail(err, ERR_INPUT,
		     "external data '%s' is not a file in the model's folder or below", given);
	free(given);
	if (!inside)
		return ERR_INPUT;
	for (uint32_t i = 0; i < file->externals.n; i++)
		if (!strcmp(file->externals.v[i].location, location)) {
			*out = i;
			return OK;
		}
	struct file_map map;
	const char *slash = strrchr(file->path, '/');
	char *path = mem_printf("%.*s%s", slash ? (int)(slash + 1 - file->path) : 0, file->path,
				location);
	enum status status = open_location(file, location, path, &map, err);
	if (status != OK) {
		free(path);
		return status;
	}
	*out = file->externals.n;
	*array_push(&file->externals) = (struct onnx_external){
		.location = mem_strdup(location),
		.path = path,
		.map = map,
	};
	return OK;
}

/* Keys are few; one that is repeated could be read in two ways. */
static enum status read_entries(const struct onnx_file *file, const Onnx__TensorProto *tensor,
				struct external_entry *location, struct external_region *region,
				bool *has_size, struct error *err)
{
	struct external_entry offset = { 0 }, length = { 0 }, checksum = { 0 };
	const struct {
		const char *key;
		struct external_entry *entry;
	} keys[] = {
		{ "location", location },
		{ "offset", &offset },
		{ "length", &length },
		{ "checksum", &checksum },
	};
	struct chunks chunks = chunks_of(file, tensor->onnxtune_site, tensor->n_onnxtune_site,
					 (struct payload_field){ TENSOR_EXTERNAL_DATA,
								 WIRE_BYTES });
	struct wire_field f;
	while (chunks_next(&chunks, &f)) {
		struct external_entry e = external_entry(file, &f);
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			if (!external_key_is(&e, keys[i].key))
				continue;
			if (keys[i].entry->key)
				return fail(err, ERR_INPUT, "external data has two entries '%s'",
					    keys[i].key);
			*keys[i].entry = e;
		}
	}
	if (!location->value)
		return fail(err, ERR_INPUT, "external data without location");
	if (offset.key && !parse_number(&offset, &region->offset))
		return fail(err, ERR_INPUT, "external data: offset '%.*s' is not a number",
			    (int)(offset.value_size < 40 ? offset.value_size : 40),
			    offset.value ? offset.value : "");
	if (length.key && !parse_number(&length, &region->size))
		return fail(err, ERR_INPUT, "external data: length '%.*s' is not a number",
			    (int)(length.value_size < 40 ? length.value_size : 40),
			    length.value ? length.value : "");
	*has_size = length.key;
	region->checksum = checksum.key;
	return OK;
}

static enum status find(struct onnx_file *file, const Onnx__TensorProto *tensor, size_t size,
			struct external_region *out, struct error *err)
{
	struct external_region r = { 0 };
	struct external_entry location = { 0 };
	bool has_size = false;
	TRY(read_entries(file, tensor, &location, &r, &has_size, err));
	if (has_size && r.size != size)
		return fail(err, ERR_INPUT,
			    "external data has %llu bytes, type and shape ask for %zu",
			    (unsigned long long)r.size, size);
	r.size = size;
	char *name = mem_alloc(location.value_size + 1);
	memcpy(name, location.value, location.value_size);
	enum status status = find_file(file, name, location.value_size, &r.file, err);
	free(name);
	TRY(status);
	const struct onnx_external *e = &file->externals.v[r.file];
	if (r.offset > e->map.size || r.size > e->map.size - r.offset)
		return fail(err, ERR_INPUT,
			    "external data '%s' has %zu bytes, %zu from byte %llu on are asked for",
			    e->location, e->map.size, size, (unsigned long long)r.offset);
	*out = r;
	return OK;
}

enum status external_find(struct onnx_file *file, const Onnx__TensorProto *tensor, size_t size,
			  struct external_region *out, struct error *err)
{
	if (find(file, tensor, size, out, err) != OK)
		return payload_error(file, tensor, err);
	return OK;
}
