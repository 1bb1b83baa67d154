/*
 * safetensors.h - files of named tensors: a JSON header with types, shapes and places, then the
 * elements.
 *
 *	8 bytes   size of the header, little endian
 *	header    {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...,
 *	           "__metadata__": {"KEY": "TEXT", ...}}
 *	elements  row-major, little endian; offsets count from here
 *
 * Source: github.com/huggingface/safetensors, "Format".
 */
#ifndef ONNXTUNE_DATA_SAFETENSORS_H
#define ONNXTUNE_DATA_SAFETENSORS_H

#include "data/npy.h"

/* The header's largest size, as the format's own readers have it. */
#define SAFETENSORS_HEADER_MAX 100000000

struct safetensors_text {
	const char *key, *text;
};

struct safetensors {
	struct named_tensor *v; /* in the order of the header; unaligned, in the mapped file */
	uint32_t n;
	struct safetensors_text *metadata;
	uint32_t n_metadata;
	struct file_map map; /* private */
	struct arena arena;  /* private */
};

/* Reads a file. ERR_INPUT with the path for anything that is none, ERR_IO. */
enum status MUST_CHECK safetensors_read(const char *path, struct safetensors *out,
					struct error *err);

/* The same from memory, which must outlive `out`; errors do not name it. */
enum status MUST_CHECK safetensors_parse(const uint8_t *data, size_t size, struct safetensors *out,
					 struct error *err);
void safetensors_release(struct safetensors *file);

/* The text of a key of the metadata, or NULL. */
const char *safetensors_metadata(const struct safetensors *file, const char *key);

/* Writes a file, at once or not at all (base/file.h). */
enum status MUST_CHECK safetensors_write(const char *path, const struct named_tensor *v, uint32_t n,
					 const struct safetensors_text *metadata,
					 uint32_t n_metadata, struct error *err);

#endif
