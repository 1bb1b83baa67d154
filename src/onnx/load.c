/*
 * load.c - from the messages of an ONNX file to a graph (see load.h).
 *
 *  1. Values from the outside: inputs, initializers, the values of Constant nodes.
 *  2. Nodes in an order in which every input is there before it is read.
 *  3. Outputs.
 */
#include "onnx/load.h"

#include "base/map.h"
#include "ops/op.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loader {
	struct model *model;
	struct graph *graph;
	struct map names; /* value name to id */
	struct problems *problems;
};

static void problem(struct loader *l, enum status status, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void problem(struct loader *l, enum status status, const char *fmt, ...)
{
	char text[900];
	struct error err;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fail(&err, status, "%s: %s", l->model->file.path, text);
	problems_add(l->problems, &err);
}

static uint32_t add_value(struct loader *l, const char *name, enum value_kind kind, struct tensor t)
{
	uint32_t id, old;
	if (map_get(&l->names, name, &old)) {
		problem(l, ERR_INPUT, "value '%s' is defined twice", name);
		return old;
	}
	id = graph_add_value(l->graph, name, kind, t);
	map_set(&l->names, graph_value(l->graph, id)->name, id);
	return id;
}

static void set_site(struct loader *l, uint32_t id, const Onnx__TensorProto *tensor,
		     const Onnx__AttributeProto *attribute)
{
	struct model *m = l->model;
	if (id >= m->n_sites) {
		uint32_t n = (id + 1) * 2;
		m->sites = mem_realloc(m->sites, n * sizeof *m->sites);
		memset(m->sites + m->n_sites, 0, (n - m->n_sites) * sizeof *m->sites);
		m->n_sites = n;
	}
	m->sites[id] = (struct onnx_change){ .tensor = tensor, .attribute = attribute };
}

/* ---- values from the outside ---- */

static void load_initializers(struct loader *l, const Onnx__GraphProto *g)
{
	struct error err;
	for (size_t i = 0; i < g->n_initializer; i++) {
		const Onnx__TensorProto *p = g->initializer[i];
		struct tensor t;
		if (onnx_file_tensor(&l->model->file, p, &l->model->arena, &t, &err) != OK) {
			problems_add(l->problems, &err);
			t = (struct tensor){ 0 };
		}
		set_site(l, add_value(l, p->name ? p->name : "", VALUE_CONSTANT, t), p, NULL);
	}
	if (g->n_sparse_initializer)
		problem(l, ERR_UNSUPPORTED, "sparse initializers are not supported");
}

/* The rank and known dims of a declared type; names of unknown ones in v->dim_names. */
static void load_dims(struct loader *l, struct value *v, const Onnx__TensorShapeProto *shape)
{
	const char **names = arena_alloc(l->graph->arena, SHAPE_MAX_RANK * sizeof *names);
	v->t.shape.rank = (int)shape->n_dim;
	for (int i = 0; i < v->t.shape.rank; i++) {
		const Onnx__TensorShapeProto__Dimension *d = shape->dim[i];
		v->t.shape.dim[i] = DIM_UNKNOWN;
		if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
		    d->dim_value > 0)
			v->t.shape.dim[i] = d->dim_value;
		/* Exporters write '?' and '' for "unknown": these are no common name. */
		if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM &&
		    d->dim_param && *d->dim_param && strcmp(d->dim_param, "?"))
			names[i] = arena_strdup(l->graph->arena, d->dim_param);
	}
	v->dim_names = names;
}

static const Onnx__TypeProto__Tensor *tensor_type(const Onnx__ValueInfoProto *info)
{
	return info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
		       ? info->type->tensor_type
		       : NULL;
}

static void load_inputs(struct loader *l, const Onnx__GraphProto *g)
{
	for (size_t i = 0; i < g->n_input; i++) {
		const Onnx__ValueInfoProto *in = g->input[i];
		const char *name = in->name ? in->name : "";
		uint32_t id;
		if (map_get(&l->names, name, &id) &&
		    graph_value(l->graph, id)->kind == VALUE_CONSTANT)
			continue; /* an initializer with the right to be overridden (IR 3) */
		const Onnx__TypeProto__Tensor *type = tensor_type(in);
		id = add_value(l, name, VALUE_INPUT, (struct tensor){ 0 });
		if (!type || !dtype_bits((enum dtype)type->elem_type)) {
			problem(l, ERR_UNSUPPORTED, "input '%s' is no tensor", name);
			continue;
		}
		if (!type->shape || type->shape->n_dim > SHAPE_MAX_RANK) {
			problem(l, ERR_UNSUPPORTED, "input '%s' has no rank of at most %d", name,
				SHAPE_MAX_RANK);
			continue;
		}
		graph_value(l->graph, id)->t.dtype = (enum dtype)type->elem_type;
		load_dims(l, graph_value(l->graph, id), type->shape);
		*array_push(&l->graph->inputs) = id;
	}
}

