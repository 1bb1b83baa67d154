/*
 * head.c - finds the classifier of a loaded graph (see head.h).
 *
 *  1. From the output back to the last Gemm, MatMul or Conv, noting biases and constant shapes.
 *  2. The weight's axis of classes, through the nodes that only change its form.
 *  3. The biases: those with a number for each class. What is not the classifier's alone is marked.
 */
#include "passes/head.h"

#include <string.h>

/* Operators that give a score for each class where they get one. Their data is input 0. */
static const char *const passed[] = {
	"Identity",  "Cast",        "Dropout",           "Softmax", "LogSoftmax", "Sigmoid",
	"Relu",      "Clip",        "Flatten",           "Reshape", "Squeeze",    "Unsqueeze",
	"Transpose", "AveragePool", "GlobalAveragePool", "MaxPool", "ReduceMean", "GlobalMaxPool",
	"ReduceMax", "LeakyRelu",   "HardSigmoid",
};

/* An input of a node. */
struct place {
	uint32_t node, operand;
};

struct search {
	const struct graph *graph;
	struct head head;
	/* Operands of Add: biases, once the number of classes is known. */
	struct place added[HEAD_BIASES_MAX];
	uint32_t n_added;
	struct place shapes[HEAD_SHAPES_MAX];
	struct error *err;
};

static bool is_op(const struct node *node, const char *op)
{
	return !strcmp(node->op, op);
}

static enum status in_the_way(struct search *s, const struct node *node, const char *why)
{
	return fail(s->err, ERR_UNSUPPORTED, "node '%s' (%s) %s", node->name, node->op, why);
}

static const struct node *maker(const struct search *s, uint32_t value)
{
	uint32_t node = graph_value(s->graph, value)->node;
	return node ? graph_node(s->graph, node) : NULL;
}

static int64_t int_or(const struct node *node, const char *name, int64_t otherwise)
{
	const struct attr *a = node_attr(node, name);
	return a && a->kind == ATTR_INT ? a->i : otherwise;
}

/* ---- constants ---- */

/* The axis of Transpose's input that becomes `axis` of its output. */
static int axis_before(const struct node *transpose, int axis, int rank)
{
	const struct attr *perm = node_attr(transpose, "perm");
	if (!perm)
		return rank - 1 - axis;
	return (uint32_t)axis < perm->n ? (int)perm->ints[axis] : axis;
}

static bool keeps_form(const struct node *node)
{
	return is_op(node, "Transpose") || is_op(node, "Identity") || is_op(node, "Cast");
}

/* How often a value is read. */
static uint32_t count_readers(const struct graph *g, uint32_t value)
{
	uint32_t n = 0;
	for (uint32_t k = 0; k < g->outputs.n; k++)
		n += g->outputs.v[k] == value;
	for (uint32_t i = 0; i < g->order.n; i++) {
		const struct node *node = graph_node(g, g->order.v[i]);
		for (uint32_t k = 0; k < node->n_in; k++)
			n += node->in[k] == value;
	}
	return n;
}

/* The constant that a value is made of, through nodes that keep its form; 0: none. `axis` of the value
 * becomes that of the constant; rank 0: there is none. */
static uint32_t constant_of(const struct search *s, uint32_t value, int rank, int *axis)
{
	const struct node *node;
	while (value && (node = maker(s, value))) {
		if (is_op(node, "Transpose") && rank)
			*axis = axis_before(node, *axis, rank);
		else if (is_op(node, "Transpose") || !keeps_form(node))
			return 0;
		value = node->n_in ? node->in[0] : 0;
	}
	return value && graph_value(s->graph, value)->kind == VALUE_CONSTANT ? value : 0;
}

static uint32_t at(const struct search *s, struct place place)
{
	return graph_node(s->graph, place.node)->in[place.operand];
}

/*
 * The constant at an operand, whose axis of classes is `axis` there. Goes back to it, and notes the
 * nearest place where something is read that others read too.
 */
