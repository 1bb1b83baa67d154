/*
 * edit.c - edits of a model's bytes (see edit.h).
 *
 * 1. A walk over the messages that hold what is edited. Each edit is a patch: bytes of the file that
 *    others replace. A message in which something changed gets a patch for its length prefix.
 * 2. The patches in the order of the file, and the bytes between them, are the output.
 */
#include "onnx/edit.h"

#include "base/text.h"
#include "onnx/payload.h"
#include "onnx/skeleton.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers of the schema that are not in payload.h. */
enum {
	MODEL_GRAPH = 7,
	MODEL_METADATA = 14,
	GRAPH_NODE = 1,
	GRAPH_INITIALIZER = 5,
	GRAPH_INPUT = 11,
	GRAPH_OUTPUT = 12,
	GRAPH_VALUE_INFO = 13,
	NODE_INPUT = 1,
	NODE_OUTPUT = 2,
	NODE_ATTRIBUTE = 5,
	ATTRIBUTE_T = 5,
	VALUE_NAME = 1,
	VALUE_TYPE = 2,
	TYPE_TENSOR = 1,
	TENSOR_TYPE_SHAPE = 2,
	SHAPE_DIM = 1,
	DIM_VALUE = 1,
	TENSOR_DIMS = 1,
	TENSOR_SEGMENT = 3,
	TENSOR_DATA_LOCATION = 14,
	ENTRY_KEY = 1,
	ENTRY_VALUE = 2,
};

/* [at, at + n) of the file is replaced. */
struct patch {
	size_t at, n;
	uint32_t order; /* in which they were made: that of insertions at one place */
	struct text bytes;
};

struct editor {
	const struct onnx_file *file;
	const struct onnx_edits *edits;
	ARRAY(struct patch) patches;
	uint32_t graphs;
	size_t inputs; /* edits that were made */
	bool metadata_set;
};

/* ---- fields, written ---- */

static void put_varint(struct text *out, uint64_t value, size_t width)
{
	uint8_t b[WIRE_VARINT_MAX];
	text_add_bytes(out, (const char *)b, wire_put_varint(b, value, (unsigned)width));
}

static void put_tag(struct text *out, uint32_t number, enum wire_type type)
{
	put_varint(out, (uint64_t)number << 3 | type, 1);
}

static void put_bytes(struct text *out, uint32_t number, const void *data, size_t n)
{
	put_tag(out, number, WIRE_BYTES);
	put_varint(out, n, 1);
	text_add_bytes(out, data, n);
}

/* A message of protobuf-c without tag and length. */
static void put_message(struct text *out, const ProtobufCMessage *message)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *packed = mem_alloc(n);
	protobuf_c_message_pack(message, packed);
	text_add_bytes(out, (const char *)packed, n);
	free(packed);
}

/* ---- patches ---- */

/* Takes over the bytes; returns by how much the file grows. */
static int64_t add_patch(struct editor *e, size_t at, size_t n, struct text *bytes)
{
	int64_t growth = (int64_t)bytes->n - (int64_t)n;
	struct patch *patch = array_push(&e->patches);
	*patch = (struct patch){ at, n, e->patches.n, *bytes };
	*bytes = (struct text){ 0 };
	return growth;
}

/* The length of a field whose content grew; returns by how much the field did. */
static int64_t grow_field(struct editor *e, const struct wire_field *f, int64_t growth)
{
	size_t width = f->value - f->length;
	struct text length = { 0 };
	if (!growth)
		return 0;
	put_varint(&length, (uint64_t)((int64_t)(f->end - f->value) + growth), width);
	return growth + add_patch(e, f->length, width, &length);
}

static struct wire walk_of(const struct editor *e, const struct wire_field *f)
{
	return (struct wire){ .data = e->file->map.data, .pos = f->value, .end = f->end };
}

static bool is_message(const struct wire_field *f, uint32_t number)
{
	return f->number == number && f->type == WIRE_BYTES;
}

