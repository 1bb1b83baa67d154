/*
 * new_head.c - replaces the classifier of a model (see new_head.h).
 *
 *  1. Find it; make new constants of its weight, biases and constant shapes.
 *  2. Bind the graph as it is and with the new constants in place: where the types of values differ,
 *     what the file declares has to follow.
 *  3. Edit the bytes and open them.
 *
 * A head on a value of the user's choice is made in new_head_on.c.
 */
#include "api/new_head.h"

#include "api/new_head_parts.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/text.h"
#include "onnx/make.h"
#include "passes/bind.h"
#include "passes/head.h"
#include "passes/loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- elements ---- */

/* Random numbers of the head's tensors: no other stream of a seed has this in its upper half. */
#define STREAM_HEAD (UINT64_C(0x68656164) << 32)

enum status head_tensor(struct head_work *w, enum dtype dtype, const struct shape *shape,
			struct tensor *out, struct error *err)
{
	size_t bytes;
	TRY(tensor_size(dtype, shape, &bytes, err));
	*out = (struct tensor){ dtype, *shape, NULL };
	TRY(mem_try_alloc(bytes, &out->data, err));
	*array_push(&w->buffers) = out->data;
	memset(out->data, 0, bytes);
	return OK;
}

void head_fill(struct tensor *t, int axis, uint64_t seed, uint64_t stream, int64_t fan_in)
{
	double bound = 1 / sqrt((double)fan_in);
	int64_t classes = t->shape.dim[axis], inner = 1, n = shape_elements(&t->shape);
	for (int i = axis + 1; i < t->shape.rank; i++)
		inner *= t->shape.dim[i];
	for (int64_t i = 0; i < n; i++) {
		/* the number depends on class and place in the row, not on how they are stored */
		int64_t class = i / inner % classes, at = i / inner / classes * inner + i % inner;
		uint64_t place = (uint64_t) class * (uint64_t)(n / classes) + (uint64_t)at;
		uint32_t words[4];
		philox(seed, STREAM_HEAD | stream, place, words);
		tensor_set(t, i, bound * (2 * (double)rng_uniform(words[0]) - 1));
	}
}

/* Where element j of row k lies, `axis` counting rows. */
static int64_t place_of(const struct shape *shape, int axis, int64_t k, int64_t j)
{
	int64_t inner = 1;
	for (int i = axis + 1; i < shape->rank; i++)
		inner *= shape->dim[i];
	return (j / inner * shape->dim[axis] + k) * inner + j % inner;
}

/* Row `from` of a becomes row `to` of b. */
static void copy_row(const struct tensor *a, int axis_a, int64_t from, struct tensor *b, int axis_b,
		     int64_t to)
{
	int64_t n = shape_elements(&a->shape) / a->shape.dim[axis_a];
	for (int64_t j = 0; j < n; j++)
		tensor_set(b, place_of(&b->shape, axis_b, to, j),
			   tensor_get(a, place_of(&a->shape, axis_a, from, j)));
}

void head_name(struct head_work *w, const char *name)
{
	*array_push(&w->tensors) = arena_strdup(w->request->arena, name);
}

/* ---- what is added to the graph ---- */

static bool is_taken(const struct graph *g, const char *name)
{
	for (uint32_t i = 1; i < g->values.n; i++)
		if (!strcmp(graph_value(g, i)->name, name))
			return true;
	for (uint32_t i = 1; i < g->nodes.n; i++)
		if (!strcmp(graph_node(g, i)->name, name))
			return true;
	return false;
}

char *head_free_name(struct head_work *w, const char *wish)
{
	char *name = arena_strdup(&w->arena, wish);
	for (int i = 2; is_taken(w->request->model->graph, name); i++)
		name = arena_printf(&w->arena, "%s_%d", wish, i);
	return name;
}

/* Before IR version 4 an initializer had to be an input too. */
void head_declare_tensors(struct head_work *w, Onnx__GraphProto *added)
{
	const Onnx__ModelProto *m = w->request->model->file.model;
	if (!m->has_ir_version || m->ir_version >= 4)
		return;
	for (size_t i = 0; i < added->n_initializer; i++) {
		const Onnx__TensorProto *t = added->initializer[i];
		struct shape shape = { .rank = (int)t->n_dims };
		memcpy(shape.dim, t->dims, t->n_dims * sizeof *t->dims);
		added->input[added->n_input++] = onnx_make_value(
			&w->arena, t->name, (enum dtype)t->data_type, &shape, NULL);
	}
}

