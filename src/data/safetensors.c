/* safetensors.c - reads and writes files of named tensors (see safetensors.h). */
#include "data/safetensors.h"

#include "base/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum dtype dtype;
} types[] = {
	{ "F64", DT_F64 }, { "F32", DT_F32 },   { "F16", DT_F16 }, { "BF16", DT_BF16 },
	{ "I64", DT_I64 }, { "I32", DT_I32 },   { "I16", DT_I16 }, { "I8", DT_I8 },
	{ "U8", DT_U8 },   { "BOOL", DT_BOOL },
};

#define METADATA "__metadata__"

/* ---- reading ---- */

static enum status read_type(const char *name, const json_t *entry, struct tensor *t,
			     struct error *err)
{
	const char *type = json_string_value(json_object_get(entry, "dtype"));
	const json_t *shape = json_object_get(entry, "shape");
	for (size_t i = 0; i < ARRAY_SIZE(types) && type; i++)
		if (!strcmp(types[i].name, type))
			t->dtype = types[i].dtype;
	if (!t->dtype)
		return fail(err, ERR_UNSUPPORTED, "tensor '%s': type '%s' is not supported", name,
			    type ? type : "");
	if (!json_is_array(shape) || json_array_size(shape) > SHAPE_MAX_RANK)
		return fail(err, ERR_INPUT, "tensor '%s': no shape of at most %d axes", name,
			    SHAPE_MAX_RANK);
	t->shape.rank = (int)json_array_size(shape);
	for (int i = 0; i < t->shape.rank; i++) {
		const json_t *d = json_array_get(shape, (size_t)i);
		if (!json_is_integer(d) || json_integer_value(d) < 0)
			return fail(err, ERR_INPUT, "tensor '%s': a size is no whole number", name);
		t->shape.dim[i] = json_integer_value(d);
	}
	return OK;
}

/* `size` bytes of elements follow the header. */
static enum status read_entry(const char *name, const json_t *entry, const uint8_t *elements,
			      size_t size, struct tensor *t, struct error *err)
{
	const json_t *offsets = json_object_get(entry, "data_offsets");
	const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
	size_t bytes;
	*t = (struct tensor){ 0 };
	TRY(read_type(name, entry, t, err));
	if (tensor_size(t->dtype, &t->shape, &bytes, err) != OK)
		return fail_context(err, "tensor '%s'", name);
	if (!json_is_integer(begin) || !json_is_integer(end) || json_integer_value(begin) < 0 ||
	    json_integer_value(end) < json_integer_value(begin) ||
	    (uint64_t)json_integer_value(end) > size)
		return fail(err, ERR_INPUT, "tensor '%s' lies outside of the file", name);
	if ((uint64_t)(json_integer_value(end) - json_integer_value(begin)) != bytes)
		return fail(err, ERR_INPUT, "tensor '%s' has not the bytes of its shape", name);
	t->data = (void *)(elements + json_integer_value(begin));
	return OK;
}

static void read_metadata(const json_t *object, struct safetensors *out)
{
	const char *key;
	json_t *text;
	out->metadata = arena_alloc(&out->arena, json_object_size(object) * sizeof *out->metadata);
	json_object_foreach((json_t *)object, key, text)
	{
		if (json_is_string(text))
			out->metadata[out->n_metadata++] = (struct safetensors_text){
				arena_strdup(&out->arena, key),
				arena_strdup(&out->arena, json_string_value(text))
			};
	}
}

static enum status read_header(const json_t *root, const uint8_t *elements, size_t size,
			       struct safetensors *out, struct error *err)
{
	const char *name;
	json_t *entry;
	if (!json_is_object(root))
		return fail(err, ERR_INPUT, "no safetensors file: its header is no JSON object");
	out->v = arena_alloc(&out->arena, json_object_size(root) * sizeof *out->v);
	json_object_foreach((json_t *)root, name, entry)
	{
		if (!strcmp(name, METADATA)) {
			read_metadata(entry, out);
			continue;
		}
		TRY(read_entry(name, entry, elements, size, &out->v[out->n].tensor, err));
		out->v[out->n++].name = arena_strdup(&out->arena, name);
	}
	return OK;
}

