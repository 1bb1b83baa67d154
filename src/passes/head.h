/*
 * head.h - the classifier at the end of a loaded graph: the last layer with one row of weights for
 * each class.
 */
#ifndef ONNXTUNE_PASSES_HEAD_H
#define ONNXTUNE_PASSES_HEAD_H

#include "graph/graph.h"

/*
 * A constant of the classifier with one part for each class. Where other nodes read it too, or what
 * nodes that keep its form make of it, the classifier needs one of its own: in the place of input
 * `operand` of the node `reader`, of this type.
 */
struct head_constant {
	uint32_t value;  /* of the loaded graph */
	int axis;        /* that counts classes */
	uint32_t reader; /* 0: the constant is the classifier's alone */
	uint32_t operand;
	enum dtype dtype;
	struct shape shape;
	int own_axis;
};

#define HEAD_BIASES_MAX 4
#define HEAD_SHAPES_MAX 4

struct head {
	uint32_t node; /* Gemm, MatMul or Conv */
	int64_t classes;
	int64_t fan_in; /* numbers that a class's score is a weighted sum of */
	struct head_constant weight;
	struct head_constant biases[HEAD_BIASES_MAX];
	uint32_t n_biases;
	/* Constant shapes of Reshape nodes behind it, and the element that is the classes. */
	struct head_constant shapes[HEAD_SHAPES_MAX];
	uint32_t n_shapes;
};

/*
 * Goes back from the value `output` to the last Gemm, MatMul or Conv whose weight is a constant,
 * through activations, pooling, changes of shape, and Add of a constant. ERR_UNSUPPORTED names the
 * node that is in the way, or what keeps the classifier from being replaced, as quantized weights do.
 */
enum status MUST_CHECK head_find(const struct graph *loaded, uint32_t output, struct head *out,
				 struct error *err);

#endif