/* ---- attributes ---- */

static bool load_attr(struct loader *l, const char *node, const Onnx__AttributeProto *p,
		      struct attr *out)
{
	struct arena *arena = l->graph->arena;
	struct error err;
	struct attr a = { .name = arena_strdup(arena, p->name ? p->name : ""),
			  .kind = (enum attr_kind)p->type };
	/* Files of IR 1 and 2 have no type field. */
	if (!p->has_type)
		a.kind = p->has_f      ? ATTR_FLOAT
			 : p->has_i    ? ATTR_INT
			 : p->has_s    ? ATTR_STRING
			 : p->t        ? ATTR_TENSOR
			 : p->n_floats ? ATTR_FLOATS
			 : p->n_ints   ? ATTR_INTS
				       : ATTR_STRINGS;
	if (p->ref_attr_name && *p->ref_attr_name) {
		problem(l, ERR_INPUT, "node '%s': attribute '%s' refers to a function's", node,
			a.name);
		return false;
	}
	switch (a.kind) {
	case ATTR_FLOAT:
		a.f = p->f;
		break;
	case ATTR_INT:
		a.i = p->i;
		break;
	case ATTR_STRING:
		a.s = arena_strndup(arena, (const char *)p->s.data, p->s.len);
		break;
	case ATTR_TENSOR: {
		struct tensor *t = arena_alloc(arena, sizeof *t);
		if (!p->t || onnx_file_tensor(&l->model->file, p->t, arena, t, &err) != OK) {
			if (p->t)
				problems_add(l->problems, &err);
			else
				problem(l, ERR_INPUT, "node '%s': attribute '%s' is empty", node,
					a.name);
			return false;
		}
		a.tensor = t;
		break;
	}
	case ATTR_FLOATS:
		a.n = (uint32_t)p->n_floats;
		a.floats = arena_dup(arena, p->floats, p->n_floats * sizeof *p->floats);
		break;
	case ATTR_INTS:
		a.n = (uint32_t)p->n_ints;
		a.ints = arena_dup(arena, p->ints, p->n_ints * sizeof *p->ints);
		break;
	case ATTR_STRINGS: {
		const char **s = arena_alloc(arena, p->n_strings * sizeof *s);
		for (size_t i = 0; i < p->n_strings; i++)
			s[i] = arena_strndup(arena, (const char *)p->strings[i].data,
					     p->strings[i].len);
		a.n = (uint32_t)p->n_strings;
		a.strings = s;
		break;
	}
	default:
		a.kind = ATTR_GRAPH; /* none of our operators has one: they refuse it by name */
	}
	*out = a;
	return true;
}

/* ---- nodes ---- */

/* A Constant node that holds a tensor or floats is a constant that can be trained. */
static bool load_constant(struct loader *l, const Onnx__NodeProto *p)
{
	const Onnx__AttributeProto *a = p->n_attribute == 1 ? p->attribute[0] : NULL;
	struct tensor t = { 0 };
	struct error err;
	if (!a || p->n_output != 1 || !a->name)
		return false;
	if (!strcmp(a->name, "value") && a->t) {
		if (onnx_file_tensor(&l->model->file, a->t, &l->model->arena, &t, &err) != OK) {
			problems_add(l->problems, &err);
			t = (struct tensor){ 0 };
		}
		set_site(l, add_value(l, p->output[0], VALUE_CONSTANT, t), a->t, NULL);
		return true;
	}
	if (!strcmp(a->name, "value_floats") || !strcmp(a->name, "value_float")) {
		bool list = !strcmp(a->name, "value_floats");
		t = tensor_new(&l->model->arena, DT_F32,
			       list ? &SHAPE((int64_t)a->n_floats) : &SHAPE_SCALAR);
		if (!list)
			tensor_set(&t, 0, a->f);
		else if (a->n_floats)
			memcpy(t.data, a->floats, a->n_floats * sizeof *a->floats);
		set_site(l, add_value(l, p->output[0], VALUE_CONSTANT, t), NULL, a);
		return true;
	}
	return false;
}

static const char *node_name(struct loader *l, const Onnx__NodeProto *p)
{
	if (p->name && *p->name)
		return arena_strdup(l->graph->arena, p->name);
	for (size_t k = 0; k < p->n_output; k++)
		if (*p->output[k])
			return arena_strdup(l->graph->arena, p->output[k]);
	return "";
}

