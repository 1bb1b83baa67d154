/*
 * npy.c - NumPy's array files (see npy.h). The header is a Python dictionary literal, read by a
 * parser of exactly the forms that NumPy writes or has written; what the elements need (byte swap,
 * transposition) is done once, into memory of our own.
 */
#include "data/npy.h"

#include "base/half.h"
#include "data/zipfile.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC "\x93NUMPY"
#define MAGIC_SIZE 6
#define HEADER_MAX 65536 /* NumPy itself refuses more than 10,000 unless asked to */

static const struct type {
	const char *descr; /* without the byte order */
	enum dtype dtype;
} types[] = {
	{ "b1", DT_BOOL }, { "i1", DT_I8 },  { "i2", DT_I16 }, { "i4", DT_I32 },
	{ "i8", DT_I64 },  { "u1", DT_U8 },  { "u2", DT_U16 }, { "u4", DT_U32 },
	{ "u8", DT_U64 },  { "f2", DT_F16 }, { "f4", DT_F32 }, { "f8", DT_F64 },
};

/* What is left of the header's text. */
struct cursor {
	const char *p, *end;
};

static void skip_space(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

/* Consumes the text when it comes next. */
static bool take(struct cursor *c, const char *text)
{
	size_t n = strlen(text);
	skip_space(c);
	if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n))
		return false;
	c->p += n;
	return true;
}

/* A quoted string without escapes. */
static bool take_string(struct cursor *c, char *out, size_t room)
{
	skip_space(c);
	if (c->p == c->end || (*c->p != '\'' && *c->p != '"'))
		return false;
	char quote = *c->p++;
	size_t n = 0;
	while (c->p < c->end && *c->p != quote && *c->p != '\\' && n + 1 < room)
		out[n++] = *c->p++;
	out[n] = 0;
	return c->p < c->end && *c->p++ == quote;
}

static bool take_number(struct cursor *c, int64_t *out)
{
	int64_t x = 0;
	skip_space(c);
	if (c->p == c->end || *c->p < '0' || *c->p > '9')
		return false;
	for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
		if (__builtin_mul_overflow(x, 10, &x) || __builtin_add_overflow(x, *c->p - '0', &x))
			return false;
	take(c, "L"); /* Python 2's long integers */
	*out = x;
	return true;
}

static enum status take_shape(struct cursor *c, struct shape *out, struct error *err)
{
	struct shape shape = { 0 };
	if (!take(c, "("))
		return fail(err, ERR_INPUT, "damaged array header: no shape");
	while (!take(c, ")")) {
		int64_t dim;
		if (!take_number(c, &dim))
			return fail(err, ERR_INPUT, "damaged array header: bad shape");
		if (shape.rank == SHAPE_MAX_RANK)
			return fail(err, ERR_INPUT, "an array of more than %d dimensions",
				    SHAPE_MAX_RANK);
		shape.dim[shape.rank++] = dim;
		if (!take(c, ",")) {
			if (!take(c, ")"))
				return fail(err, ERR_INPUT, "damaged array header: bad shape");
			break;
		}
	}
	*out = shape;
	return OK;
}

static enum status take_type(struct cursor *c, struct npy_header *out, struct error *err)
{
	char descr[64];
	if (!take_string(c, descr, sizeof descr))
		return fail(err, ERR_UNSUPPORTED, "arrays of records can't be read");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!descr[0] || !strchr("<>|=", descr[0]) || strcmp(descr + 1, types[i].descr))
			continue;
		out->dtype = types[i].dtype;
		out->big_endian = descr[0] == '>';
		return OK;
	}
	return fail(err, ERR_UNSUPPORTED,
		    "elements of type '%s' can't be read; use bool, integers or floats", descr);
}

