/*
 * skeleton.c - the wire walk (see skeleton.h). It follows protobuf-c's own descriptors, so every
 * message type is walked, and writes each known field again in canonical form: protobuf-c only
 * sees well-formed input of bounded depth and cost.
 *
 * 1. Each field is bounds-checked. Unknown fields, and known ones of a wrong wire type, are left
 *    out: saving splices the original bytes, so nothing is lost.
 * 2. Payloads of tensors are left out; a tensor is found again by the index of its span, written
 *    as the field onnxtune_site. Protobuf's own rules then merge the sites of a message that a
 *    file repeats. The field is not taken from the file, so it can't be forged.
 * 3. Runs of unpacked numbers are packed, which spares protobuf-c ten times their size.
 * 4. What protobuf-c will allocate is added up and limited.
 */
#include "onnx/skeleton.h"

#include "onnx/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 100          /* messages within messages, as other readers have it */
#define COST_MAX (1024u << 20) /* bytes that protobuf-c may allocate */
#define COST_FIELD 80          /* its bookkeeping for a field, 40 bytes in a doubling array */
#define COST_ALLOCATION 32     /* what malloc adds */
#define REPEATS_MAX 100        /* singular messages that occur again: merging copies all before */
#define LENGTH_WIDTH 5         /* bytes kept for a length that is known only afterwards */
#define SITE 536870911         /* onnxtune_site */

struct walk {
	struct onnx_file *file;
	uint8_t *out; /* the skeleton */
	size_t n, cap;
	size_t run;          /* offset of the open run's length, 0: none */
	uint32_t run_number; /* its field */
	uint64_t cost;
	uint32_t repeats;
	struct error *err;
};

bool skeleton_is_payload(uint32_t number)
{
	return number == 4 || number == 5 || number == 6 || number == 7 || number == 9 ||
	       number == 10 || number == 11;
}

static enum status malformed(struct walk *walk, size_t pos, const char *problem)
{
	return fail(walk->err, ERR_INPUT, "%s: not an ONNX file, or a damaged one: %s (byte %zu)",
		    walk->file->path, problem, pos);
}

static enum status spend(struct walk *walk, uint64_t bytes)
{
	walk->cost += bytes; /* no overflow: each addition is bounded by a small factor of a size */
	if (walk->cost > COST_MAX)
		return fail(walk->err, ERR_INPUT,
			    "%s: its structure, without weights, would take over %u MiB of memory",
			    walk->file->path, COST_MAX >> 20);
	return OK;
}

static void put(struct walk *walk, const void *p, size_t n)
{
	if (walk->cap - walk->n < n) {
		walk->cap = (walk->n + n) * 2 + 4096;
		walk->out = mem_realloc(walk->out, walk->cap);
	}
	if (n)
		memcpy(walk->out + walk->n, p, n);
	walk->n += n;
}

static void put_varint(struct walk *walk, uint64_t value)
{
	uint8_t b[WIRE_VARINT_MAX];
	put(walk, b, wire_put_varint(b, value, 1));
}

static void put_tag(struct walk *walk, uint32_t number, enum wire_type type)
{
	put_varint(walk, (uint64_t)number << 3 | type);
}

/* Begins a field whose length is not known yet; the offset for end_length. */
static size_t begin_length(struct walk *walk, uint32_t number)
{
	static const uint8_t none[LENGTH_WIDTH];
	put_tag(walk, number, WIRE_BYTES);
	put(walk, none, sizeof none);
	return walk->n - LENGTH_WIDTH;
}

static void end_length(struct walk *walk, size_t at)
{
	uint8_t b[WIRE_VARINT_MAX];
	wire_put_varint(b, walk->n - at - LENGTH_WIDTH, LENGTH_WIDTH);
	memcpy(walk->out + at, b, LENGTH_WIDTH);
}

static void end_run(struct walk *walk)
{
	if (walk->run)
		end_length(walk, walk->run);
	walk->run = 0;
}

/* How values of a type are encoded one by one. */
static enum wire_type encoding(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return WIRE_FIXED32;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return WIRE_FIXED64;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return WIRE_BYTES;
	default:
		return WIRE_VARINT;
	}
}

/* One number. Repeated ones that follow each other become one packed field. */
static enum status put_number(struct walk *walk, const ProtobufCFieldDescriptor *known,
			      const struct wire_field *f)
{
	if (known->label != PROTOBUF_C_LABEL_REPEATED) {
		TRY(spend(walk, COST_FIELD));
		put_tag(walk, f->number, f->type);
	} else if (!walk->run) {
		TRY(spend(walk, COST_FIELD + COST_ALLOCATION));
		walk->run = begin_length(walk, f->number);
		walk->run_number = f->number;
	}
	if (f->type == WIRE_VARINT)
		put_varint(walk, f->varint);
	else
		put(walk, walk->file->map.data + f->value, f->end - f->value);
	return spend(walk, 8);
}

