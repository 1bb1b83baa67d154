/*
 * payload.c - the elements of tensors, in every form that ONNX has for them (see payload.h and
 * onnx_file_tensor). The spans of a tensor are walked again each time; a copy is only made of what
 * is not stored as one piece of fixed-width values.
 */
#include "onnx/payload.h"

#include "onnx/external.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "stored values are little-endian");

struct payload_field payload_field(enum dtype dtype)
{
	switch (dtype) {
	case DT_F32:
	case DT_C64:
		return (struct payload_field){ 4, WIRE_FIXED32 };
	case DT_F64:
	case DT_C128:
		return (struct payload_field){ 10, WIRE_FIXED64 };
	case DT_STRING:
		return (struct payload_field){ 6, WIRE_BYTES };
	case DT_I64:
		return (struct payload_field){ 7, WIRE_VARINT };
	case DT_U32:
	case DT_U64:
		return (struct payload_field){ 11, WIRE_VARINT };
	default:
		return (struct payload_field){ 5, WIRE_VARINT };
	}
}

bool payload_matches(struct payload_field field, const struct wire_field *f)
{
	return f->number == field.number && (f->type == field.type || f->type == WIRE_BYTES);
}

struct chunks chunks_of(const struct onnx_file *file, const uint32_t *sites, size_t n_sites,
			struct payload_field field)
{
	return (struct chunks){ .file = file, .sites = sites, .n_sites = n_sites, .field = field };
}

bool chunks_next(struct chunks *c, struct wire_field *out)
{
	struct wire_field f;
	for (;;) {
		while (wire_next(&c->wire, &f))
			if (payload_matches(c->field, &f)) {
				*out = f;
				return true;
			}
		if (c->site == c->n_sites)
			return false;
		const struct onnx_span *span = &c->file->spans.v[c->sites[c->site++]];
		c->wire = (struct wire){
			.data = c->file->map.data,
			.pos = span->body,
			.end = span->body + span->size,
		};
	}
}

static struct chunks tensor_chunks(const struct onnx_file *file, const Onnx__TensorProto *tensor,
				   struct payload_field field)
{
	return chunks_of(file, tensor->onnxtune_site, tensor->n_onnxtune_site, field);
}

static unsigned unit_bits(enum dtype dtype)
{
	unsigned bits = dtype_bits(dtype);
	return bits < 6 ? 8 : bits;
}

size_t payload_units(enum dtype dtype, size_t elements)
{
	return dtype_bits(dtype) < 6 ? (elements * dtype_bits(dtype) + 7) / 8 : elements;
}

uint64_t payload_unit(enum dtype dtype, const void *data, size_t i)
{
	unsigned bits = unit_bits(dtype);
	size_t at = i * bits;
	uint64_t v = 0;
	memcpy(&v, (const uint8_t *)data + at / 8, (at % 8 + bits + 7) / 8);
	v = v >> at % 8 & (UINT64_MAX >> (64 - bits));
	if (dtype == DT_I8 || dtype == DT_I16 || dtype == DT_I32)
		return (uint64_t)((int64_t)(v << (64 - bits)) >> (64 - bits));
	return v;
}

void payload_set_unit(enum dtype dtype, void *data, size_t i, uint64_t varint)
{
	unsigned bits = unit_bits(dtype);
	size_t at = i * bits, n = (at % 8 + bits + 7) / 8;
	uint64_t mask = UINT64_MAX >> (64 - bits), v = 0;
	if (dtype == DT_BOOL)
		varint = varint != 0;
	memcpy(&v, (uint8_t *)data + at / 8, n);
	v = (v & ~(mask << at % 8)) | (varint & mask) << at % 8;
	memcpy((uint8_t *)data + at / 8, &v, n);
}