/* {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, keys in any order. */
static enum status take_dictionary(struct cursor *c, struct npy_header *out, struct error *err)
{
	enum { DESCR = 1, ORDER = 2, SHAPE_KEY = 4 };
	unsigned seen = 0;
	if (!take(c, "{"))
		return fail(err, ERR_INPUT, "damaged array header");
	while (!take(c, "}")) {
		char key[32];
		if (!take_string(c, key, sizeof key) || !take(c, ":"))
			return fail(err, ERR_INPUT, "damaged array header");
		if (!strcmp(key, "descr")) {
			TRY(take_type(c, out, err));
			seen |= DESCR;
		} else if (!strcmp(key, "shape")) {
			TRY(take_shape(c, &out->shape, err));
			seen |= SHAPE_KEY;
		} else if (!strcmp(key, "fortran_order")) {
			out->fortran = take(c, "True");
			if (!out->fortran && !take(c, "False"))
				return fail(err, ERR_INPUT, "damaged array header: bad order");
			seen |= ORDER;
		} else {
			return fail(err, ERR_INPUT, "damaged array header: key '%s'", key);
		}
		if (!take(c, ",")) {
			if (!take(c, "}"))
				return fail(err, ERR_INPUT, "damaged array header");
			break;
		}
	}
	if (seen != (DESCR | ORDER | SHAPE_KEY))
		return fail(err, ERR_INPUT, "damaged array header: a key is missing");
	return OK;
}

enum status npy_parse(const uint8_t *data, size_t size, struct npy_header *out, struct error *err)
{
	if (size < MAGIC_SIZE + 4 || memcmp(data, MAGIC, MAGIC_SIZE))
		return fail(err, ERR_INPUT, "not a NumPy array");
	unsigned version = data[MAGIC_SIZE];
	size_t start = version == 1 ? 10 : 12;
	if (version < 1 || version > 3 || size < start)
		return fail(err, ERR_INPUT, "damaged array header: version %u", version);
	size_t length = (size_t)data[8] | (size_t)data[9] << 8;
	if (version > 1)
		length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
	if (length > HEADER_MAX || length > size - start)
		return fail(err, ERR_INPUT, "damaged array header: it is longer than the file");

	struct npy_header h = { .offset = start + length };
	struct cursor c = { (const char *)data + start, (const char *)data + start + length };
	TRY(take_dictionary(&c, &h, err));
	size_t bytes = 0;
	struct shape full = h.shape; /* strides must not overflow in an empty array either */
	for (int a = 0; a < full.rank; a++)
		full.dim[a] += full.dim[a] == 0;
	TRY(tensor_size(h.dtype, &full, &bytes, err));
	TRY(tensor_size(h.dtype, &h.shape, &bytes, err));
	if (bytes > size - h.offset) {
		char text[SHAPE_TEXT];
		return fail(err, ERR_INPUT,
			    "an array of %s %s needs %zu bytes, the file holds %zu; it is cut",
			    shape_format(&h.shape, text), dtype_name(h.dtype), bytes,
			    size - h.offset);
	}
	*out = h;
	return OK;
}

static void copy_swapped(uint8_t *to, const uint8_t *from, size_t element)
{
	for (size_t b = 0; b < element; b++)
		to[b] = from[element - 1 - b];
}

/*
 * out[i0, i1, ...] = in[i0 + d0 * (i1 + d1 * (i2 + ...))] for Fortran order, out[i] = in[i] else;
 * the bytes of an element are reversed for big endian.
 */
static void rearrange(const struct npy_header *h, const uint8_t *in, uint8_t *out)
{
	size_t element = dtype_bits(h->dtype) / 8;
	int64_t n = shape_elements(&h->shape), index[SHAPE_MAX_RANK] = { 0 };
	int64_t stride[SHAPE_MAX_RANK], from = 0, step = 1;
	if (h->fortran) {
		for (int a = 0; a < h->shape.rank; step *= h->shape.dim[a++])
			stride[a] = step;
	} else {
		shape_strides(&h->shape, stride);
	}
	for (int64_t i = 0; i < n; i++) {
		const uint8_t *p = in + (size_t)from * element;
		if (h->big_endian)
			copy_swapped(out + (size_t)i * element, p, element);
		else
			memcpy(out + (size_t)i * element, p, element);
		for (int a = h->shape.rank - 1; a >= 0; a--) {
			from += stride[a];
			if (++index[a] < h->shape.dim[a])
				break;
			from -= stride[a] * h->shape.dim[a];
			index[a] = 0;
		}
	}
}

/* NumPy's own files hold 0 and 1 only; whoever reads a bool tensor relies on it. */
static enum status check_bools(const uint8_t *p, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] > 1)
			return fail(err, ERR_INPUT, "a bool array holds the byte %u", p[i]);
	return OK;
}