/* True when the last field of that number in a message holds the text. */
static bool holds_text(const struct editor *e, const struct wire_field *message, uint32_t number,
		       const char *text)
{
	struct wire wire = walk_of(e, message);
	struct wire_field f;
	bool holds = false;
	while (wire_next(&wire, &f))
		if (is_message(&f, number))
			holds = f.end - f.value == strlen(text) &&
				!memcmp(e->file->map.data + f.value, text, f.end - f.value);
	return holds;
}

/* ---- tensors ---- */

/* What tells neither shape nor elements stays. */
static bool is_kept(uint32_t number)
{
	return number != TENSOR_DIMS && number != TENSOR_SEGMENT &&
	       number != TENSOR_EXTERNAL_DATA && number != TENSOR_DATA_LOCATION &&
	       !skeleton_is_payload(number);
}

/* Where the tensor or attribute of an edit lies, in *n pieces. */
static const uint32_t *sites_of(const struct onnx_tensor_edit *edit, size_t *n)
{
	*n = edit->tensor ? edit->tensor->n_onnxtune_site : edit->attribute->n_onnxtune_site;
	return edit->tensor ? edit->tensor->onnxtune_site : edit->attribute->onnxtune_site;
}

/* The edit of a message, or NULL. */
static const struct onnx_tensor_edit *find_edit(const struct editor *e,
						const struct wire_field *message)
{
	for (size_t i = 0; i < e->edits->n_tensors; i++) {
		size_t n;
		const uint32_t *sites = sites_of(&e->edits->tensors[i], &n);
		if (e->file->spans.v[sites[0]].body == message->value)
			return &e->edits->tensors[i];
	}
	return NULL;
}

static int64_t edit_tensor(struct editor *e, const struct wire_field *message)
{
	const struct onnx_tensor_edit *edit = find_edit(e, message);
	struct text bytes = { 0 };
	struct wire_field f;
	if (!edit)
		return 0;
	for (int i = 0; i < edit->to.shape.rank; i++) {
		put_tag(&bytes, TENSOR_DIMS, WIRE_VARINT);
		put_varint(&bytes, (uint64_t)edit->to.shape.dim[i], 1);
	}
	for (struct wire wire = walk_of(e, message); wire_next(&wire, &f);)
		if (is_kept(f.number))
			text_add_bytes(&bytes, (const char *)e->file->map.data + f.start,
				       f.end - f.start);
	put_bytes(&bytes, TENSOR_RAW_DATA, edit->to.data, tensor_bytes(&edit->to));
	int64_t growth = add_patch(e, message->value, message->end - message->value, &bytes);
	return grow_field(e, message, growth);
}

/* The floats, one field for each as onnx writes them, in the place of the old ones. */
static int64_t edit_attribute(struct editor *e, const struct wire_field *message)
{
	const struct onnx_tensor_edit *edit = find_edit(e, message);
	struct text bytes = { 0 };
	struct wire_field f;
	bool written = false;
	if (!edit)
		return 0;
	for (struct wire wire = walk_of(e, message); wire_next(&wire, &f);) {
		if (f.number != ATTRIBUTE_FLOATS) {
			text_add_bytes(&bytes, (const char *)e->file->map.data + f.start,
				       f.end - f.start);
			continue;
		}
		for (int64_t i = 0; i < edit->to.shape.dim[0] && !written; i++) {
			put_tag(&bytes, ATTRIBUTE_FLOATS, WIRE_FIXED32);
			text_add_bytes(&bytes, (const char *)edit->to.data + 4 * i, 4);
		}
		written = true;
	}
	int64_t growth = add_patch(e, message->value, message->end - message->value, &bytes);
	return grow_field(e, message, growth);
}

/* ---- the messages on the way to what is edited ---- */

/* The number of an axis; one that has a name or nothing stays. */
static int64_t edit_dim(struct editor *e, const struct wire_field *message, int64_t dim)
{
	struct wire wire = walk_of(e, message);
	struct wire_field f;
	struct text bytes = { 0 };
	int64_t growth = 0;
	while (wire_next(&wire, &f)) {
		if (f.number != DIM_VALUE || f.type != WIRE_VARINT)
			continue;
		put_varint(&bytes, (uint64_t)dim, 1);
		growth += add_patch(e, f.length, f.end - f.length, &bytes);
	}
	return grow_field(e, message, growth);
}