/* ---- classes on both sides ---- */

/* old[k]: the model's class of the name of class k, -1: none. Returns how many there are. */
static int64_t match_classes(const struct new_head *h, int64_t classes, int64_t *old)
{
	struct map index = { 0 };
	uint32_t at;
	int64_t n = 0;
	for (uint32_t i = 0; h->known.n == classes && i < h->known.n; i++)
		map_set(&index, h->known.v[i],
			map_get(&index, h->known.v[i], &at) ? UINT32_MAX : i);
	for (int64_t k = 0; k < h->classes; k++) {
		bool found = map_get(&index, h->names[k], &at) && at != UINT32_MAX;
		old[k] = found ? (int64_t)at : -1;
		n += found;
	}
	map_release(&index);
	return n;
}

/* ---- new constants ---- */

static enum status check_site(const struct new_head *h, uint32_t value, struct error *err)
{
	const struct onnx_change *site = &h->model->sites[value];
	if (site->tensor || (site->attribute && site->attribute->n_floats))
		return OK;
	return fail(err, ERR_UNSUPPORTED, "'%s' is stored as a single number",
		    graph_value(h->model->graph, value)->name);
}

/* The tensor becomes the constant, or the classifier's own beside it. */
static void set_constant(struct head_work *w, const struct head_constant *c, const struct tensor *t)
{
	const struct graph *g = w->request->model->graph;
	*array_push(&w->changes) = (struct head_change){
		c->value, *t, c->reader, c->operand,
		c->reader ? graph_node(g, c->reader)->in[c->operand] : 0
	};
}

static enum status new_constant(struct head_work *w, const struct head_constant *c,
				const struct shape *shape, struct tensor *out, struct error *err)
{
	if (!c->reader)
		TRY(check_site(w->request, c->value, err));
	return head_tensor(w, c->dtype, shape, out, err);
}

static enum status make_rows(struct head_work *w, const struct head_constant *c, int64_t fan_in,
			     const int64_t *old, struct error *err)
{
	const struct new_head *h = w->request;
	const struct tensor *was = &graph_value(h->model->graph, c->value)->t;
	int axis = c->reader ? c->own_axis : c->axis;
	struct shape shape = c->shape;
	struct tensor t;
	shape.dim[axis] = h->classes;
	TRY(new_constant(w, c, &shape, &t, err));
	if (fan_in)
		head_fill(&t, axis, h->seed, w->changes.n, fan_in);
	for (int64_t k = 0; k < h->classes; k++)
		if (old[k] >= 0)
			copy_row(was, c->axis, old[k], &t, axis, k);
	set_constant(w, c, &t);
	return OK;
}

static enum status make_shape(struct head_work *w, const struct head_constant *c, struct error *err)
{
	const struct new_head *h = w->request;
	const struct tensor *was = &graph_value(h->model->graph, c->value)->t;
	struct tensor t;
	TRY(new_constant(w, c, &was->shape, &t, err));
	for (int64_t i = 0, n = shape_elements(&t.shape); i < n; i++)
		tensor_set_int(&t, i, tensor_get_int(was, i));
	tensor_set_int(&t, c->axis, h->classes);
	set_constant(w, c, &t);
	return OK;
}

/* Adds what the classifier alone is to read: initializers, and their names at its inputs. */
static void add_own(struct head_work *w)
{
	const struct graph *g = w->request->model->graph;
	Onnx__GraphProto *back = NULL;
	for (uint32_t i = 0; i < w->changes.n; i++) {
		const struct head_change *c = &w->changes.v[i];
		if (!c->reader)
			continue;
		if (!back)
			back = onnx_make_graph(&w->arena, w->changes.n);
		const struct node *reader = graph_node(g, c->reader);
		char *name = head_free_name(w, arena_printf(&w->arena, "%s.head",
							    graph_value(g, c->value)->name));
		back->initializer[back->n_initializer++] = onnx_make_tensor(&w->arena, name,
									    &c->to);
		*array_push(&w->inputs) = (struct onnx_input_edit){
			graph_value(g, reader->out[reader->n_out - 1])->name, c->operand, name
		};
	}
	if (back)
		head_declare_tensors(w, back);
	w->back = back;
}