static struct head_constant describe(const struct search *s, struct place place, int axis)
{
	const struct graph *g = s->graph;
	struct head_constant c = { 0 };
	const struct node *node;
	uint32_t value;
	for (;;) {
		value = at(s, place);
		if (!c.reader && count_readers(g, value) != 1) {
			c.reader = place.node;
			c.operand = place.operand;
			c.own_axis = axis;
		}
		node = maker(s, value);
		if (!node)
			break;
		if (is_op(node, "Transpose"))
			axis = axis_before(node, axis, 2);
		/* a Cast nearer to the classifier is what the type is of */
		if (c.reader && !c.dtype && is_op(node, "Cast"))
			c.dtype = (enum dtype)int_or(node, "to", 0);
		place = (struct place){ graph_value(g, value)->node, 0 };
	}
	c.value = value;
	c.axis = axis;
	const struct tensor *t = &graph_value(g, value)->t;
	c.dtype = c.dtype ? c.dtype : t->dtype;
	c.shape = t->shape;
	if (c.reader && c.own_axis != axis) { /* a matrix, turned */
		c.shape.dim[0] = t->shape.dim[1];
		c.shape.dim[1] = t->shape.dim[0];
	}
	return c;
}

/* ---- biases and shapes ---- */

static int64_t elements(const struct search *s, uint32_t constant)
{
	return shape_elements(&graph_value(s->graph, constant)->t.shape);
}

/* The axis that has all the elements, -1: none has. */
static int only_axis(const struct shape *shape, int64_t n)
{
	for (int i = 0; i < shape->rank; i++)
		if (shape->dim[i] == n)
			return shape_elements(shape) == n ? i : -1;
	return -1;
}

static enum status add_bias(struct search *s, struct place place)
{
	struct head *h = &s->head;
	uint32_t constant = constant_of(s, at(s, place), 0, NULL);
	const struct value *v = graph_value(s->graph, constant);
	struct head_constant c = describe(s, place, only_axis(&v->t.shape, h->classes));
	if (elements(s, constant) == 1 && h->classes != 1)
		return OK; /* the same for all classes: stays */
	if (c.axis < 0)
		return fail(s->err, ERR_UNSUPPORTED,
			    "'%s', which is added behind the classifier '%s', has no number for "
			    "each class",
			    v->name, graph_node(s->graph, h->node)->name);
	if (h->n_biases == HEAD_BIASES_MAX)
		return fail(s->err, ERR_UNSUPPORTED, "more than %d biases", HEAD_BIASES_MAX);
	h->biases[h->n_biases++] = c;
	return OK;
}

/* The last element that is the number of classes: before it stands the batch. */
static void add_shape(struct search *s, struct place place)
{
	struct head *h = &s->head;
	const struct tensor *t = &graph_value(s->graph, constant_of(s, at(s, place), 0, NULL))->t;
	int axis = -1;
	for (int64_t i = 0, n = shape_elements(&t->shape); i < n; i++)
		if (t->dtype == DT_I64 && tensor_get_int(t, i) == h->classes)
			axis = (int)i;
	if (axis >= 0)
		h->shapes[h->n_shapes++] = describe(s, place, axis);
}

/* ---- the way back ---- */

static bool is_passed(const struct node *node)
{
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		if (is_op(node, passed[i]))
			return node->n_in && node->in[0];
	return false;
}

static bool is_classifier(const struct node *node)
{
	return is_op(node, "Gemm") || is_op(node, "MatMul") || is_op(node, "Conv");
}

/* The data operand of a node of two operands, one of them constant; 0: it is no such node. */
static uint32_t other_operand(const struct search *s, const struct node *node, uint32_t *constant)
{
	for (uint32_t k = 0; k < 2 && node->n_in == 2; k++) {
		*constant = k;
		if (constant_of(s, node->in[k], 0, NULL) &&
		    !constant_of(s, node->in[1 - k], 0, NULL))
			return node->in[1 - k];
	}
	return 0;
}

