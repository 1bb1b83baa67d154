/*
 * helper_model.c - writes the model that a text describes. It goes through protobuf-c alone, which
 * writes whatever it is told, so that models can be as wrong as a test wants them.
 *
 *	ir 8
 *	opset 13 [DOMAIN]
 *	input NAME TYPE DIMS             DIMS: numbers and names by commas; `scalar`, `none`
 *	output NAME [TYPE DIMS]
 *	tensor NAME TYPE DIMS [CONTENT]  helper_fill's, or bytes:N, or external:FILE[:OFFSET[:LENGTH]]
 *	constant NAME TYPE DIMS [CONTENT]
 *	node OP[@DOMAIN] NAME INPUT... -> OUTPUT... [KEY=VALUE...]
 *	                                 VALUE: 1 or 0.5 or 1,2 or "text, or {}: an empty graph
 *	function DOMAIN NAME
 *	nest NAME N                      a node If whose graphs are nested so deep
 *	sparse
 *
 * %0a is a byte of a name by its number.
 */
#include "helper.h"

#include "proto/onnx.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct maker {
	struct arena arena;
	Onnx__ModelProto *model;
	Onnx__GraphProto *graph;
	uint32_t tensors;
};

/* A new message in the arena. */
#define NEW(maker, type, init)                                                                     \
	({                                                                                         \
		type *new_ = arena_alloc(&(maker)->arena, sizeof *new_);                           \
		init(new_);                                                                        \
		new_;                                                                              \
	})

/* Appends to one of protobuf-c's repeated fields, whose room doubles at powers of two. */
#define ADD(maker, list, n, element)                                                               \
	do {                                                                                       \
		if (!((n) & ((n)-1))) {                                                            \
			size_t room_ = ((n) ? (n)*2 : 1) * sizeof *(list);                         \
			void *new_ = arena_alloc(&(maker)->arena, room_);                          \
			if (n)                                                                     \
				memcpy(new_, (list), (n) * sizeof *(list));                        \
			(list) = new_;                                                             \
		}                                                                                  \
		(list)[(n)++] = (element);                                                         \
	} while (0)

static char *unescape(char *word)
{
	char *to = word;
	for (char *p = word; *p; p++) {
		unsigned byte;
		if (*p == '%' && sscanf(p + 1, "%2x", &byte) == 1) {
			*to++ = (char)byte;
			p += 2;
		} else {
			*to++ = *p;
		}
	}
	*to = 0;
	return word;
}

/* The next word of a line, NULL at its end. */
static char *word(char **line)
{
	char *w = strtok_r(NULL, " \t\n", line);
	return w ? unescape(w) : NULL;
}

static char *need(char **line, const char *what)
{
	char *w = word(line);
	if (!w)
		helper_die("no %s", what);
	return w;
}

static Onnx__ValueInfoProto *value_info(struct maker *m, char *name)
{
	Onnx__ValueInfoProto *info = NEW(m, Onnx__ValueInfoProto, onnx__value_info_proto__init);
	info->name = name;
	return info;
}

static Onnx__TensorShapeProto *shape_of(struct maker *m, char *dims)
{
	Onnx__TensorShapeProto *shape = NEW(m, Onnx__TensorShapeProto,
					    onnx__tensor_shape_proto__init);
	if (!strcmp(dims, "scalar"))
		return shape;
	for (char *save, *d = strtok_r(dims, ",", &save); d; d = strtok_r(NULL, ",", &save)) {
		Onnx__TensorShapeProto__Dimension *dim = NEW(
			m, Onnx__TensorShapeProto__Dimension,
			onnx__tensor_shape_proto__dimension__init);
		char *end;
		dim->dim_value = strtoll(d, &end, 0);
		dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		if (*end) {
			dim->dim_param = d;
			dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
		}
		ADD(m, shape->dim, shape->n_dim, dim);
	}
	return shape;
}

/* "NAME TYPE DIMS"; an output may be without the last two. */
static Onnx__ValueInfoProto *declared(struct maker *m, char **line, bool output)
{
	Onnx__ValueInfoProto *info = value_info(m, need(line, "name"));
	char *type = output ? strtok_r(NULL, " \t\n", line) : need(line, "type");
	if (!type)
		return info;
	char *dims = need(line, "dims");
	info->type = NEW(m, Onnx__TypeProto, onnx__type_proto__init);
	if (!strcmp(type, "sequence")) {
		info->type->sequence_type = NEW(m, Onnx__TypeProto__Sequence,
						onnx__type_proto__sequence__init);
		info->type->value_case = ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE;
	} else {
		Onnx__TypeProto__Tensor *tensor = NEW(m, Onnx__TypeProto__Tensor,
						      onnx__type_proto__tensor__init);
		tensor->has_elem_type = 1;
		tensor->elem_type = (int32_t)helper_dtype(type);
		if (strcmp(dims, "none"))
			tensor->shape = shape_of(m, dims);
		info->type->tensor_type = tensor;
		info->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	}
	return info;
}