static int64_t edit_shape(struct editor *e, const struct wire_field *message,
			  const struct onnx_axis_edit *edit)
{
	struct wire wire = walk_of(e, message);
	struct wire_field f;
	int64_t growth = 0;
	int axis = 0;
	while (wire_next(&wire, &f))
		if (is_message(&f, SHAPE_DIM) && axis++ == edit->axis)
			growth += edit_dim(e, &f, edit->dim);
	return grow_field(e, message, growth);
}

/* Type, tensor type, shape: a message in a message. */
static int64_t edit_type(struct editor *e, const struct wire_field *message, unsigned depth,
			 const struct onnx_axis_edit *edit)
{
	static const uint32_t numbers[] = { VALUE_TYPE, TYPE_TENSOR, TENSOR_TYPE_SHAPE };
	struct wire wire = walk_of(e, message);
	struct wire_field f;
	int64_t growth = 0;
	while (wire_next(&wire, &f)) {
		if (!is_message(&f, numbers[depth]))
			continue;
		growth += depth + 1 < ARRAY_SIZE(numbers) ? edit_type(e, &f, depth + 1, edit)
							  : edit_shape(e, &f, edit);
	}
	return grow_field(e, message, growth);
}

static int64_t edit_value(struct editor *e, const struct wire_field *message)
{
	for (size_t i = 0; i < e->edits->n_axes; i++)
		if (holds_text(e, message, VALUE_NAME, e->edits->axes[i].value))
			return edit_type(e, message, 0, &e->edits->axes[i]);
	return 0;
}

static int64_t edit_input(struct editor *e, const struct wire_field *node,
			  const struct onnx_input_edit *edit)
{
	struct wire wire = walk_of(e, node);
	struct wire_field f;
	int64_t growth = 0;
	uint32_t k = 0;
	while (wire_next(&wire, &f)) {
		struct text bytes = { 0 };
		if (!is_message(&f, NODE_INPUT) || k++ != edit->input)
			continue;
		put_bytes(&bytes, NODE_INPUT, edit->name, strlen(edit->name));
		growth += add_patch(e, f.start, f.end - f.start, &bytes);
		e->inputs++;
	}
	return growth;
}

/* A node's inputs, and the tensors of its attributes. */
static int64_t edit_node(struct editor *e, const struct wire_field *message)
{
	struct wire wire = walk_of(e, message), inner;
	struct wire_field f, t;
	int64_t growth = 0;
	while (wire_next(&wire, &f)) {
		int64_t tensors = 0;
		if (!is_message(&f, NODE_ATTRIBUTE))
			continue;
		growth += edit_attribute(e, &f);
		for (inner = walk_of(e, &f); wire_next(&inner, &t);)
			if (is_message(&t, ATTRIBUTE_T))
				tensors += edit_tensor(e, &t);
		growth += grow_field(e, &f, tensors);
	}
	for (size_t i = 0; i < e->edits->n_inputs; i++)
		if (holds_text(e, message, NODE_OUTPUT, e->edits->inputs[i].output))
			growth += edit_input(e, message, &e->edits->inputs[i]);
	return grow_field(e, message, growth);
}

static int64_t insert_graph(struct editor *e, size_t at, const Onnx__GraphProto *graph)
{
	struct text bytes = { 0 };
	if (!graph)
		return 0;
	put_message(&bytes, &graph->base);
	return add_patch(e, at, 0, &bytes);
}

