/*
 * make.h - new messages of a model, to be added by an edit (edit.h). They lie in an arena; so do
 * copies of all names, but not the elements of tensors.
 */
#ifndef ONNXTUNE_ONNX_MAKE_H
#define ONNXTUNE_ONNX_MAKE_H

#include "onnx/file.h"

/* An empty graph with room for so many nodes, initializers, inputs and outputs. */
Onnx__GraphProto *onnx_make_graph(struct arena *arena, size_t room);

/* An initializer, stored as raw_data: of a type of 8 bits or more an element. */
Onnx__TensorProto *onnx_make_tensor(struct arena *arena, const char *name, const struct tensor *t);

/* A node of ai.onnx with one output. */
Onnx__NodeProto *onnx_make_node(struct arena *arena, const char *op, const char *name,
				const char *const *in, uint32_t n_in, const char *out);

/* Adds an attribute to a node that was made here; at most MAKE_ATTRIBUTES_MAX. */
#define MAKE_ATTRIBUTES_MAX 4
void onnx_make_int(struct arena *arena, Onnx__NodeProto *node, const char *name, int64_t i);
void onnx_make_ints(struct arena *arena, Onnx__NodeProto *node, const char *name,
		    const int64_t *ints, size_t n);

/* The declaration of a value; an axis of DIM_UNKNOWN has the name `open`. */
Onnx__ValueInfoProto *onnx_make_value(struct arena *arena, const char *name, enum dtype dtype,
				      const struct shape *shape, const char *open);

#endif