bool payload_is_external(const Onnx__TensorProto *tensor)
{
	return tensor->has_data_location &&
	       tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

enum status payload_error(const struct onnx_file *file, const Onnx__TensorProto *tensor,
			  struct error *err)
{
	if (tensor->name && *tensor->name)
		return fail_context(err, "%s: tensor '%.200s'", file->path, tensor->name);
	return fail_context(err, "%s: unnamed tensor at byte %zu", file->path,
			    file->spans.v[tensor->onnxtune_site[0]].body);
}

static enum status type_of(const Onnx__TensorProto *tensor, struct tensor *out, size_t *size,
			   struct error *err)
{
	struct tensor t = { .dtype = (enum dtype)tensor->data_type };
	if (!tensor->has_data_type || !dtype_bits(t.dtype))
		return fail(err, ERR_INPUT, "element type %d is not known",
			    tensor->has_data_type ? tensor->data_type : 0);
	if (tensor->segment)
		return fail(err, ERR_UNSUPPORTED, "is a segment of a larger tensor");
	if (tensor->n_dims > SHAPE_MAX_RANK)
		return fail(err, ERR_UNSUPPORTED, "has %zu dimensions, more than %d",
			    tensor->n_dims, SHAPE_MAX_RANK);
	t.shape.rank = (int)tensor->n_dims;
	for (int i = 0; i < t.shape.rank; i++)
		t.shape.dim[i] = tensor->dims[i];
	TRY(tensor_size(t.dtype, &t.shape, size, err));
	*out = t;
	return OK;
}

enum status payload_type(const struct onnx_file *file, const Onnx__TensorProto *tensor,
			 struct tensor *out, size_t *size, struct error *err)
{
	if (!tensor->n_onnxtune_site)
		return fail(err, ERR_INTERNAL, "%s: a tensor that is not of this file", file->path);
	if (type_of(tensor, out, size, err) != OK)
		return payload_error(file, tensor, err);
	return OK;
}

/* The last raw_data, which is the one that counts. */
static bool find_raw(const struct onnx_file *file, const Onnx__TensorProto *tensor,
		     struct wire_field *out)
{
	struct chunks chunks = tensor_chunks(file, tensor,
					     (struct payload_field){ TENSOR_RAW_DATA, WIRE_BYTES });
	bool found = false;
	while (chunks_next(&chunks, out))
		found = true;
	return found;
}

/* What a walk over the chunks of a typed field found. */
struct typed {
	size_t values, chunks;   /* values: elements or units */
	struct wire_field first; /* the first chunk that is not empty; chunks counts these */
};

static enum status survey(struct chunks chunks, struct typed *out, struct error *err)
{
	enum wire_type type = chunks.field.type;
	struct typed t = { 0 };
	struct wire_field f;
	while (chunks_next(&chunks, &f)) {
		size_t size = f.end - f.value, width = type == WIRE_FIXED32 ? 4 : 8;
		size_t pos = f.value, values = 0;
		uint64_t ignored;
		if (type == WIRE_BYTES) {
			values = 1;
		} else if (type != WIRE_VARINT) {
			values = size / width;
			if (size % width)
				return fail(err, ERR_INPUT, "its data ends within an element");
		}
		for (; type == WIRE_VARINT && pos < f.end; values++)
			if (!wire_varint(chunks.file->map.data, &pos, f.end, &ignored))
				return fail(err, ERR_INPUT,
					    "a number in its data is cut off or too long");
		if (values && !t.chunks++)
			t.first = f;
		t.values += values;
	}
	*out = t;
	return OK;
}

/* Values that the typed field must hold. */
static size_t typed_values(const struct tensor *t, size_t size)
{
	enum wire_type type = payload_field(t->dtype).type;
	return type == WIRE_FIXED32   ? size / 4
	       : type == WIRE_FIXED64 ? size / 8
				      : payload_units(t->dtype, (size_t)shape_elements(&t->shape));
}

static enum status check_raw(const struct tensor *t, const struct wire_field *raw, size_t size,
			     struct error *err)
{
	char text[SHAPE_TEXT];
	if (t->dtype == DT_STRING)
		return fail(err, ERR_INPUT, "strings can't be in raw_data");
	if (raw->end - raw->value != size)
		return fail(err, ERR_INPUT,
			    "raw_data has %zu bytes, %zu are asked for by %s, shape %s",
			    raw->end - raw->value, size, dtype_name(t->dtype),
			    shape_format(&t->shape, text));
	return OK;
}

static enum status check_typed(const struct tensor *t, const struct typed *typed, size_t size,
			       struct error *err)
{
	char text[SHAPE_TEXT];
	size_t want = typed_values(t, size);
	if (typed->values != want)
		return fail(err, ERR_INPUT,
			    "its data has %zu values, %zu are asked for by %s, shape %s",
			    typed->values, want, dtype_name(t->dtype),
			    shape_format(&t->shape, text));
	return OK;
}

enum status payload_check(const struct onnx_file *file, const Onnx__TensorProto *tensor,
			  struct error *err)
{
	struct tensor t;
	struct wire_field raw;
	struct typed typed;
	size_t size;
	TRY(payload_type(file, tensor, &t, &size, err));
	enum status status;
	if (find_raw(file, tensor, &raw)) {
		status = check_raw(&t, &raw, size, err);
	} else {
		status = survey(tensor_chunks(file, tensor, payload_field(t.dtype)), &typed, err);
		if (status == OK)
			status = check_typed(&t, &typed, size, err);
	}
	return status == OK ? OK : payload_error(file, tensor, err);
}

/* Values in several chunks, or strings, or varints: into memory of their own. */
static void decode(struct chunks chunks, enum dtype dtype, void *out)
{
	const uint8_t *data = chunks.file->map.data;
	struct wire_field f;
	size_t n = 0;
	while (chunks_next(&chunks, &f)) {
		if (dtype == DT_STRING) {
			((struct string *)out)[n++] = (struct string){ (const char *)data + f.value,
								       f.end - f.value };
		} else if (chunks.field.type != WIRE_VARINT) {
			memcpy((uint8_t *)out + n, data + f.value, f.end - f.value);
			n += f.end - f.value;
		} else {
			uint64_t v;
			while (f.value < f.end && wire_varint(data, &f.value, f.end, &v))
				payload_set_unit(dtype, out, n++, v);
		}
	}
}

/* Stored bytes as elements; a BOOL that holds more than 0 and 1 is copied. */
static const void *view(const struct tensor *t, const uint8_t *data, size_t size,
			struct arena *arena)
{
	bool plain = true;
	for (size_t i = 0; t->dtype == DT_BOOL && i < size && plain; i++)
		plain = data[i] <= 1;
	if (plain)
		return size ? data : arena_alloc(arena, 1);
	uint8_t *copy = arena_alloc(arena, size);
	for (size_t i = 0; i < size; i++)
		copy[i] = data[i] != 0;
	return copy;
}

static enum status elements(const struct onnx_file *file, const Onnx__TensorProto *tensor,
			    const struct tensor *t, size_t size, struct arena *arena,
			    const void **out, struct error *err)
{
	struct chunks chunks = tensor_chunks(file, tensor, payload_field(t->dtype));
	struct wire_field raw;
	struct typed typed;
	if (find_raw(file, tensor, &raw)) {
		TRY(check_raw(t, &raw, size, err));
		*out = view(t, file->map.data + raw.value, size, arena);
		return OK;
	}
	TRY(survey(chunks, &typed, err));
	TRY(check_typed(t, &typed, size, err));
	if (typed.chunks == 1 && chunks.field.type != WIRE_VARINT && t->dtype != DT_STRING) {
		*out = file->map.data + typed.first.value;
		return OK;
	}
	void *copy = arena_alloc(arena, size);
	decode(chunks, t->dtype, copy);
	*out = copy;
	return OK;
}

enum status onnx_file_tensor(struct onnx_file *file, const Onnx__TensorProto *tensor,
			     struct arena *arena, struct tensor *out, struct error *err)
{
	struct tensor t;
	size_t size;
	const void *data = NULL;
	TRY(payload_type(file, tensor, &t, &size, err));
	if (payload_is_external(tensor)) {
		struct external_region r;
		if (t.dtype == DT_STRING) {
			fail(err, ERR_INPUT, "strings can't be external data");
			return payload_error(file, tensor, err);
		}
		TRY(external_find(file, tensor, size, &r, err));
		data = view(&t, file->externals.v[r.file].map.data + r.offset, size, arena);
	} else if (elements(file, tensor, &t, size, arena, &data, err) != OK) {
		return payload_error(file, tensor, err);
	}
	t.data = (void *)data;
	*out = t;
	return OK;
}

const char *onnx_file_form(const struct onnx_file *file, const Onnx__TensorProto *tensor)
{
	static const char *const fields[] = {
		[4] = "float_data", [5] = "int32_data",   [6] = "string_data",
		[7] = "int64_data", [10] = "double_data", [11] = "uint64_data",
	};
	struct wire_field raw;
	if (payload_is_external(tensor))
		return "external data";
	return find_raw(file, tensor, &raw)
		       ? "raw_data"
		       : fields[payload_field((enum dtype)tensor->data_type).number];
}
