/*
 * save.h - writing an opened model with other elements in some of its tensors.
 *
 * The output is the input's bytes with the changed elements spliced in, each tensor in the form that
 * it has: names, order, unknown fields, odd encodings, everything else stays. Without changes it is
 * the input, byte for byte.
 *
 * A model with external data gets data files of its own, copies of the whole files with the changed
 * elements in place. In another folder than the model's they keep their names; in the model's folder
 * they are named after the output (OUT.data, OUT.data.2, ...) and the model's location strings change.
 * Only when nothing changes at all, an output in the model's folder shares the model's data.
 *
 * Values encoded as varints (int32_data and the like, fp16 too) may change their length: lengths of
 * the messages around them follow, padded to the bytes they had. Unchanged values keep their
 * encoding, changed ones get the shortest.
 */
#ifndef ONNXTUNE_ONNX_SAVE_H
#define ONNXTUNE_ONNX_SAVE_H

#include "onnx/file.h"

/*
 * New elements of a tensor of the file, in its own type and size: row-major, little-endian, sub-byte
 * types packed. Or of an attribute: its `floats`, or `f` where it holds a single float.
 */
struct onnx_change {
	const Onnx__TensorProto *tensor; /* one of these two; the other is NULL */
	const Onnx__AttributeProto *attribute;
	const void *data; /* NULL in onnx_save_check: not known yet */
};

/* The files that a save writes: data files, then the model. */
struct onnx_outputs {
	uint32_t n;
	const char **paths;
};

/*
 * Finds what would make onnx_save fail, before any work is done for it: output paths that can't be
 * written, that are the model's own data, or the model itself when it has external data; changed
 * tensors whose external bytes belong to unchanged ones too, or are covered by a checksum. Fills
 * `out` (in the arena) when it is not NULL. An existing file is no error: see whether one of the
 * outputs exists.
 */
enum status MUST_CHECK onnx_save_check(struct onnx_file *file, const char *path,
				       const struct onnx_change *changes, size_t n,
				       struct arena *arena, struct onnx_outputs *out,
				       struct error *err);

/*
 * Writes the model to path. All files are complete on the disk before the first appears under its
 * name, the model last; on failure all paths hold what they held before.
 */
enum status MUST_CHECK onnx_save(struct onnx_file *file, const char *path,
				 const struct onnx_change *changes, size_t n, struct error *err);

/*
 * The bytes of the model alone as onnx_save would write them in another folder, in memory to be
 * freed by the caller.
 */
enum status MUST_CHECK onnx_save_memory(struct onnx_file *file, const struct onnx_change *changes,
					size_t n, void **data, size_t *size, struct error *err);

#endif