/* A packed field, copied when its values are whole. */
static enum status put_packed(struct walk *walk, enum wire_type values, const struct wire_field *f)
{
	const uint8_t *data = walk->file->map.data;
	size_t size = f->end - f->value, pos = f->value;
	uint64_t ignored;
	if (values != WIRE_VARINT && size % (values == WIRE_FIXED32 ? 4 : 8))
		return malformed(walk, f->start, "a list of numbers ends within one");
	while (values == WIRE_VARINT && pos < f->end)
		if (!wire_varint(data, &pos, f->end, &ignored))
			return malformed(walk, pos, "a number is cut off or too long");
	TRY(spend(walk, COST_FIELD + COST_ALLOCATION + (values == WIRE_VARINT ? 8 : 2) * size));
	put_tag(walk, f->number, WIRE_BYTES);
	put_varint(walk, size);
	put(walk, data + f->value, size);
	return OK;
}

static enum status walk_message(struct walk *walk, const ProtobufCMessageDescriptor *type,
				size_t begin, size_t end, uint32_t span, unsigned depth);

static enum status walk_child(struct walk *walk, const ProtobufCMessageDescriptor *type,
			      const struct wire_field *f, uint32_t parent, unsigned depth)
{
	struct onnx_file *file = walk->file;
	bool site = type == &onnx__tensor_proto__descriptor ||
		    type == &onnx__attribute_proto__descriptor;
	TRY(spend(walk, COST_FIELD + COST_ALLOCATION + 8 + type->sizeof_message));
	uint32_t span = file->spans.n;
	*array_push(&file->spans) = (struct onnx_span){
		.body = f->value,
		.size = f->end - f->value,
		.parent = parent,
		.prefix = (uint8_t)(f->value - f->length),
	};
	size_t at = begin_length(walk, f->number);
	if (site) {
		put_tag(walk, SITE, WIRE_VARINT);
		put_varint(walk, span);
	}
	TRY(walk_message(walk, type, f->value, f->end, span, depth));
	end_length(walk, at);
	/* Only tensors, attributes and what they lie in are ever looked up. */
	if (!site && file->spans.n == span + 1)
		file->spans.n--;
	return OK;
}

static enum status walk_message(struct walk *walk, const ProtobufCMessageDescriptor *type,
				size_t begin, size_t end, uint32_t span, unsigned depth)
{
	struct wire wire = { .data = walk->file->map.data, .pos = begin, .end = end };
	struct wire_field f;
	uint64_t seen = 0; /* singular messages, by index in the descriptor */
	assert(type->n_fields <= 64);
	if (depth > DEPTH_MAX)
		return malformed(walk, begin, "messages are nested over 100 deep");
	while (wire_next(&wire, &f)) {
		const ProtobufCFieldDescriptor *known = protobuf_c_message_descriptor_get_field(
			type, f.number);
		if (!known || f.number == SITE)
			continue;
		if (type == &onnx__tensor_proto__descriptor && skeleton_is_payload(f.number))
			continue;
		enum wire_type values = encoding(known->type);
		bool repeated = known->label == PROTOBUF_C_LABEL_REPEATED;
		bool packed = repeated && values != WIRE_BYTES && f.type == WIRE_BYTES;
		if (f.type != values && !packed)
			continue;
		if (walk->run && (f.number != walk->run_number || packed))
			end_run(walk);
		if (packed) {
			TRY(put_packed(walk, values, &f));
		} else if (values != WIRE_BYTES) {
			TRY(put_number(walk, known, &f));
		} else if (known->type == PROTOBUF_C_TYPE_MESSAGE) {
			uint64_t bit = UINT64_C(1) << (known - type->fields);
			if (!repeated && seen & bit && ++walk->repeats > REPEATS_MAX)
				return malformed(walk, f.start,
						 "too many repetitions of one field");
			seen |= bit;
			TRY(walk_child(walk, known->descriptor, &f, span, depth + 1));
		} else {
			TRY(spend(walk, COST_FIELD + COST_ALLOCATION + 17 + f.end - f.value));
			put_tag(walk, f.number, WIRE_BYTES);
			put_varint(walk, f.end - f.value);
			put(walk, walk->file->map.data + f.value, f.end - f.value);
		}
	}
	end_run(walk);
	return wire.problem ? malformed(walk, wire.pos, wire.problem) : OK;
}

enum status skeleton_read(struct onnx_file *file, const ProtobufCMessageDescriptor *type,
			  struct error *err)
{
	struct walk walk = { .file = file, .err = err };
	enum status status = OK;
	*array_push(&file->spans) = (struct onnx_span){ .size = file->map.size };
	if (!file->map.size)
		TRY_GOTO(fail(err, ERR_INPUT, "%s: is empty", file->path), out);
	if (type == &onnx__tensor_proto__descriptor) {
		put_tag(&walk, SITE, WIRE_VARINT);
		put_varint(&walk, 0);
	}
	TRY_GOTO(walk_message(&walk, type, 0, file->map.size, 0, 1), out);
	file->root = protobuf_c_message_unpack(type, NULL, walk.n, walk.out);
	if (!file->root)
		status = fail(err, ERR_MEMORY, "%s: no memory for its structure", file->path);
out:
	free(walk.out);
	return status;
}
