/*
 * file.h - an ONNX file, opened: its structure through protobuf-c, its tensors where they lie.
 *
 * The file is mapped, not read. A wire walk checks it (nesting, sizes, memory) and gives protobuf-c
 * a copy without payloads, so opening costs memory for the structure only and files over 2 GiB
 * work. What a field means (operators, types, graphs) is not looked at here.
 *
 * Not for several threads at once: external data is opened when first asked for.
 */
#ifndef ONNXTUNE_ONNX_FILE_H
#define ONNXTUNE_ONNX_FILE_H

#include "base/file.h"
#include "graph/tensor.h"
#include "proto/onnx.pb-c.h"

/* Private: where in the file a message lies, and the message around it. */
struct onnx_span {
	size_t body, size; /* without tag and length prefix */
	uint32_t parent;   /* index of the span around it, itself for the first */
	uint8_t prefix;    /* bytes of the length prefix, which ends at body */
};

/* Private: a file with external data. */
struct onnx_external {
	char *location; /* as in the model, without "." and empty parts */
	char *path;
	struct file_map map;
};

struct onnx_file {
	/*
	 * The model without payloads: float_data, int32_data, string_data, int64_data, raw_data,
	 * double_data and uint64_data of every TensorProto are empty; onnx_file_tensor reads them.
	 * All else is as protobuf-c reads it: repeated singular fields are merged, strings end at
	 * their first NUL, unknown fields are left out. Read-only.
	 */
	Onnx__ModelProto *model;

	/* Every TensorProto of the model: initializers, attributes, sparse parts, in functions and
	 * subgraphs too. */
	ARRAY(Onnx__TensorProto *) tensors;

	/* Private. */
	char *path;
	int folder;     /* descriptor of the model's folder, -1: no external data */
	bool in_memory; /* map is no mapped file: opened by onnx_file_open_memory or _edited */
	void *owned;    /* freed with the file, or NULL */
	struct file_map map;
	ProtobufCMessage *root; /* the model, or a single tensor */
	ARRAY(struct onnx_span) spans;
	ARRAY(struct onnx_external) externals;
};

/*
 * Opens a model. ERR_IO: it can't be read; ERR_INPUT: it is not an ONNX file, or a hostile one
 * (messages nested over 100 deep, a structure that would take over 1 GiB).
 */
enum status MUST_CHECK onnx_file_open(const char *path, struct onnx_file *out, struct error *err);

/*
 * Opens a file that holds a single TensorProto, as ONNX's test data does: model is NULL, the tensor
 * is tensors.v[0].
 */
enum status MUST_CHECK onnx_file_open_tensor(const char *path, struct onnx_file *out,
					     struct error *err);

/* Opens a model in memory, which must outlive `out`; external data is refused. */
enum status MUST_CHECK onnx_file_open_memory(const void *data, size_t size, struct onnx_file *out,
					     struct error *err);

/*
 * Opens edited bytes of an opened model (edit.h), which are taken over, also on failure. Path and
 * folder are those of the model, which need not stay open.
 */
enum status MUST_CHECK onnx_file_open_edited(const struct onnx_file *original, void *data,
					     size_t size, struct onnx_file *out, struct error *err);

void onnx_file_close(struct onnx_file *file);

/*
 * Type, shape and elements of a TensorProto of this file, in whichever form they are stored. The
 * data is read-only and lives as long as file and arena: it lies in the mapped file where the
 * stored bytes are the elements (raw_data, packed float_data and double_data, external data), else
 * it is decoded into the arena. It is never NULL, also for no elements. Tensors that share a
 * region of an external file get the same pointer. A BOOL is 0 or 1 whatever byte is stored.
 *
 * ERR_INPUT: payload and shape do not agree, or the external data is not a plain file in the
 * model's folder or below (no links), or too short. ERR_UNSUPPORTED: more than SHAPE_MAX_RANK
 * dimensions, segments. The text names file and tensor.
 */
enum status MUST_CHECK onnx_file_tensor(struct onnx_file *file, const Onnx__TensorProto *tensor,
					struct arena *arena, struct tensor *out, struct error *err);

/* Lets the system have the memory that the elements take if they lie in a mapped file; they are read
 * again when they are needed. */
void onnx_file_forget(const struct onnx_file *file, const struct tensor *t);

/* How the elements of a TensorProto are stored: "raw_data", "float_data", ..., "external data". */
const char *onnx_file_form(const struct onnx_file *file, const Onnx__TensorProto *tensor);

#endif