static int64_t edit_graph(struct editor *e, const struct wire_field *message)
{
	struct wire wire = walk_of(e, message);
	struct wire_field f;
	int64_t growth = insert_graph(e, message->value, e->edits->front);
	e->graphs++;
	while (wire_next(&wire, &f)) {
		if (f.type != WIRE_BYTES)
			continue;
		if (f.number == GRAPH_INITIALIZER)
			growth += edit_tensor(e, &f);
		else if (f.number == GRAPH_NODE)
			growth += edit_node(e, &f);
		else if (f.number == GRAPH_INPUT || f.number == GRAPH_OUTPUT ||
			 f.number == GRAPH_VALUE_INFO)
			growth += edit_value(e, &f);
	}
	growth += insert_graph(e, message->end, e->edits->back);
	return grow_field(e, message, growth);
}

static void put_entry(const struct editor *e, struct text *out)
{
	put_bytes(out, ENTRY_KEY, e->edits->key, strlen(e->edits->key));
	put_bytes(out, ENTRY_VALUE, e->edits->value, strlen(e->edits->value));
}

static int64_t edit_entry(struct editor *e, const struct wire_field *message)
{
	struct text bytes = { 0 };
	if (!e->edits->key || !holds_text(e, message, ENTRY_KEY, e->edits->key))
		return 0;
	e->metadata_set = true;
	put_entry(e, &bytes);
	int64_t growth = add_patch(e, message->value, message->end - message->value, &bytes);
	return grow_field(e, message, growth);
}

static int64_t edit_model(struct editor *e)
{
	const struct file_map *map = &e->file->map;
	struct wire wire = { .data = map->data, .end = map->size };
	struct wire_field f;
	int64_t growth = 0;
	while (wire_next(&wire, &f)) {
		if (is_message(&f, MODEL_GRAPH))
			growth += edit_graph(e, &f);
		else if (is_message(&f, MODEL_METADATA))
			growth += edit_entry(e, &f);
	}
	if (e->edits->key && !e->metadata_set) {
		struct text entry = { 0 }, field = { 0 };
		put_entry(e, &entry);
		put_bytes(&field, MODEL_METADATA, entry.s, entry.n);
		text_release(&entry);
		growth += add_patch(e, map->size, 0, &field);
	}
	return growth;
}

/* ---- the output ---- */

static int compare_patches(const void *a, const void *b)
{
	const struct patch *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void write_patched(const struct editor *e, uint8_t *out)
{
	const uint8_t *data = e->file->map.data;
	size_t pos = 0, n = 0;
	for (uint32_t i = 0; i < e->patches.n; i++) {
		const struct patch *patch = &e->patches.v[i];
		memcpy(out + n, data + pos, patch->at - pos);
		n += patch->at - pos;
		memcpy(out + n, patch->bytes.s, patch->bytes.n);
		n += patch->bytes.n;
		pos = patch->at + patch->n;
	}
	memcpy(out + n, data + pos, e->file->map.size - pos);
}

enum status onnx_edit(const struct onnx_file *file, const struct onnx_edits *edits, void **data,
		      size_t *size, struct error *err)
{
	struct editor e = { .file = file, .edits = edits };
	enum status status = OK;
	void *bytes;
	for (size_t i = 0; i < edits->n_tensors; i++) {
		size_t pieces;
		sites_of(&edits->tensors[i], &pieces);
		if (pieces != 1)
			return fail(err, ERR_UNSUPPORTED, "a tensor is stored in several pieces");
	}
	size_t n = file->map.size + (size_t)edit_model(&e);
	if (e.graphs != 1)
		TRY_GOTO(fail(err, ERR_UNSUPPORTED, "the graph is stored in several pieces"), out);
	if (e.inputs != edits->n_inputs)
		TRY_GOTO(fail(err, ERR_UNSUPPORTED, "a node is stored in a function"), out);
	if (e.patches.n)
		qsort(e.patches.v, e.patches.n, sizeof *e.patches.v, compare_patches);
	TRY_GOTO(mem_try_alloc(n, &bytes, err), out);
	write_patched(&e, bytes);
	*data = bytes;
	*size = n;
out:
	for (uint32_t i = 0; i < e.patches.n; i++)
		text_release(&e.patches.v[i].bytes);
	array_release(&e.patches);
	return status;
}
