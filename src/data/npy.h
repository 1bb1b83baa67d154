/*
 * npy.h - NumPy's array files: .npy (one array) and .npz (a zip archive of named ones).
 *
 * Reads versions 1 to 3, C and Fortran order, either byte order, and the types bool, (u)int8 to
 * (u)int64, float16, float32 and float64. Reads from a mapped file, so that arrays larger than
 * memory work as long as they are in C order, little endian and not compressed.
 *
 * Source: NumPy's numpy.lib.format (NEP 1).
 */
#ifndef ONNXTUNE_DATA_NPY_H
#define ONNXTUNE_DATA_NPY_H

#include "base/file.h"
#include "graph/tensor.h"

struct npy_header {
	enum dtype dtype;
	struct shape shape;
	bool fortran;    /* first index runs fastest */
	bool big_endian; /* elements of more than one byte */
	size_t offset;   /* of the first element */
};

/*
 * Parses the header at the start of data[0..size) and checks that the elements are there.
 * ERR_INPUT for anything that is not a header, more than SHAPE_MAX_RANK dimensions, or missing
 * elements; ERR_UNSUPPORTED for other types (text, objects, complex, records).
 */
enum status MUST_CHECK npy_parse(const uint8_t *data, size_t size, struct npy_header *out,
				 struct error *err);

struct named_tensor {
	const char *name;
	struct tensor tensor;
};

/* The arrays of one file. */
struct arrays {
	struct named_tensor *v; /* in the order of the file; row-major, little endian, unaligned */
	uint32_t n;
	struct file_map map; /* private */
	struct arena arena;  /* private */
	void **owned;        /* private: n buffers or NULL */
};

/*
 * Reads an .npy file (one array, named after the file without its extension) or an .npz file
 * (names without ".npy"); which of them it is, the first bytes tell. Errors start with the path.
 */
enum status MUST_CHECK arrays_read(const char *path, struct arrays *out, struct error *err);

/* The same from memory, which must outlive `out`; `name` is that of a single array. */
enum status MUST_CHECK arrays_parse(const uint8_t *data, size_t size, const char *name,
				    struct arrays *out, struct error *err);

void arrays_release(struct arrays *arrays);

/* The array of that name, or NULL. */
const struct tensor *arrays_find(const struct arrays *arrays, const char *name);

/*
 * Writes arrays[0..n) as an uncompressed .npz, or one as .npy: the same tensors give the same
 * bytes. bfloat16, which NumPy does not have, is written as float32. ERR_UNSUPPORTED for types
 * that can't be written. The file appears complete or not at all.
 */
enum status MUST_CHECK npz_write(const char *path, const struct named_tensor *arrays, uint32_t n,
				 struct error *err);
/* The same as a sealed archive (zipfile.h). */
enum status MUST_CHECK npz_write_sealed(const char *path, const struct named_tensor *arrays,
					uint32_t n, struct error *err);
enum status MUST_CHECK npy_write(const char *path, const struct tensor *tensor, struct error *err);

#endif