static void load_node(struct loader *l, const Onnx__NodeProto *p)
{
	struct arena *arena = l->graph->arena;
	const char *name = node_name(l, p), *op = arena_strdup(arena, p->op_type ? p->op_type : "");
	const char *domain = p->domain && strcmp(p->domain, "ai.onnx") ? p->domain : "";
	uint32_t n_in = (uint32_t)p->n_input, n_out = (uint32_t)p->n_output;
	uint32_t *in = arena_alloc(arena, n_in * sizeof *in);
	const char **out = arena_alloc(arena, n_out * sizeof *out);
	struct attr *attrs = arena_alloc(arena, (p->n_attribute + 1) * sizeof *attrs);
	const struct op_def *def = NULL;
	size_t n = 0;
	if (!strcmp(domain, "") && !strcmp(op, "Constant") && load_constant(l, p))
		return;
	for (uint32_t k = 0; k < n_in; k++)
		if (*p->input[k])
			map_get(&l->names, p->input[k], &in[k]); /* told by visit if not there */
	for (size_t k = 0; k < p->n_attribute; k++)
		if (load_attr(l, name, p->attribute[k], &attrs[n]))
			n++;
	/* Operators of ours can't be asked for by a file. */
	if (!strcmp(domain, ""))
		def = op_find("", op, (int)l->model->opset);
	for (uint32_t k = 0; k < n_out; k++)
		out[k] = *p->output[k] ? p->output[k] : NULL;
	uint32_t id = graph_add_node(l->graph, def, name,
				     *domain ? arena_printf(arena, "%s.%s", domain, op) : op, in,
				     n_in, n_out, out, attrs);
	struct node *node = graph_node(l->graph, id);
	for (uint32_t k = 0; k < n_out; k++) {
		uint32_t old;
		if (!out[k])
			node->out[k] = 0;
		else if (map_get(&l->names, out[k], &old))
			problem(l, ERR_INPUT, "value '%s' is defined twice", out[k]);
		else
			map_set(&l->names, graph_value(l->graph, node->out[k])->name, node->out[k]);
	}
}

/* Nodes on the way into the graph: each is visited once, after those that make its inputs. */
struct ordering {
	Onnx__NodeProto *const *nodes;
	struct map makers; /* value name to the index of the node that makes it */
	enum { NEW, WAITING, LOADED } * state;
	ARRAY(uint32_t) waiting; /* each needs the one after it */
};

/* An input that is not there when the node is loaded, after all that could come before it. */
static void tell_missing(struct loader *l, const struct ordering *o, const Onnx__NodeProto *p,
			 const char *input)
{
	uint32_t maker;
	bool cycle = map_get(&o->makers, input, &maker) && o->state[maker] == WAITING;
	problem(l, ERR_INPUT, "node '%s' (%s): input '%s' %s", node_name(l, p),
		p->op_type ? p->op_type : "", input,
		cycle ? "is made from the node's own output: a cycle" : "is never defined");
	if (!cycle) /* told once */
		add_value(l, input, VALUE_INPUT, (struct tensor){ 0 });
}

/* Loads the node that waits last, or makes one wait that it needs first. */
static void visit(struct loader *l, struct ordering *o)
{
	uint32_t i = o->waiting.v[o->waiting.n - 1], id, maker;
	const Onnx__NodeProto *p = o->nodes[i];
	for (size_t k = 0; k < p->n_input; k++)
		if (*p->input[k] && !map_get(&l->names, p->input[k], &id) &&
		    map_get(&o->makers, p->input[k], &maker) && o->state[maker] == NEW) {
			o->state[maker] = WAITING;
			*array_push(&o->waiting) = maker;
			return;
		}
	for (size_t k = 0; k < p->n_input; k++)
		if (*p->input[k] && !map_get(&l->names, p->input[k], &id))
			tell_missing(l, o, p, p->input[k]);
	load_node(l, p);
	o->state[i] = LOADED;
	o->waiting.n--;
}

/*
 * The standard asks for sorted nodes and most files have them. Others are sorted by going back, from
 * each node in the order of the file, to what it needs.
 */
static void load_nodes(struct loader *l, const Onnx__GraphProto *g)
{
	struct ordering o = { .nodes = g->node };
	uint32_t n = (uint32_t)g->n_node, other;
	o.state = mem_alloc(n * sizeof *o.state);
	for (uint32_t i = 0; i < n; i++)
		for (size_t k = 0; k < g->node[i]->n_output; k++)
			if (!map_get(&o.makers, g->node[i]->output[k], &other))
				map_set(&o.makers, g->node[i]->output[k], i);
	for (uint32_t i = 0; i < n; i++) {
		if (o.state[i] != NEW)
			continue;
		o.state[i] = WAITING;
		*array_push(&o.waiting) = i;
		while (o.waiting.n)
			visit(l, &o);
	}
	map_release(&o.makers);
	array_release(&o.waiting);
	free(o.state);
}

