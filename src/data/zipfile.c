/*
 * zipfile.c - reading and writing zip archives (see zipfile.h). Every number of the directory is
 * checked against the archive before it is used. The writer always uses the zip64 forms, so that
 * small and large archives take the same path.
 */
#include "data/zipfile.h"

#include "base/crc32.h"
#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
	LOCAL_SIGNATURE = 0x04034b50,
	CENTRAL_SIGNATURE = 0x02014b50,
	END_SIGNATURE = 0x06054b50,
	END64_SIGNATURE = 0x06064b50,
	LOCATOR64_SIGNATURE = 0x07064b50,
	LOCAL_SIZE = 30,
	CENTRAL_SIZE = 46,
	END_SIZE = 22,
	END64_SIZE = 56,
	LOCATOR64_SIZE = 20,
	EXTRA_ZIP64 = 1,
	VERSION_ZIP64 = 45,
	METHOD_STORED = 0,
	METHOD_DEFLATED = 8,
	FLAG_ENCRYPTED = 1,
	/* 1 January 1980, 00:00: the earliest time of the format. */
	DOS_DATE = (1 << 5) | 1,
};

/* Deflate emits at most 258 bytes for 2 bits. */
#define DEFLATE_MAX_RATIO 1032

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static enum status damaged(struct error *err, const char *why)
{
	return fail(err, ERR_INPUT, "damaged zip archive: %s", why);
}

struct directory {
	uint64_t offset, size, n;
};

/* Finds the end record, behind at most 64 KiB of comment, and what it says of the directory. */
static enum status find_directory(const uint8_t *data, size_t size, struct directory *out,
				  struct error *err)
{
	if (size < END_SIZE)
		return damaged(err, "too short");
	size_t at = size - END_SIZE, last = at > 0xffff ? at - 0xffff : 0;
	while (get32(data + at) != END_SIGNATURE || get16(data + at + 20) > size - END_SIZE - at) {
		if (at == last)
			return damaged(err, "no end record; the file is cut");
		at--;
	}
	const uint8_t *end = data + at;
	struct directory d = { get32(end + 16), get32(end + 12), get16(end + 10) };
	if (d.offset == UINT32_MAX || d.size == UINT32_MAX || d.n == UINT16_MAX) {
		if (at < LOCATOR64_SIZE || get32(end - LOCATOR64_SIZE) != LOCATOR64_SIGNATURE)
			return damaged(err, "no zip64 locator");
		uint64_t at64 = get64(end - LOCATOR64_SIZE + 8);
		if (at64 > size || size - at64 < END64_SIZE ||
		    get32(data + at64) != END64_SIGNATURE)
			return damaged(err, "no zip64 end record");
		d = (struct directory){ get64(data + at64 + 48), get64(data + at64 + 40),
					get64(data + at64 + 32) };
	}
	if (d.offset > size || d.size > size - d.offset || d.n > d.size / CENTRAL_SIZE)
		return damaged(err, "the directory lies outside the file");
	*out = d;
	return OK;
}

/* Takes the next 64-bit number of the zip64 extra field where the 32-bit one is all ones. */
static bool take64(const uint8_t *extra, size_t n, size_t *at, uint64_t *value)
{
	if (*value != UINT32_MAX)
		return true;
	if (n - *at < 8)
		return false;
	*value = get64(extra + *at);
	*at += 8;
	return true;
}

static bool apply_zip64(const uint8_t *extra, size_t n, uint64_t *size, uint64_t *packed,
			uint64_t *offset)
{
	for (size_t at = 0; n - at >= 4;) {
		size_t field = get16(extra + at + 2), used = 0;
		if (field > n - at - 4)
			return false;
		if (get16(extra + at) == EXTRA_ZIP64) {
			const uint8_t *p = extra + at + 4;
			return take64(p, field, &used, size) && take64(p, field, &used, packed) &&
			       take64(p, field, &used, offset);
		}
		at += 4 + field;
	}
	return *size != UINT32_MAX && *packed != UINT32_MAX && *offset != UINT32_MAX;
}

/* Reads the directory record at p, of which `left` bytes are there; *length is its size. */
static enum status read_entry(const uint8_t *data, size_t data_size, const uint8_t *p, size_t left,
			      struct arena *arena, struct zipfile_entry *out, size_t *length,
			      struct error *err)
{
	if (left < CENTRAL_SIZE || get32(p) != CENTRAL_SIGNATURE)
		return damaged(err, "bad directory record");
	size_t name = get16(p + 28), extra = get16(p + 30), comment = get16(p + 32);
	if (name + extra + comment > left - CENTRAL_SIZE)
		return damaged(err, "bad directory record");
	struct zipfile_entry e = {
		.name = arena_strndup(arena, (const char *)p + CENTRAL_SIZE, name),
		.packed_size = get32(p + 20),
		.size = get32(p + 24),
		.crc = get32(p + 16),
	};
	uint64_t offset = get32(p + 42);
	uint32_t method = get16(p + 10);
	if (strlen(e.name) != name)
		return damaged(err, "a name holds a NUL byte");
	if (!apply_zip64(p + CENTRAL_SIZE + name, extra, &e.size, &e.packed_size, &offset))
		return damaged(err, "bad zip64 record");
	if (get16(p + 8) & FLAG_ENCRYPTED)
		return fail(err, ERR_UNSUPPORTED, "'%s' is encrypted", e.name);
	if (method != METHOD_STORED && method != METHOD_DEFLATED)
		return fail(err, ERR_UNSUPPORTED, "'%s' is compressed with method %u, not deflate",
			    e.name, method);
	e.deflated = method == METHOD_DEFLATED;

