/*
 * constant.c - Constant: a value that stands in the model as an attribute (ONNX Constant-1 to 13;
 * lists, numbers and strings since 12). `sparse_value` is not known here and so refused.
 */
#include "ops/build.h"

#include <string.h>

/* Strings of the model as a tensor; the attribute's memory is the graph's arena. */
static struct tensor strings(struct arena *arena, const char *const *s, int64_t n,
			     const struct shape *shape)
{
	struct tensor t = tensor_new(arena, DT_STRING, shape);
	struct string *to = t.data;
	for (int64_t i = 0; i < n; i++)
		to[i] = (struct string){ s[i], strlen(s[i]) };
	return t;
}

static void lower(struct lower *l)
{
	struct builder *b = l->b;
	struct arena *arena = b->graph->arena;
	const struct attr *a = l->node->attrs;
	struct tensor t = { 0 };
	if (a->kind == ATTR_END || a[1].kind != ATTR_END) {
		build_fail(b, ERR_INPUT, "there must be one value");
		return;
	}
	struct shape list = SHAPE(a->n);
	switch (a->kind) {
	case ATTR_TENSOR:
		t = *a->tensor;
		break;
	case ATTR_FLOAT:
		t = tensor_new(arena, DT_F32, &SHAPE_SCALAR);
		tensor_set(&t, 0, a->f);
		break;
	case ATTR_FLOATS:
		t = tensor_new(arena, DT_F32, &list);
		memcpy(t.data, a->floats, a->n * sizeof *a->floats);
		break;
	case ATTR_INT:
		t = tensor_new(arena, DT_I64, &SHAPE_SCALAR);
		tensor_set_int(&t, 0, a->i);
		break;
	case ATTR_INTS:
		t = tensor_new(arena, DT_I64, &list);
		memcpy(t.data, a->ints, a->n * sizeof *a->ints);
		break;
	case ATTR_STRING:
		t = strings(arena, &a->s, 1, &SHAPE_SCALAR);
		break;
	case ATTR_STRINGS:
		t = strings(arena, a->strings, a->n, &list);
		break;
	default: /* the rows hold no other kind */
		break;
	}
	l->out[0] = build_constant(b, NULL, t);
}

static const struct op_attr attrs[] = {
	{ "value", ATTR_TENSOR, ATTR_OPTIONAL, 0, 0, NULL },
	{ "value_float", ATTR_FLOAT, ATTR_OPTIONAL, 0, 0, NULL },
	{ "value_floats", ATTR_FLOATS, ATTR_OPTIONAL, 0, 0, NULL },
	{ "value_int", ATTR_INT, ATTR_OPTIONAL, 0, 0, NULL },
	{ "value_ints", ATTR_INTS, ATTR_OPTIONAL, 0, 0, NULL },
	{ "value_string", ATTR_STRING, ATTR_OPTIONAL, 0, 0, NULL },
	{ "value_strings", ATTR_STRINGS, ATTR_OPTIONAL, 0, 0, NULL },
	{ 0 },
};
static const struct op_arg out[] = { { "output", 0, 0 }, { 0 } };

const struct op_def op_constant_1 = {
	.domain = "",
	.name = "Constant",
	.since = 1,
	.attrs = attrs,
	.out = out,
	.flags = OP_NO_GRAD,
	.lower = lower,
};