static void load_outputs(struct loader *l, const Onnx__GraphProto *g)
{
	for (size_t i = 0; i < g->n_output; i++) {
		uint32_t id;
		const char *name = g->output[i]->name ? g->output[i]->name : "";
		const Onnx__TypeProto__Tensor *type = tensor_type(g->output[i]);
		if (map_get(&l->names, name, &id)) {
			struct value *v = graph_value(l->graph, id);
			*array_push(&l->graph->outputs) = id;
			if (v->kind == VALUE_TEMP && type && type->shape &&
			    type->shape->n_dim <= SHAPE_MAX_RANK) {
				v->t.dtype = (enum dtype)type->elem_type;
				load_dims(l, v, type->shape);
			}
		} else {
			problem(l, ERR_INPUT, "output '%s' is never defined", name);
		}
	}
	if (!g->n_output)
		problem(l, ERR_INPUT, "the model has no output");
}

static void load_opset(struct loader *l, const Onnx__ModelProto *m)
{
	int64_t opset = 0;
	for (size_t i = 0; i < m->n_opset_import; i++) {
		const Onnx__OperatorSetIdProto *o = m->opset_import[i];
		if (!o->domain || !*o->domain || !strcmp(o->domain, "ai.onnx"))
			opset = o->version;
	}
	if (!opset)
		problem(l, ERR_INPUT, "no opset of ai.onnx is imported");
	else if (opset < OPSET_OLDEST)
		problem(l, ERR_UNSUPPORTED,
			"opset %lld is older than %d: convert the model with "
			"onnx.version_converter",
			(long long)opset, OPSET_OLDEST);
	l->model->opset = opset > INT_MAX ? INT_MAX : opset;
}

static enum status convert(struct model *model, struct problems *problems, struct error *err)
{
	const Onnx__ModelProto *m = model->file.model;
	struct loader l = { .model = model, .problems = problems };
	uint32_t before = problems->total;
	if (!m->graph)
		return fail(err, ERR_INPUT, "%s: not an ONNX model: it has no graph",
			    model->file.path);
	if (m->has_ir_version && m->ir_version < 3)
		return fail(err, ERR_UNSUPPORTED, "%s: IR version %lld is older than 3",
			    model->file.path, (long long)m->ir_version);
	l.graph = model->graph = graph_new(&model->arena);
	load_opset(&l, m);
	load_initializers(&l, m->graph);
	load_inputs(&l, m->graph);
	load_nodes(&l, m->graph);
	load_outputs(&l, m->graph);
	map_release(&l.names);
	set_site(&l, model->graph->values.n, NULL, NULL); /* sites cover every value */
	if (problems->total == before)
		return OK;
	*err = problems->list[before < PROBLEMS_MAX ? before : PROBLEMS_MAX - 1];
	return err->status;
}

static enum status finish(struct model *model, enum status opened, struct model **out,
			  struct problems *problems, struct error *err)
{
	if (opened != OK) {
		problems_add(problems, err);
		free(model);
		return opened;
	}
	arena_init(&model->arena);
	uint32_t before = problems->total;
	enum status status = convert(model, problems, err);
	if (status != OK) {
		if (problems->total == before)
			problems_add(problems, err);
		model_free(model);
		return status;
	}
	*out = model;
	return OK;
}

enum status model_load(const char *path, struct model **out, struct problems *problems,
		       struct error *err)
{
	struct model *model = mem_alloc(sizeof *model);
	return finish(model, onnx_file_open(path, &model->file, err), out, problems, err);
}

enum status model_load_memory(const void *data, size_t size, struct model **out,
			      struct problems *problems, struct error *err)
{
	struct model *model = mem_alloc(sizeof *model);
	return finish(model, onnx_file_open_memory(data, size, &model->file, err), out, problems,
		      err);
}

enum status model_load_edited(const struct model *original, const struct onnx_edits *edits,
			      struct model **out, struct problems *problems, struct error *err)
{
	void *data;
	size_t size;
	if (onnx_edit(&original->file, edits, &data, &size, err) != OK) {
		fail_context(err, "%s", original->file.path);
		problems_add(problems, err);
		return err->status;
	}
	struct model *model = mem_alloc(sizeof *model);
	return finish(model, onnx_file_open_edited(&original->file, data, size, &model->file, err),
		      out, problems, err);
}

void model_free(struct model *model)
{
	if (!model)
		return;
	onnx_file_close(&model->file);
	graph_free(model->graph);
	arena_release(&model->arena);
	free(model->sites);
	free(model);
}

const char *model_metadata(const struct model *model, const char *key)
{
	const Onnx__ModelProto *m = model->file.model;
	for (size_t i = 0; i < m->n_metadata_props; i++)
		if (m->metadata_props[i]->key && !strcmp(m->metadata_props[i]->key, key))
			return m->metadata_props[i]->value;
	return NULL;
}
