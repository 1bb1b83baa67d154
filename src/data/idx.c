/*
 * idx.c - reads IDX files (see idx.h). Plain and gzipped files are the same stream of bytes: the
 * header is taken from it, then the elements straight into their place.
 */
#include "data/idx.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* What deflate can make of a byte, so that a small file does not ask for much memory. */
#define DEFLATE_RATIO 1040

/* A stream of bytes: a file's own, or those that it inflates to. */
struct source {
	const uint8_t *data;
	size_t size, at;
	bool gzip;
	z_stream z;
};

static enum status damaged(const struct source *s, struct error *err)
{
	return fail(err, ERR_INPUT, "damaged IDX file: %s",
		    s->gzip && s->z.msg ? s->z.msg : "it is cut");
}

static enum status source_open(struct source *s, const uint8_t *data, size_t size,
			       struct error *err)
{
	*s = (struct source){ .data = data, .size = size };
	s->gzip = size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
	if (s->gzip && inflateInit2(&s->z, 16 + MAX_WBITS) != Z_OK)
		return fail(err, ERR_MEMORY, "no memory for zlib");
	return OK;
}

static void source_close(struct source *s)
{
	if (s->gzip)
		inflateEnd(&s->z);
}

/* Up to n bytes; how many there are is told. zlib counts in 32 bits, so it goes in pieces. */
static enum status take_some(struct source *s, uint8_t *to, size_t n, size_t *taken,
			     struct error *err)
{
	const size_t piece = (size_t)1 << 30;
	*taken = 0;
	if (!s->gzip) {
		*taken = n < s->size - s->at ? n : s->size - s->at;
		if (*taken)
			memcpy(to, s->data + s->at, *taken);
		s->at += *taken;
		return OK;
	}
	for (int rc = Z_OK; *taken < n && rc == Z_OK;) {
		size_t in = s->size - s->at < piece ? s->size - s->at : piece;
		size_t out = n - *taken < piece ? n - *taken : piece;
		s->z.next_in = (uint8_t *)(uintptr_t)(s->data + s->at);
		s->z.avail_in = (uInt)in;
		s->z.next_out = to + *taken;
		s->z.avail_out = (uInt)out;
		rc = inflate(&s->z, Z_NO_FLUSH);
		s->at += in - s->z.avail_in;
		*taken += out - s->z.avail_out;
		if (rc != Z_OK && rc != Z_STREAM_END)
			return damaged(s, err);
	}
	return OK;
}

static enum status take(struct source *s, void *to, size_t n, struct error *err)
{
	size_t taken;
	TRY(take_some(s, to, n, &taken, err));
	return taken == n ? OK : damaged(s, err);
}

static enum status read_header(struct source *s, struct tensor *t, struct error *err)
{
	static const struct {
		uint8_t code;
		enum dtype dtype;
	} types[] = { { 0x08, DT_U8 },  { 0x09, DT_I8 },  { 0x0b, DT_I16 },
		      { 0x0c, DT_I32 }, { 0x0d, DT_F32 }, { 0x0e, DT_F64 } };
	uint8_t start[4], dim[4];
	TRY(take(s, start, sizeof start, err));
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].code == start[2])
			t->dtype = types[i].dtype;
	if (start[0] || start[1] || t->dtype == DT_NONE)
		return fail(err, ERR_INPUT, "not an IDX file");
	if (!start[3] || start[3] > SHAPE_MAX_RANK)
		return fail(err, ERR_INPUT, "an IDX file of %u axes; 1 to %d can be read", start[3],
			    SHAPE_MAX_RANK);
	t->shape.rank = start[3];
	for (int a = 0; a < t->shape.rank; a++) {
		TRY(take(s, dim, sizeof dim, err));
		t->shape.dim[a] = (int64_t)dim[0] << 24 | dim[1] << 16 | dim[2] << 8 | dim[3];
	}
	return OK;
}

static void swap_bytes(uint8_t *p, size_t n, size_t element)
{
	for (size_t i = 0; i < n; i++, p += element)
		for (size_t k = 0; k < element / 2; k++) {
			uint8_t byte = p[k];
			p[k] = p[element - 1 - k];
			p[element - 1 - k] = byte;
		}
}

static enum status read_all(struct source *s, struct tensor *t, struct error *err)
{
	size_t bytes, beyond, room;
	uint8_t byte;
	TRY(read_header(s, t, err));
	TRY(tensor_size(t->dtype, &t->shape, &bytes, err));
	if (!size_mul(s->size, s->gzip ? DEFLATE_RATIO : 1, &room) || bytes > room)
		return fail(err, ERR_INPUT, "damaged IDX file: it is cut");
	TRY(mem_try_alloc(bytes, &t->data, err));
	TRY(take(s, t->data, bytes, err));
	TRY(take_some(s, &byte, 1, &beyond, err));
	if (beyond)
		return fail(err, ERR_INPUT, "damaged IDX file: there is more in it than it says");
	size_t element = dtype_bits(t->dtype) / 8;
	swap_bytes(t->data, bytes / element, element);
	return OK;
}

enum status idx_parse(const uint8_t *data, size_t size, struct tensor *out, struct error *err)
{
	struct source s;
	struct tensor t = { 0 };
	TRY(source_open(&s, data, size, err));
	enum status status = read_all(&s, &t, err);
	source_close(&s);
	if (status == OK)
		*out = t;
	else
		free(t.data);
	return status;
}

enum status idx_read(const char *path, struct tensor *out, struct error *err)
{
	struct file_map map;
	TRY(file_map(path, &map, err));
	enum status status = idx_parse(map.data, map.size, out, err);
	file_unmap(&map);
	return status == OK ? OK : fail_context(err, "%s", path);
}
