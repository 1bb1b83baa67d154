/* make.c - new messages of a model (see make.h). */
#include "onnx/make.h"

#include <assert.h>

/* A new message in an arena. */
#define NEW(arena, type, init)                                                                     \
	({                                                                                         \
		type *new_ = arena_alloc(arena, sizeof *new_);                                     \
		init(new_);                                                                        \
		new_;                                                                              \
	})

Onnx__GraphProto *onnx_make_graph(struct arena *arena, size_t room)
{
	Onnx__GraphProto *g = NEW(arena, Onnx__GraphProto, onnx__graph_proto__init);
	g->node = arena_alloc(arena, room * sizeof *g->node);
	g->initializer = arena_alloc(arena, room * sizeof *g->initializer);
	g->input = arena_alloc(arena, room * sizeof *g->input);
	g->output = arena_alloc(arena, room * sizeof *g->output);
	return g;
}

Onnx__TensorProto *onnx_make_tensor(struct arena *arena, const char *name, const struct tensor *t)
{
	Onnx__TensorProto *p = NEW(arena, Onnx__TensorProto, onnx__tensor_proto__init);
	p->name = arena_strdup(arena, name);
	p->has_data_type = 1;
	p->data_type = (int32_t)t->dtype;
	p->n_dims = (size_t)t->shape.rank;
	p->dims = arena_dup(arena, t->shape.dim, p->n_dims * sizeof *p->dims);
	p->has_raw_data = 1;
	p->raw_data = (ProtobufCBinaryData){ tensor_bytes(t), t->data };
	return p;
}

Onnx__NodeProto *onnx_make_node(struct arena *arena, const char *op, const char *name,
				const char *const *in, uint32_t n_in, const char *out)
{
	Onnx__NodeProto *p = NEW(arena, Onnx__NodeProto, onnx__node_proto__init);
	p->op_type = arena_strdup(arena, op);
	p->name = arena_strdup(arena, name);
	p->input = arena_alloc(arena, n_in * sizeof *p->input);
	for (uint32_t i = 0; i < n_in; i++)
		p->input[p->n_input++] = arena_strdup(arena, in[i]);
	p->output = arena_alloc(arena, sizeof *p->output);
	p->output[p->n_output++] = arena_strdup(arena, out);
	p->attribute = arena_alloc(arena, MAKE_ATTRIBUTES_MAX * sizeof *p->attribute);
	return p;
}

static Onnx__AttributeProto *add_attribute(struct arena *arena, Onnx__NodeProto *node,
					   const char *name)
{
	Onnx__AttributeProto *p = NEW(arena, Onnx__AttributeProto, onnx__attribute_proto__init);
	p->name = arena_strdup(arena, name);
	p->has_type = 1;
	assert(node->n_attribute < MAKE_ATTRIBUTES_MAX);
	return node->attribute[node->n_attribute++] = p;
}

void onnx_make_int(struct arena *arena, Onnx__NodeProto *node, const char *name, int64_t i)
{
	Onnx__AttributeProto *p = add_attribute(arena, node, name);
	p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
	p->has_i = 1;
	p->i = i;
}

void onnx_make_ints(struct arena *arena, Onnx__NodeProto *node, const char *name,
		    const int64_t *ints, size_t n)
{
	Onnx__AttributeProto *p = add_attribute(arena, node, name);
	p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
	p->ints = arena_dup(arena, ints, n * sizeof *ints);
	p->n_ints = n;
}

static Onnx__TensorShapeProto__Dimension *make_dim(struct arena *arena, int64_t dim,
						   const char *open)
{
	Onnx__TensorShapeProto__Dimension *d = NEW(arena, Onnx__TensorShapeProto__Dimension,
						   onnx__tensor_shape_proto__dimension__init);
	if (dim == DIM_UNKNOWN) {
		d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
		d->dim_param = arena_strdup(arena, open);
	} else {
		d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		d->dim_value = dim;
	}
	return d;
}

Onnx__ValueInfoProto *onnx_make_value(struct arena *arena, const char *name, enum dtype dtype,
				      const struct shape *shape, const char *open)
{
	Onnx__ValueInfoProto *v = NEW(arena, Onnx__ValueInfoProto, onnx__value_info_proto__init);
	Onnx__TypeProto__Tensor *tensor = NEW(arena, Onnx__TypeProto__Tensor,
					      onnx__type_proto__tensor__init);
	v->name = arena_strdup(arena, name);
	v->type = NEW(arena, Onnx__TypeProto, onnx__type_proto__init);
	v->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	v->type->tensor_type = tensor;
	tensor->has_elem_type = 1;
	tensor->elem_type = (int32_t)dtype;
	tensor->shape = NEW(arena, Onnx__TensorShapeProto, onnx__tensor_shape_proto__init);
	tensor->shape->dim = arena_alloc(arena, (size_t)shape->rank * sizeof *tensor->shape->dim);
	for (int i = 0; i < shape->rank; i++)
		tensor->shape->dim[tensor->shape->n_dim++] = make_dim(arena, shape->dim[i], open);
	return v;
}
