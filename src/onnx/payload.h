/*
 * payload.h - private to src/onnx: where the elements of a tensor or attribute are in the file and
 * how they are encoded.
 */
#ifndef ONNXTUNE_ONNX_PAYLOAD_H
#define ONNXTUNE_ONNX_PAYLOAD_H

#include "onnx/file.h"
#include "onnx/wire.h"

#define TENSOR_RAW_DATA 9
#define TENSOR_EXTERNAL_DATA 13
#define ATTRIBUTE_F 2
#define ATTRIBUTE_FLOATS 7

/* The typed field of a data type, and how one of its values is encoded. */
struct payload_field {
	uint32_t number;
	enum wire_type type;
};
struct payload_field payload_field(enum dtype dtype);

/*
 * Walks the occurrences of one field in the spans of a message. Each is a chunk: [value, end) of
 * the file holds one value or, packed, any number of them, one after the other.
 */
struct chunks {
	const struct onnx_file *file;
	const uint32_t *sites;
	size_t n_sites, site; /* site: those begun */
	struct payload_field field;
	struct wire wire;
};
struct chunks chunks_of(const struct onnx_file *file, const uint32_t *sites, size_t n_sites,
			struct payload_field field);
bool chunks_next(struct chunks *chunks, struct wire_field *out);

/* True when f is an occurrence of the field, of its own or, packed, of the bytes wire type. */
bool payload_matches(struct payload_field field, const struct wire_field *f);

/*
 * Values that are encoded as varints ("units"): one element each, for 4-bit and 2-bit types one
 * byte of elements. In memory they lie in row-major order, packed, as in raw_data.
 */
size_t payload_units(enum dtype dtype, size_t elements);
uint64_t payload_unit(enum dtype dtype, const void *data, size_t i);
void payload_set_unit(enum dtype dtype, void *data, size_t i, uint64_t varint);

/*
 * Type, shape and bytes of the elements; no data. ERR_INPUT and ERR_UNSUPPORTED as for
 * onnx_file_tensor.
 */
enum status MUST_CHECK payload_type(const struct onnx_file *file, const Onnx__TensorProto *tensor,
				    struct tensor *out, size_t *size, struct error *err);

/* ERR_INPUT if the stored elements are not what the shape asks for. Reads no external data. */
enum status MUST_CHECK payload_check(const struct onnx_file *file, const Onnx__TensorProto *tensor,
				     struct error *err);

bool payload_is_external(const Onnx__TensorProto *tensor);

/* Puts the names of file and tensor in front of err's text. */
enum status payload_error(const struct onnx_file *file, const Onnx__TensorProto *tensor,
			  struct error *err);

#endif