static void add_external(struct maker *m, Onnx__TensorProto *t, char *place)
{
	static char *const keys[] = { "location", "offset", "length" };
	char *save, *part = strtok_r(place, ":", &save);
	t->has_data_location = 1;
	t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
	for (size_t i = 0; part && i < ARRAY_SIZE(keys); i++, part = strtok_r(NULL, ":", &save)) {
		Onnx__StringStringEntryProto *entry = NEW(m, Onnx__StringStringEntryProto,
							  onnx__string_string_entry_proto__init);
		entry->key = keys[i];
		entry->value = part;
		ADD(m, t->external_data, t->n_external_data, entry);
	}
}

static Onnx__TensorProto *read_tensor(struct maker *m, char *name, char **line)
{
	Onnx__TensorProto *t = NEW(m, Onnx__TensorProto, onnx__tensor_proto__init);
	char *type = need(line, "type"), *dims = need(line, "dims"), *content = word(line);
	t->name = name;
	t->has_data_type = 1;
	t->data_type = (int32_t)helper_dtype(type);
	int64_t *d = arena_alloc(&m->arena, 16 * sizeof *d);
	t->n_dims = (size_t)helper_dims(strcmp(dims, "scalar") ? dims : "", d, 16);
	t->dims = d;
	if (content && !strncmp(content, "external:", 9)) {
		add_external(m, t, content + 9);
		return t;
	}
	t->has_raw_data = 1;
	if (content && !strncmp(content, "bytes:", 6)) {
		t->raw_data.len = (size_t)atol(content + 6);
		t->raw_data.data = arena_alloc(&m->arena, t->raw_data.len);
		return t;
	}
	struct shape shape = { .rank = (int)t->n_dims };
	memcpy(shape.dim, d, t->n_dims * sizeof *d);
	struct tensor data = tensor_new(&m->arena, (enum dtype)t->data_type, &shape);
	helper_fill(&data, content ? content : "random", ++m->tensors);
	t->raw_data = (ProtobufCBinaryData){ tensor_bytes(&data), data.data };
	return t;
}

/* A graph without inputs; inner: a node If inside it, or NULL. */
static Onnx__GraphProto *inner_graph(struct maker *m, Onnx__NodeProto *inner)
{
	Onnx__GraphProto *g = NEW(m, Onnx__GraphProto, onnx__graph_proto__init);
	g->name = "inner";
	if (inner)
		ADD(m, g->node, g->n_node, inner);
	return g;
}

static void add_attribute(struct maker *m, Onnx__NodeProto *node, char *text)
{
	Onnx__AttributeProto *a = NEW(m, Onnx__AttributeProto, onnx__attribute_proto__init);
	char *value = strchr(text, '=');
	*value++ = 0;
	a->name = text;
	a->has_type = 1;
	if (!strcmp(value, "{}")) {
		a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
		a->g = inner_graph(m, NULL);
	} else if (*value == '"') {
		a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
		a->has_s = 1;
		a->s = (ProtobufCBinaryData){ strlen(value + 1), (uint8_t *)value + 1 };
	} else if (strchr(value, '.')) {
		a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
		a->has_f = 1;
		a->f = strtof(value, NULL);
	} else if (strchr(value, ',')) {
		a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
		a->ints = arena_alloc(&m->arena, 16 * sizeof *a->ints);
		a->n_ints = (size_t)helper_dims(value, a->ints, 16);
	} else {
		a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
		a->has_i = 1;
		a->i = strtoll(value, NULL, 0);
	}
	ADD(m, node->attribute, node->n_attribute, a);
}

static Onnx__NodeProto *new_node(struct maker *m, char *op, char *name)
{
	Onnx__NodeProto *node = NEW(m, Onnx__NodeProto, onnx__node_proto__init);
	char *domain = strchr(op, '@');
	if (domain) {
		*domain = 0;
		node->domain = domain + 1;
	}
	node->op_type = op;
	node->name = name;
	return node;
}

static void add_node(struct maker *m, char **line)
{
	char *op = need(line, "operator"), *name = need(line, "name");
	Onnx__NodeProto *node = new_node(m, op, name);
	bool outputs = false;
	for (char *w; (w = word(line));) {
		if (!strcmp(w, "->"))
			outputs = true;
		else if (outputs && strchr(w, '='))
			add_attribute(m, node, w);
		else if (outputs)
			ADD(m, node->output, node->n_output, w);
		else
			ADD(m, node->input, node->n_input, w);
	}
	ADD(m, m->graph->node, m->graph->n_node, node);
}

