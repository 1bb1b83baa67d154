/* float64.c - a loaded graph in float64 (see float64.h). */
#include "passes/float64.h"

#include "ops/op.h"

#include <string.h>

static bool narrow(enum dtype dtype)
{
	return dtype_is_trainable(dtype) && dtype != DT_F64;
}

static struct tensor widened(struct arena *arena, const struct tensor *t)
{
	struct tensor to = { DT_F64, t->shape, NULL };
	if (!t->data)
		return to;
	to = tensor_new(arena, DT_F64, &t->shape);
	for (int64_t i = 0, n = shape_elements(&t->shape); i < n; i++)
		tensor_set(&to, i, tensor_get(t, i));
	return to;
}

/* Attributes with the types that they name widened; ConstantOfShape is float32 unless one says so. */
static const struct attr *widened_attrs(struct arena *arena, const struct node *node)
{
	uint32_t n = 0;
	while (node->attrs[n].kind != ATTR_END)
		n++;
	struct attr *attrs = arena_alloc(arena, (n + 2) * sizeof *attrs);
	memcpy(attrs, node->attrs, n * sizeof *attrs);
	for (uint32_t i = 0; i < n; i++) {
		struct attr *a = &attrs[i];
		bool is_type = a->kind == ATTR_INT &&
			       (!strcmp(a->name, "to") || !strcmp(a->name, "dtype"));
		if (is_type && narrow((enum dtype)a->i))
			a->i = DT_F64;
		if (a->kind == ATTR_TENSOR && narrow(a->tensor->dtype)) {
			struct tensor t = widened(arena, a->tensor);
			a->tensor = arena_dup(arena, &t, sizeof t);
		}
	}
	if (!n && node_is(node, "ConstantOfShape")) {
		struct tensor zero = tensor_new(arena, DT_F64, &SHAPE(1));
		attrs[0] = (struct attr){ .name = "value",
					  .kind = ATTR_TENSOR,
					  .tensor = arena_dup(arena, &zero, sizeof zero) };
	}
	return attrs;
}

void float64_apply(struct graph *loaded)
{
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		struct tensor *t = &graph_value(loaded, i)->t;
		if (narrow(t->dtype))
			*t = widened(loaded->arena, t);
	}
	for (uint32_t i = 1; i < loaded->nodes.n; i++) {
		struct node *node = graph_node(loaded, i);
		if (node->def)
			node->attrs = widened_attrs(loaded->arena, node);
	}
}