/* One node back; *value becomes 0 at the classifier. */
static enum status go_back(struct search *s, uint32_t *value)
{
	const struct node *node = maker(s, *value);
	uint32_t constant, data, id = graph_value(s->graph, *value)->node;
	if (!node)
		return fail(s->err, ERR_UNSUPPORTED,
			    "no Gemm, MatMul or Conv gives the output, which is made of '%s'",
			    graph_value(s->graph, *value)->name);
	if (is_classifier(node)) {
		s->head.node = id;
		*value = 0;
	} else if (is_passed(node)) {
		constant = is_op(node, "Reshape") && node->n_in > 1
				   ? constant_of(s, node->in[1], 0, NULL)
				   : 0;
		if (constant && s->head.n_shapes == HEAD_SHAPES_MAX)
			return in_the_way(s, node, "is one Reshape too many");
		if (constant)
			s->shapes[s->head.n_shapes++] = (struct place){ id, 1 };
		*value = node->in[0];
	} else {
		data = other_operand(s, node, &constant);
		bool scales = (is_op(node, "Mul") || is_op(node, "Div")) && data &&
			      elements(s, constant) == 1;
		if (!data || !(is_op(node, "Add") || scales))
			return in_the_way(s, node, "is no part of a classifier");
		if (is_op(node, "Add") && s->n_added == HEAD_BIASES_MAX)
			return in_the_way(s, node, "is one Add too many");
		if (is_op(node, "Add"))
			s->added[s->n_added++] = (struct place){ id, constant };
		*value = data;
	}
	return OK;
}

/* ---- the classifier ---- */

static enum status take_weight(struct search *s)
{
	struct head *h = &s->head;
	const struct node *node = graph_node(s->graph, h->node);
	int axis = is_op(node, "Gemm") ? !int_or(node, "transB", 0) : is_op(node, "MatMul");
	int there = axis;
	if (node->n_in < 2)
		return in_the_way(s, node, "has no weight");
	if (is_op(node, "Conv") && int_or(node, "group", 1) != 1)
		return in_the_way(s, node, "has groups of channels");
	uint32_t constant = constant_of(s, node->in[1], is_op(node, "Conv") ? 0 : 2, &axis);
	const struct node *source = maker(s, node->in[1]);
	if (!constant && source && is_op(source, "DequantizeLinear"))
		return in_the_way(s, node, "has a quantized weight");
	if (!constant)
		return in_the_way(s, node, "has no constant weight");
	const struct value *w = graph_value(s->graph, constant);
	if (!dtype_is_trainable(w->t.dtype) || w->t.shape.rank < 2 ||
	    (!is_op(node, "Conv") && w->t.shape.rank != 2))
		return in_the_way(s, node, "has a weight of another form than a matrix");
	h->weight = describe(s, (struct place){ h->node, 1 }, there);
	h->classes = w->t.shape.dim[axis];
	if (h->classes < 1 || !shape_elements(&w->t.shape))
		return in_the_way(s, node, "has an empty weight");
	h->fan_in = shape_elements(&w->t.shape) / h->classes;
	return OK;
}

enum status head_find(const struct graph *loaded, uint32_t output, struct head *out,
		      struct error *err)
{
	struct search s = { .graph = loaded, .err = err };
	for (uint32_t value = output; value;)
		TRY(go_back(&s, &value));
	TRY(take_weight(&s));
	const struct node *node = graph_node(loaded, s.head.node);
	uint32_t n_shapes = s.head.n_shapes;
	if (node->n_in > 2 && node->in[2]) {
		if (!constant_of(&s, node->in[2], 0, NULL))
			return in_the_way(&s, node, "has no constant bias");
		TRY(add_bias(&s, (struct place){ s.head.node, 2 }));
	}
	/* the nearest first: it takes the place of a bias that the layer has not */
	while (s.n_added)
		TRY(add_bias(&s, s.added[--s.n_added]));
	s.head.n_shapes = 0;
	for (uint32_t i = 0; i < n_shapes; i++)
		add_shape(&s, s.shapes[i]);
	*out = s.head;
	return OK;
}