static void add_constant(struct maker *m, char **line)
{
	char *name = need(line, "name");
	Onnx__NodeProto *node = new_node(m, "Constant", name);
	Onnx__AttributeProto *a = NEW(m, Onnx__AttributeProto, onnx__attribute_proto__init);
	a->name = "value";
	a->has_type = 1;
	a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
	a->t = read_tensor(m, NULL, line);
	ADD(m, node->attribute, node->n_attribute, a);
	ADD(m, node->output, node->n_output, name);
	ADD(m, m->graph->node, m->graph->n_node, node);
}

static void add_nest(struct maker *m, char **line)
{
	char *name = need(line, "name");
	Onnx__NodeProto *node = NULL;
	for (int depth = atoi(need(line, "depth")); depth > 0; depth--) {
		Onnx__NodeProto *outer = new_node(m, "If", name);
		Onnx__AttributeProto *a = NEW(m, Onnx__AttributeProto, onnx__attribute_proto__init);
		a->name = "then_branch";
		a->has_type = 1;
		a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
		a->g = inner_graph(m, node);
		ADD(m, outer->attribute, outer->n_attribute, a);
		node = outer;
	}
	ADD(m, m->graph->node, m->graph->n_node, node);
}

static void add_opset(struct maker *m, char **line)
{
	Onnx__OperatorSetIdProto *o = NEW(m, Onnx__OperatorSetIdProto,
					  onnx__operator_set_id_proto__init);
	o->has_version = 1;
	o->version = atoll(need(line, "version"));
	o->domain = word(line);
	if (!o->domain)
		o->domain = "";
	ADD(m, m->model->opset_import, m->model->n_opset_import, o);
}

static void add_function(struct maker *m, char **line)
{
	Onnx__FunctionProto *f = NEW(m, Onnx__FunctionProto, onnx__function_proto__init);
	f->domain = need(line, "domain");
	f->name = need(line, "name");
	ADD(m, m->model->functions, m->model->n_functions, f);
}

static void add_line(struct maker *m, char *text)
{
	char *line, *kind = strtok_r(text, " \t\n", &line);
	if (!kind)
		return;
	if (!strcmp(kind, "ir"))
		m->model->ir_version = atoll(need(&line, "version"));
	else if (!strcmp(kind, "opset"))
		add_opset(m, &line);
	else if (!strcmp(kind, "input"))
		ADD(m, m->graph->input, m->graph->n_input, declared(m, &line, false));
	else if (!strcmp(kind, "output"))
		ADD(m, m->graph->output, m->graph->n_output, declared(m, &line, true));
	else if (!strcmp(kind, "tensor"))
		ADD(m, m->graph->initializer, m->graph->n_initializer,
		    read_tensor(m, need(&line, "name"), &line));
	else if (!strcmp(kind, "constant"))
		add_constant(m, &line);
	else if (!strcmp(kind, "node"))
		add_node(m, &line);
	else if (!strcmp(kind, "function"))
		add_function(m, &line);
	else if (!strcmp(kind, "nest"))
		add_nest(m, &line);
	else if (!strcmp(kind, "sparse"))
		ADD(m, m->graph->sparse_initializer, m->graph->n_sparse_initializer,
		    NEW(m, Onnx__SparseTensorProto, onnx__sparse_tensor_proto__init));
	else
		helper_die("unknown line: %s", kind);
}

int helper_model(int argc, char **argv)
{
	struct maker m = { 0 };
	char buffer[4000];
	(void)argc;
	arena_init(&m.arena);
	m.model = NEW(&m, Onnx__ModelProto, onnx__model_proto__init);
	m.model->has_ir_version = 1;
	m.model->ir_version = 8;
	m.model->graph = m.graph = NEW(&m, Onnx__GraphProto, onnx__graph_proto__init);
	m.graph->name = "test";
	while (fgets(buffer, sizeof buffer, stdin))
		add_line(&m, arena_strdup(&m.arena, buffer));
	size_t n = protobuf_c_message_get_packed_size(&m.model->base);
	uint8_t *packed = mem_alloc(n);
	protobuf_c_message_pack(&m.model->base, packed);
	FILE *out = fopen(argv[0], "wb");
	if (!out || fwrite(packed, 1, n, out) != n || fclose(out))
		helper_die("can't write %s", argv[0]);
	free(packed);
	arena_release(&m.arena);
	return 0;
}