/* ---- what the file declares ---- */

/* The graph's types with what `changes` holds in place of the constants. */
static enum status bind_changed(struct head_work *w, struct binding *out, struct problems *problems,
				struct error *err)
{
	struct graph *g = w->request->model->graph;
	struct tensor *own = mem_alloc(w->changes.n * sizeof *own);
	uint32_t values = g->values.n;
	for (uint32_t i = 0; i < w->changes.n; i++) {
		const struct head_change *c = &w->changes.v[i];
		struct value *v = graph_value(g, c->value);
		own[i] = v->t;
		if (c->reader)
			graph_node(g, c->reader)->in[c->operand] = graph_add_value(
				g, "", VALUE_CONSTANT, c->to);
		else
			v->t = c->to;
	}
	enum status status = bind_graph(g, w->request->shapes, NULL, out, problems, err);
	for (uint32_t i = 0; i < w->changes.n; i++) {
		const struct head_change *c = &w->changes.v[i];
		graph_value(g, c->value)->t = own[i];
		if (c->reader)
			graph_node(g, c->reader)->in[c->operand] = c->was;
	}
	g->values.n = values;
	free(own);
	return status;
}

static void note_axes(struct head_work *w, const char *name, const struct shape *was,
		      const struct shape *is)
{
	for (int i = 0; i < was->rank && i < is->rank; i++) {
		if (was->dim[i] == is->dim[i])
			continue;
		*array_push(&w->axes) = (struct onnx_axis_edit){ name, i, is->dim[i] };
		return; /* there is one axis of classes */
	}
}

/* The output must have become what was asked for. */
static enum status check_output(struct head_work *w, const struct head *head,
				const struct binding *was, const struct binding *is,
				struct error *err)
{
	const struct graph *g = w->request->model->graph;
	uint32_t id = g->outputs.v[w->request->output];
	struct shape a = graph_value(was->graph, was->map[id])->t.shape;
	const struct shape *b = &graph_value(is->graph, is->map[id])->t.shape;
	char x[SHAPE_TEXT], y[SHAPE_TEXT];
	struct loss_head ending = loss_find(was->graph, was->graph->outputs.v[w->request->output]);
	if (ending.ending == ENDING_SIGMOID)
		return fail(err, ERR_UNSUPPORTED,
			    "output '%s' ends in Sigmoid, which does not tell classes apart",
			    graph_value(g, id)->name);
	for (int i = 1; i < a.rank; i++) {
		struct shape c = a;
		c.dim[i] = w->request->classes;
		if (a.dim[i] == head->classes && shape_equal(&c, b))
			return OK;
	}
	return fail(err, ERR_UNSUPPORTED,
		    "with another number of classes, output '%s' would go from %s to %s",
		    graph_value(g, id)->name, shape_format(&a, x), shape_format(b, y));
}

static enum status follow_shapes(struct head_work *w, const struct head *head,
				 struct problems *problems, struct error *err)
{
	const struct graph *g = w->request->model->graph;
	struct binding was = { 0 }, is = { 0 };
	struct problems ours = { 0 };
	TRY(bind_graph(g, w->request->shapes, NULL, &was, problems, err));
	enum status status = bind_changed(w, &is, &ours, err);
	if (status == OK)
		status = check_output(w, head, &was, &is, err);
	for (uint32_t i = 1; status == OK && i < g->values.n; i++)
		if (graph_value(g, i)->node && was.map[i] && is.map[i])
			note_axes(w, graph_value(g, i)->name,
				  &graph_value(was.graph, was.map[i])->t.shape,
				  &graph_value(is.graph, is.map[i])->t.shape);
	for (uint32_t i = 0; status == OK && i < w->changes.n; i++) {
		const struct value *v = graph_value(g, w->changes.v[i].value);
		if (w->changes.v[i].reader)
			continue;
		note_axes(w, v->name, &v->t.shape, &w->changes.v[i].to.shape);
	}
	graph_free(was.graph);
	graph_free(is.graph);
	return status;
}

/* ---- the whole ---- */