/*
 * The tensor of one .npy image. The data is a view of it unless it has to be rearranged: then it
 * is *owned.
 */
static enum status read_array(const uint8_t *data, size_t size, struct tensor *out, void **owned,
			      struct error *err)
{
	struct npy_header h = { 0 };
	TRY(npy_parse(data, size, &h, err));
	const uint8_t *elements = data + h.offset;
	struct tensor t = { h.dtype, h.shape, (void *)elements };
	size_t bytes = tensor_bytes(&t);
	if (h.dtype == DT_BOOL)
		TRY(check_bools(elements, bytes, err));
	bool swap = h.big_endian && dtype_bits(h.dtype) > 8;
	if (bytes && (swap || (h.fortran && h.shape.rank > 1))) {
		TRY(mem_try_alloc(bytes, &t.data, err));
		rearrange(&h, elements, t.data);
		*owned = t.data;
	}
	*out = t;
	return OK;
}

static enum status read_npz(const uint8_t *data, size_t size, struct arrays *a, struct error *err)
{
	struct zipfile zip = { 0 };
	TRY(zipfile_open(data, size, &zip, err));
	enum status status = OK;
	a->v = arena_alloc(&a->arena, zip.n * sizeof *a->v);
	a->owned = arena_alloc(&a->arena, zip.n * sizeof *a->owned);
	for (uint32_t i = 0; status == OK && i < zip.n; i++) {
		const struct zipfile_entry *e = &zip.entries[i];
		size_t n = strlen(e->name);
		if (n > 4 && !strcmp(e->name + n - 4, ".npy"))
			n -= 4;
		const uint8_t *bytes;
		void *unpacked, *rearranged = NULL;
		a->v[i].name = arena_strndup(&a->arena, e->name, n);
		status = zipfile_read(e, &bytes, &unpacked, err);
		if (status == OK) {
			status = read_array(bytes, e->size, &a->v[i].tensor, &rearranged, err);
			if (rearranged || status != OK)
				free(unpacked);
			else
				rearranged = unpacked;
		}
		if (status != OK)
			status = fail_context(err, "'%s'", a->v[i].name);
		a->owned[a->n++] = rearranged;
	}
	zipfile_release(&zip);
	return status;
}

enum status arrays_parse(const uint8_t *data, size_t size, const char *name, struct arrays *out,
			 struct error *err)
{
	struct arrays a = { 0 };
	enum status status;
	arena_init(&a.arena);
	if (size >= 2 && !memcmp(data, "PK", 2)) {
		status = read_npz(data, size, &a, err);
	} else {
		a.v = arena_alloc(&a.arena, sizeof *a.v);
		a.owned = arena_alloc(&a.arena, sizeof *a.owned);
		a.v->name = arena_strdup(&a.arena, name);
		a.n = 1;
		status = read_array(data, size, &a.v->tensor, a.owned, err);
	}
	if (status == OK)
		*out = a;
	else
		arrays_release(&a);
	return status;
}

enum status arrays_read(const char *path, struct arrays *out, struct error *err)
{
	struct file_map map = { 0 };
	TRY(file_map(path, &map, err));
	const char *slash = strrchr(path, '/');
	char *name = mem_strdup(slash ? slash + 1 : path);
	char *dot = strrchr(name, '.');
	if (dot && dot != name)
		*dot = 0;
	enum status status = arrays_parse(map.data, map.size, name, out, err);
	free(name);
	if (status == OK) {
		out->map = map;
		return OK;
	}
	file_unmap(&map);
	return fail_context(err, "%s", path);
}

void arrays_release(struct arrays *arrays)
{
	for (uint32_t i = 0; i < arrays->n; i++)
		free(arrays->owned[i]);
	file_unmap(&arrays->map);
	arena_release(&arrays->arena);
	*arrays = (struct arrays){ 0 };
}

const struct tensor *arrays_find(const struct arrays *arrays, const char *name)
{
	for (uint32_t i = 0; i < arrays->n; i++)
		if (!strcmp(arrays->v[i].name, name))
			return &arrays->v[i].tensor;
	return NULL;
}