enum status safetensors_parse(const uint8_t *data, size_t size, struct safetensors *out,
			      struct error *err)
{
	uint64_t header = 0;
	json_error_t e;
	*out = (struct safetensors){ 0 };
	for (int i = 7; i >= 0 && size >= 8; i--)
		header = header << 8 | data[i];
	if (size < 8 || header > SAFETENSORS_HEADER_MAX || header > size - 8)
		return fail(err, ERR_INPUT, "no safetensors file: the size of its header is wrong");
	json_t *root = json_loadb((const char *)data + 8, header, JSON_REJECT_DUPLICATES, &e);
	arena_init(&out->arena);
	enum status status = read_header(root, data + 8 + header, size - 8 - header, out, err);
	json_decref(root);
	if (status != OK)
		safetensors_release(out);
	return status;
}

enum status safetensors_read(const char *path, struct safetensors *out, struct error *err)
{
	struct file_map map;
	TRY(file_map(path, &map, err));
	if (safetensors_parse(map.data, map.size, out, err) != OK) {
		file_unmap(&map);
		return fail_context(err, "%s", path);
	}
	out->map = map;
	return OK;
}

void safetensors_release(struct safetensors *file)
{
	file_unmap(&file->map);
	arena_release(&file->arena);
	*file = (struct safetensors){ 0 };
}

const char *safetensors_metadata(const struct safetensors *file, const char *key)
{
	for (uint32_t i = 0; i < file->n_metadata; i++)
		if (!strcmp(file->metadata[i].key, key))
			return file->metadata[i].text;
	return NULL;
}

/* ---- writing ---- */

static const char *type_name(enum dtype dtype)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].dtype == dtype)
			return types[i].name;
	return "";
}

static json_t *entry_of(const struct tensor *t, size_t begin)
{
	json_t *entry = json_object(), *shape = json_array(), *offsets = json_array();
	for (int i = 0; i < t->shape.rank; i++)
		json_array_append_new(shape, json_integer(t->shape.dim[i]));
	json_array_append_new(offsets, json_integer((json_int_t)begin));
	json_array_append_new(offsets, json_integer((json_int_t)(begin + tensor_bytes(t))));
	json_object_set_new(entry, "dtype", json_string(type_name(t->dtype)));
	json_object_set_new(entry, "shape", shape);
	json_object_set_new(entry, "data_offsets", offsets);
	return entry;
}

/* The header, with blanks up to a multiple of 8, so that elements are aligned. */
static void make_header(const struct named_tensor *v, uint32_t n,
			const struct safetensors_text *metadata, uint32_t n_metadata,
			struct text *out)
{
	json_t *root = json_object(), *texts = json_object();
	size_t at = 0;
	for (uint32_t i = 0; i < n_metadata; i++)
		json_object_set_new(texts, metadata[i].key, json_string(metadata[i].text));
	if (n_metadata)
		json_object_set(root, METADATA, texts);
	for (uint32_t i = 0; i < n; i++) {
		json_object_set_new(root, v[i].name, entry_of(&v[i].tensor, at));
		at += tensor_bytes(&v[i].tensor);
	}
	char *json = json_dumps(root, JSON_COMPACT);
	text_add(out, "%s%*s", json, (int)(-strlen(json) & 7), "");
	free(json);
	json_decref(texts);
	json_decref(root);
}

static enum status write_parts(struct file_writer *w, const struct text *header,
			       const struct named_tensor *v, uint32_t n, struct error *err)
{
	uint8_t size[8];
	for (int i = 0; i < 8; i++)
		size[i] = (uint8_t)((uint64_t)header->n >> 8 * i);
	TRY(file_write(w, size, sizeof size, err));
	TRY(file_write(w, header->s, header->n, err));
	for (uint32_t i = 0; i < n; i++)
		TRY(file_write(w, v[i].tensor.data, tensor_bytes(&v[i].tensor), err));
	return file_commit(w, err);
}

enum status safetensors_write(const char *path, const struct named_tensor *v, uint32_t n,
			      const struct safetensors_text *metadata, uint32_t n_metadata,
			      struct error *err)
{
	struct file_writer w;
	struct text header = { 0 };
	TRY(file_create(path, &w, err));
	make_header(v, n, metadata, n_metadata, &header);
	enum status status = write_parts(&w, &header, v, n, err);
	text_release(&header);
	file_abandon(&w);
	return status;
}
