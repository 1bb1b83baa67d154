/*
 * file.c - opening and closing ONNX files (see file.h). The walk is in skeleton.c, tensors are in
 * payload.c and external.c.
 */
#include "onnx/file.h"

#include "onnx/skeleton.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where protobuf-c keeps a field of a message. */
#define MEMBER(message, offset, type) (*(type *)((char *)(message) + (offset)))

/* Lists all tensors below a message; its depth was limited by the walk. */
static void collect_tensors(struct onnx_file *file, ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	if (type == &onnx__tensor_proto__descriptor)
		*array_push(&file->tensors) = (Onnx__TensorProto *)message;
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		if (f->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			size_t n = MEMBER(message, f->quantifier_offset, size_t);
			ProtobufCMessage **list = MEMBER(message, f->offset, ProtobufCMessage **);
			for (size_t k = 0; k < n; k++)
				collect_tensors(file, list[k]);
			continue;
		}
		/* The case of a oneof is the number of the field that is set. */
		bool absent = f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
			      MEMBER(message, f->quantifier_offset, uint32_t) != f->id;
		ProtobufCMessage *child = absent ? NULL
						 : MEMBER(message, f->offset, ProtobufCMessage *);
		if (child)
			collect_tensors(file, child);
	}
}

static enum status read_structure(struct onnx_file *file, const ProtobufCMessageDescriptor *type,
				  struct error *err)
{
	TRY(skeleton_read(file, type, err));
	collect_tensors(file, file->root);
	if (type == &onnx__model_proto__descriptor)
		file->model = (Onnx__ModelProto *)file->root;
	return OK;
}

static enum status open_as(const char *path, const ProtobufCMessageDescriptor *type,
			   struct onnx_file *out, struct error *err)
{
	struct onnx_file file = { .folder = -1 };
	TRY(file_map(path, &file.map, err));
	file.path = mem_strdup(path);
	char *copy = mem_strdup(path);
	file.folder = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	enum status status = read_structure(&file, type, err);
	if (status == OK)
		*out = file;
	else
		onnx_file_close(&file);
	return status;
}

enum status onnx_file_open(const char *path, struct onnx_file *out, struct error *err)
{
	return open_as(path, &onnx__model_proto__descriptor, out, err);
}

enum status onnx_file_open_tensor(const char *path, struct onnx_file *out, struct error *err)
{
	return open_as(path, &onnx__tensor_proto__descriptor, out, err);
}

enum status onnx_file_open_memory(const void *data, size_t size, struct onnx_file *out,
				  struct error *err)
{
	struct onnx_file file = {
		.folder = -1,
		.in_memory = true,
		.map = { data, size },
		.path = mem_strdup("(memory)"),
	};
	enum status status = read_structure(&file, &onnx__model_proto__descriptor, err);
	if (status == OK)
		*out = file;
	else
		onnx_file_close(&file);
	return status;
}

enum status onnx_file_open_edited(const struct onnx_file *original, void *data, size_t size,
				  struct onnx_file *out, struct error *err)
{
	struct onnx_file file = {
		.folder = original->folder < 0 ? -1 : fcntl(original->folder, F_DUPFD_CLOEXEC, 0),
		.in_memory = true,
		.owned = data,
		.map = { data, size },
		.path = mem_strdup(original->path),
	};
	enum status status = read_structure(&file, &onnx__model_proto__descriptor, err);
	if (status == OK)
		*out = file;
	else
		onnx_file_close(&file);
	return status;
}

static bool lies_in(const struct file_map *map, const struct tensor *t)
{
	uintptr_t start = (uintptr_t)map->data, at = (uintptr_t)t->data;
	return map->size && at >= start && at - start < map->size;
}

void onnx_file_forget(const struct onnx_file *file, const struct tensor *t)
{
	bool mapped = !file->in_memory && lies_in(&file->map, t);
	for (uint32_t i = 0; i < file->externals.n && !mapped; i++)
		mapped = lies_in(&file->externals.v[i].map, t);
	if (mapped)
		file_map_forget(t->data, tensor_bytes(t));
}

void onnx_file_close(struct onnx_file *file)
{
	if (file->root)
		protobuf_c_message_free_unpacked(file->root, NULL);
	for (uint32_t i = 0; i < file->externals.n; i++) {
		free(file->externals.v[i].location);
		free(file->externals.v[i].path);
		file_unmap(&file->externals.v[i].map);
	}
	array_release(&file->externals);
	array_release(&file->tensors);
	array_release(&file->spans);
	if (file->folder >= 0)
		close(file->folder);
	if (!file->in_memory)
		file_unmap(&file->map);
	free(file->owned);
	free(file->path);
	*file = (struct onnx_file){ .folder = -1 };
}