/* A tensor as NumPy holds it: its header, its elements, and what of them is ours to free. */
struct image_of_array {
	struct text header;
	const void *data;
	size_t size;
	void *owned;
};

static enum status widen_bf16(const struct tensor *t, struct image_of_array *out, struct error *err)
{
	int64_t n = shape_elements(&t->shape);
	float *wide;
	void *p;
	TRY(mem_try_alloc((size_t)n * sizeof *wide, &p, err));
	wide = p;
	for (int64_t i = 0; i < n; i++) {
		uint16_t h;
		memcpy(&h, (const char *)t->data + 2 * i, sizeof h);
		wide[i] = bf16_to_float(h);
	}
	out->data = out->owned = wide;
	out->size = (size_t)n * sizeof *wide;
	return OK;
}

static enum status make_image(const struct tensor *t, struct image_of_array *out, struct error *err)
{
	struct image_of_array image = { .data = t->data };
	enum dtype dtype = t->dtype == DT_BF16 ? DT_F32 : t->dtype;
	const char *descr = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].dtype == dtype)
			descr = types[i].descr;
	if (!descr)
		return fail(err, ERR_UNSUPPORTED, "NumPy files can't hold elements of type %s",
			    dtype_name(t->dtype));
	if (t->dtype == DT_BF16)
		TRY(widen_bf16(t, &image, err));
	else
		image.size = tensor_bytes(t);

	struct text dict = { 0 };
	text_add(&dict, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
		 descr[1] == '1' ? '|' : '<', descr);
	for (int a = 0; a < t->shape.rank; a++)
		text_add(&dict, "%s%lld%s", a ? " " : "", (long long)t->shape.dim[a],
			 a + 1 < t->shape.rank || a == 0 ? "," : "");
	text_add(&dict, "), }");
	/* Spaces up to a multiple of 64 for the elements, then a newline. */
	size_t pad = 63 - (10 + dict.n) % 64;
	text_add(&dict, "%*s\n", (int)pad, "");
	char start[10] = MAGIC "\x01";
	start[8] = (char)(dict.n & 0xff);
	start[9] = (char)(dict.n >> 8);
	text_add_bytes(&image.header, start, sizeof start);
	text_add_bytes(&image.header, dict.s, dict.n);
	text_release(&dict);
	*out = image;
	return OK;
}

static void release_image(struct image_of_array *image)
{
	text_release(&image->header);
	free(image->owned);
}

static enum status write_npz(const char *path, const struct named_tensor *arrays, uint32_t n,
			     bool seal, struct error *err)
{
	struct zipfile_writer w;
	TRY(zipfile_create(path, &w, err));
	enum status status = OK;
	for (uint32_t i = 0; status == OK && i < n; i++) {
		struct image_of_array image;
		status = make_image(&arrays[i].tensor, &image, err);
		if (status != OK) {
			fail_context(err, "%s: '%s'", path, arrays[i].name);
			break;
		}
		char *name = mem_printf("%s.npy", arrays[i].name);
		struct zipfile_part parts[] = { { image.header.s, image.header.n },
						{ image.data, image.size } };
		status = zipfile_add(&w, name, parts, ARRAY_SIZE(parts), err);
		free(name);
		release_image(&image);
	}
	if (status == OK)
		return seal ? zipfile_commit_sealed(&w, err) : zipfile_commit(&w, err);
	zipfile_abandon(&w);
	return status;
}

enum status npz_write(const char *path, const struct named_tensor *arrays, uint32_t n,
		      struct error *err)
{
	return write_npz(path, arrays, n, false, err);
}

enum status npz_write_sealed(const char *path, const struct named_tensor *arrays, uint32_t n,
			     struct error *err)
{
	return write_npz(path, arrays, n, true, err);
}

enum status npy_write(const char *path, const struct tensor *tensor, struct error *err)
{
	struct image_of_array image;
	struct file_writer w;
	if (make_image(tensor, &image, err) != OK)
		return fail_context(err, "%s", path);
	enum status status = file_create(path, &w, err);
	if (status == OK) {
		status = file_write(&w, image.header.s, image.header.n, err);
		if (status == OK)
			status = file_write(&w, image.data, image.size, err);
		if (status == OK)
			status = file_commit(&w, err);
		else
			file_abandon(&w);
	}
	release_image(&image);
	return status;
}