	if (offset > data_size || data_size - offset < LOCAL_SIZE ||
	    get32(data + offset) != LOCAL_SIGNATURE)
		return damaged(err, "an entry lies outside the file");
	offset += LOCAL_SIZE + get16(data + offset + 26) + get16(data + offset + 28);
	if (offset > data_size || e.packed_size > data_size - offset)
		return damaged(err, "an entry lies outside the file");
	if (e.deflated ? e.size / DEFLATE_MAX_RATIO > e.packed_size : e.size != e.packed_size)
		return damaged(err, "the sizes of an entry can't be true");
	e.packed = data + offset;
	*out = e;
	*length = CENTRAL_SIZE + name + extra + comment;
	return OK;
}

enum status zipfile_open(const uint8_t *data, size_t size, struct zipfile *out, struct error *err)
{
	struct directory d = { 0 };
	TRY(find_directory(data, size, &d, err));
	if (d.n > UINT32_MAX)
		return damaged(err, "too many entries");
	struct zipfile zip = { .n = (uint32_t)d.n };
	struct map names = { 0 };
	enum status status = OK;
	arena_init(&zip.arena);
	zip.entries = arena_alloc(&zip.arena, d.n * sizeof *zip.entries);
	size_t at = d.offset, end = d.offset + d.size, length = 0;
	for (uint32_t i = 0; status == OK && i < zip.n; i++, at += length) {
		struct zipfile_entry *e = &zip.entries[i];
		uint32_t other;
		status = read_entry(data, size, data + at, end - at, &zip.arena, e, &length, err);
		if (status == OK && map_get(&names, e->name, &other))
			status = fail(err, ERR_INPUT, "two entries are named '%s'", e->name);
		if (status == OK)
			map_set(&names, e->name, i);
	}
	map_release(&names);
	if (status == OK)
		*out = zip;
	else
		zipfile_release(&zip);
	return status;
}

void zipfile_release(struct zipfile *zip)
{
	arena_release(&zip->arena);
	*zip = (struct zipfile){ 0 };
}

/* Inflates exactly `size` bytes. */
static bool inflate_all(const struct zipfile_entry *e, uint8_t *out)
{
	z_stream z = { 0 };
	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return false;
	uint64_t in_left = e->packed_size, out_left = e->size;
	uint8_t beyond; /* zlib wants room also for an empty result */
	z.next_in = (Bytef *)e->packed;
	z.next_out = out_left ? out : &beyond;
	int rc = Z_OK;
	while (rc == Z_OK) {
		if (!z.avail_in) {
			z.avail_in = in_left < (1u << 30) ? (uInt)in_left : 1u << 30;
			in_left -= z.avail_in;
		}
		if (!z.avail_out) {
			z.avail_out = out_left < (1u << 30) ? (uInt)out_left : 1u << 30;
			out_left -= z.avail_out;
		}
		rc = inflate(&z, Z_NO_FLUSH);
	}
	bool whole = rc == Z_STREAM_END && !z.avail_out && !out_left;
	inflateEnd(&z);
	return whole;
}

enum status zipfile_read(const struct zipfile_entry *e, const uint8_t **out, void **owned,
			 struct error *err)
{
	void *buffer = NULL;
	const uint8_t *bytes = e->packed;
	if (e->deflated) {
		TRY(mem_try_alloc(e->size, &buffer, err));
		bytes = buffer;
		if (!inflate_all(e, buffer)) {
			free(buffer);
			return damaged(err, "the compressed data is broken");
		}
	}
	if (crc32_add(0, bytes, e->size) != e->crc) {
		free(buffer);
		return damaged(err, "the checksum does not match");
	}
	*out = bytes;
	*owned = buffer;
	return OK;
}

static void put(struct text *t, uint64_t value, int bytes)
{
	char b[8];
	for (int i = 0; i < bytes; i++)
		b[i] = (char)(value >> (8 * i));
	text_add_bytes(t, b, (size_t)bytes);
}

/* The fields that local and central records share, from "version needed" to "name length". */
static void put_common(struct text *t, uint32_t crc, size_t name)
{
	put(t, VERSION_ZIP64, 2);
	put(t, 0, 2); /* flags */
	put(t, METHOD_STORED, 2);
	put(t, 0, 2); /* time */
	put(t, DOS_DATE, 2);
	put(t, crc, 4);
	put(t, UINT32_MAX, 4); /* packed size, in the zip64 field */
	put(t, UINT32_MAX, 4); /* size */
	put(t, name, 2);
}

