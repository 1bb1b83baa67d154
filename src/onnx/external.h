/*
 * external.h - private to src/onnx: tensors whose elements are in another file.
 *
 * The file must be a plain one in the model's folder or below: no absolute path, no "..", no
 * symbolic link on the way, no second hard link.
 */
#ifndef ONNXTUNE_ONNX_EXTERNAL_H
#define ONNXTUNE_ONNX_EXTERNAL_H

#include "onnx/payload.h"

/* An entry of external_data, in file->map: key and value are not terminated, NULL when absent. */
struct external_entry {
	const char *key, *value;
	size_t key_size, value_size;
	struct wire_field value_field;
};

/* The entry that lies at the field's [value, end). */
struct external_entry external_entry(const struct onnx_file *file, const struct wire_field *field);
bool external_key_is(const struct external_entry *entry, const char *key);

struct external_region {
	uint32_t file; /* index in onnx_file.externals */
	uint64_t offset, size;
	bool checksum; /* the model holds a digest of the data file */
};

/* Checks and opens where the elements of an external tensor, `size` bytes, are. */
enum status MUST_CHECK external_find(struct onnx_file *file, const Onnx__TensorProto *tensor,
				     size_t size, struct external_region *out, struct error *err);

#endif
