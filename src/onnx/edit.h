/*
 * edit.h - private to src/onnx but for the structs: the bytes of a model with other tensors, axes,
 * nodes or metadata.
 *
 * All that is not named stays as the file has it, byte for byte: fields in their order, unknown ones,
 * odd encodings. Lengths of the messages around an edit follow, in the bytes they had where they fit.
 */
#ifndef ONNXTUNE_ONNX_EDIT_H
#define ONNXTUNE_ONNX_EDIT_H

#include "onnx/file.h"

/*
 * A tensor of the file with another shape and other elements, stored as raw_data from now on; or an
 * attribute with other `floats`.
 */
struct onnx_tensor_edit {
	const Onnx__TensorProto *tensor; /* one of these two; the other is NULL */
	const Onnx__AttributeProto *attribute;
	struct tensor to; /* of the tensor's type; 8 bits or more an element */
};

/* An axis of a value, wherever the graph declares it with a number: inputs, outputs, value_info. */
struct onnx_axis_edit {
	const char *value;
	int axis;
	int64_t dim;
};

/* An input of a node of the graph, which is known by the name of its last output. */
struct onnx_input_edit {
	const char *output;
	uint32_t input;
	const char *name; /* of the value that it reads from now on */
};

struct onnx_edits {
	const struct onnx_tensor_edit *tensors;
	size_t n_tensors;
	const struct onnx_axis_edit *axes;
	size_t n_axes;
	const struct onnx_input_edit *inputs;
	size_t n_inputs;
	/* Nodes, initializers and outputs that are added in front of those of the graph and behind
	 * them; NULL: none. */
	const Onnx__GraphProto *front, *back;
	const char *key, *value; /* a metadata property that is set; key NULL: none */
};

/*
 * The edited bytes, to be freed by the caller. ERR_UNSUPPORTED: a tensor lies in several pieces, a
 * node in a function, or the model has several graphs to be merged. The text names what is wrong, not the file.
 */
enum status MUST_CHECK onnx_edit(const struct onnx_file *file, const struct onnx_edits *edits,
				 void **data, size_t *size, struct error *err);

#endif