enum status zipfile_create(const char *path, struct zipfile_writer *out, struct error *err)
{
	struct zipfile_writer w = { .n = 0 };
	TRY(file_create(path, &w.file, err));
	*out = w;
	return OK;
}

enum status zipfile_add(struct zipfile_writer *w, const char *name,
			const struct zipfile_part *parts, uint32_t n_parts, struct error *err)
{
	size_t name_size = strlen(name), size = 0;
	uint32_t crc = 0;
	if (name_size > UINT16_MAX)
		return fail(err, ERR_UNSUPPORTED, "a name of %zu bytes is too long for a zip file",
			    name_size);
	for (uint32_t i = 0; i < n_parts; i++) {
		crc = crc32_add(crc, parts[i].data, parts[i].size);
		size += parts[i].size;
	}
	uint64_t offset = w->file.written;

	struct text local = { 0 };
	put(&local, LOCAL_SIGNATURE, 4);
	put_common(&local, crc, name_size);
	put(&local, 20, 2);
	text_add_bytes(&local, name, name_size);
	put(&local, EXTRA_ZIP64, 2);
	put(&local, 16, 2);
	put(&local, size, 8);
	put(&local, size, 8);
	enum status status = file_write(&w->file, local.s, local.n, err);
	w->crc = crc32_add(w->crc, local.s, local.n);
	w->crc = (uint32_t)crc32_combine(w->crc, crc, (z_off_t)size);
	text_release(&local);
	for (uint32_t i = 0; status == OK && i < n_parts; i++)
		status = file_write(&w->file, parts[i].data, parts[i].size, err);
	TRY(status);

	struct text *t = &w->directory;
	put(t, CENTRAL_SIGNATURE, 4);
	put(t, VERSION_ZIP64, 2); /* made by */
	put_common(t, crc, name_size);
	put(t, 28, 2); /* extra */
	put(t, 0, 2);  /* comment */
	put(t, 0, 2);  /* disk */
	put(t, 0, 2);  /* internal attributes */
	put(t, 0, 4);  /* external attributes */
	put(t, UINT32_MAX, 4);
	text_add_bytes(t, name, name_size);
	put(t, EXTRA_ZIP64, 2);
	put(t, 24, 2);
	put(t, size, 8);
	put(t, size, 8);
	put(t, offset, 8);
	w->n++;
	return OK;
}

#define SEAL "crc32:"
#define SEAL_SIZE (sizeof SEAL - 1 + 8) /* and the number in hexadecimal */

static void print_seal(uint32_t crc, char out[SEAL_SIZE + 1])
{
	snprintf(out, SEAL_SIZE + 1, SEAL "%08x", crc);
}

/* Ends the archive with its directory and a comment. */
static enum status commit(struct zipfile_writer *w, bool seal, struct error *err)
{
	uint64_t start = w->file.written, size = w->directory.n;
	struct text *t = &w->directory;
	put(t, END64_SIGNATURE, 4);
	put(t, END64_SIZE - 12, 8);
	put(t, VERSION_ZIP64, 2);
	put(t, VERSION_ZIP64, 2);
	put(t, 0, 4); /* this disk */
	put(t, 0, 4); /* disk of the directory */
	put(t, w->n, 8);
	put(t, w->n, 8);
	put(t, size, 8);
	put(t, start, 8);
	put(t, LOCATOR64_SIGNATURE, 4);
	put(t, 0, 4);
	put(t, start + size, 8);
	put(t, 1, 4);
	put(t, END_SIGNATURE, 4);
	put(t, 0, 4);
	put(t, UINT16_MAX, 2);
	put(t, UINT16_MAX, 2);
	put(t, UINT32_MAX, 4);
	put(t, UINT32_MAX, 4);
	put(t, seal ? SEAL_SIZE : 0, 2); /* comment */
	if (seal) {
		char text[SEAL_SIZE + 1];
		print_seal(crc32_add(w->crc, t->s, t->n), text);
		text_add_bytes(t, text, SEAL_SIZE);
	}
	enum status status = file_write(&w->file, t->s, t->n, err);
	if (status == OK)
		status = file_commit(&w->file, err);
	zipfile_abandon(w);
	return status;
}

enum status zipfile_commit(struct zipfile_writer *w, struct error *err)
{
	return commit(w, false, err);
}

enum status zipfile_commit_sealed(struct zipfile_writer *w, struct error *err)
{
	return commit(w, true, err);
}

enum status zipfile_check_seal(const uint8_t *data, size_t size, struct error *err)
{
	char text[SEAL_SIZE + 1];
	if (size < SEAL_SIZE)
		return damaged(err, "it is too short");
	print_seal(crc32_add(0, data, size - SEAL_SIZE), text);
	if (memcmp(data + size - SEAL_SIZE, text, SEAL_SIZE))
		return damaged(err, "its checksum does not match");
	return OK;
}

void zipfile_abandon(struct zipfile_writer *w)
{
	file_abandon(&w->file);
	text_release(&w->directory);
}