static void tell(const struct head_work *w, const struct head *head, int64_t kept)
{
	const struct new_head *h = w->request;
	const struct graph *g = h->model->graph;
	const struct node *node = graph_node(g, head->node);
	struct text names = { 0 }, rows = { 0 };
	if (kept && !h->from)
		text_add(&rows, "; kept are the rows of %lld classes of the same name",
			 (long long)kept);
	for (uint32_t i = 0; i < w->tensors.n; i++)
		text_add(&names, "%s'%s'", i ? ", " : "", w->tensors.v[i]);
	log_note(h->log,
		 "new head: node '%s' (%s) tells %lld classes apart instead of %lld: %s %s%s%s",
		 node->name, node->op, (long long)h->classes, (long long)head->classes, names.s,
		 h->from ? "from " : "made anew", h->from ? h->from : "", rows.s ? rows.s : "");
	text_release(&rows);
	text_release(&names);
}

/* The first changes are weight and biases. */
static void name_tensors(struct head_work *w, uint32_t n)
{
	uint32_t own = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct head_change *c = &w->changes.v[i];
		head_name(w, c->reader ? w->inputs.v[own++].name
				       : graph_value(w->request->model->graph, c->value)->name);
	}
}

static enum status replace(struct head_work *w, struct problems *problems, struct error *err)
{
	const struct new_head *h = w->request;
	const struct graph *g = h->model->graph;
	struct head head;
	TRY(head_find(g, g->outputs.v[h->output], &head, err));
	int64_t *old = mem_alloc((size_t)h->classes * sizeof *old);
	int64_t kept = match_classes(h, head.classes, old);
	enum status status = make_rows(w, &head.weight, head.fan_in, old, err);
	for (uint32_t i = 0; status == OK && i < head.n_biases; i++)
		/* one bias as PyTorch has it, others 0: their sum counts */
		status = make_rows(w, &head.biases[i], i ? 0 : head.fan_in, old, err);
	for (uint32_t i = 0; status == OK && i < head.n_shapes; i++)
		status = make_shape(w, &head.shapes[i], err);
	free(old);
	TRY(status);
	add_own(w);
	name_tensors(w, 1 + head.n_biases);
	TRY(follow_shapes(w, &head, problems, err));
	tell(w, &head, kept);
	return OK;
}

static enum status edit(struct head_work *w, struct new_head_made *out, struct problems *problems,
			struct error *err)
{
	const struct new_head *h = w->request;
	ARRAY(struct onnx_tensor_edit) tensors = { 0 };
	for (uint32_t i = 0; i < w->changes.n; i++) {
		const struct onnx_change *site = &h->model->sites[w->changes.v[i].value];
		if (w->changes.v[i].reader)
			continue;
		*array_push(&tensors) = (struct onnx_tensor_edit){ site->tensor, site->attribute,
								   w->changes.v[i].to };
	}
	struct onnx_edits edits = {
		.tensors = tensors.v,
		.n_tensors = tensors.n,
		.axes = w->axes.v,
		.n_axes = w->axes.n,
		.inputs = w->inputs.v,
		.n_inputs = w->inputs.n,
		.front = w->front,
		.back = w->back,
		.key = CLASS_NAMES_KEY,
		.value = class_names_format(h->names, (uint32_t)h->classes, &w->arena),
	};
	enum status status = model_load_edited(h->model, &edits, &out->model, problems, err);
	out->tensors = arena_dup(h->arena, w->tensors.v, w->tensors.n * sizeof *w->tensors.v);
	out->n = w->tensors.n;
	array_release(&tensors);
	return status;
}

enum status new_head_make(const struct new_head *head, struct new_head_made *out,
			  struct problems *problems, struct error *err)
{
	struct head_work w = { .request = head };
	uint32_t before = problems->total;
	arena_init(&w.arena);
	enum status status = head->on ? head_put_on(&w, problems, err) : replace(&w, problems, err);
	if (status != OK && status != ERR_USAGE && problems->total == before)
		fail_context(err, "%s: no new head for %lld classes", head->model->file.path,
			     (long long)head->classes);
	if (status == OK)
		status = edit(&w, out, problems, err);
	for (uint32_t i = 0; i < w.buffers.n; i++)
		free(w.buffers.v[i]);
	array_release(&w.buffers);
	array_release(&w.changes);
	array_release(&w.axes);
	array_release(&w.inputs);
	array_release(&w.tensors);
	arena_release(&w.arena);
	return status;
}
