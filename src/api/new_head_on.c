/*
 * new_head_on.c - a linear classifier on any value of a model (see new_head.h): nodes, weights and an
 * output that are added to the graph.
 *
 *  1. Bind the graph with the value as an output more: its type.
 *  2. Nodes that make rows of a feature vector for each sample, then a Gemm.
 *  3. The scores are declared in front of the other outputs, the rest goes behind the graph.
 */
#include "api/new_head_parts.h"
#include "base/text.h"
#include "onnx/make.h"
#include "passes/bind.h"

#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 3 /* nodes, and tensors */

/* What is added, in the making. Everything lies in the work's arena. */
struct addition {
	struct head_work *w;
	const struct graph *graph;
	Onnx__GraphProto *back;
	const char *flowing; /* name of the value that the next node takes */
};

/* ---- parts ---- */

static char *add_tensor(struct addition *a, const char *wish, const struct tensor *t)
{
	Onnx__TensorProto *p = onnx_make_tensor(&a->w->arena, head_free_name(a->w, wish), t);
	a->back->initializer[a->back->n_initializer++] = p;
	return p->name;
}

/* A node that takes what flows, and more inputs; its output flows then. */
static Onnx__NodeProto *add_node(struct addition *a, const char *op, const char *wish,
				 const char *second, const char *third)
{
	const char *in[] = { a->flowing, second, third };
	uint32_t n = 1 + (second != NULL) + (third != NULL);
	char *name = head_free_name(a->w, wish);
	a->flowing = name;
	return a->back->node[a->back->n_node++] = onnx_make_node(&a->w->arena, op, name, in, n,
								 name);
}

/* ---- the head ---- */

/* [N,D] of what flows. */
static enum status flatten(struct addition *a, const struct shape *shape, struct error *err)
{
	if (shape->rank == 3) { /* [N,T,D]: the mean over T */
		int64_t one = 1;
		struct tensor axes = { DT_I64, SHAPE(1), &one };
		bool input = a->w->request->model->opset >= 18;
		if (input)
			axes.data = arena_dup(&a->w->arena, &one, sizeof one);
		char *second = input ? add_tensor(a, "head.axes", &axes) : NULL;
		Onnx__NodeProto *mean = add_node(a, "ReduceMean", "head.mean", second, NULL);
		onnx_make_int(&a->w->arena, mean, "keepdims", 0);
		if (input)
			return OK;
		onnx_make_ints(&a->w->arena, mean, "axes", &one, 1);
	} else if (shape->rank == 4) { /* [N,C,H,W]: the mean over the picture */
		add_node(a, "GlobalAveragePool", "head.pool", NULL, NULL);
		Onnx__NodeProto *p = add_node(a, "Flatten", "head.flat", NULL, NULL);
		onnx_make_int(&a->w->arena, p, "axis", 1);
	} else if (shape->rank != 2) {
		char text[SHAPE_TEXT];
		return fail(err, ERR_UNSUPPORTED,
			    "'%s' has shape %s; a head takes [N,D], [N,T,D] or [N,C,H,W]",
			    a->w->request->on, shape_format(shape, text));
	}
	return OK;
}

/* The scores' first axis is declared as that of the first input. */
static Onnx__ValueInfoProto *scores_info(struct addition *a, enum dtype dtype)
{
	const struct value *in = graph_value(a->graph, a->graph->inputs.v[0]);
	struct shape shape = SHAPE(in->t.shape.dim[0], a->w->request->classes);
	const char *name = in->dim_names && in->dim_names[0] ? in->dim_names[0] : "batch";
	return onnx_make_value(&a->w->arena, a->flowing, dtype, &shape, name);
}

static enum status add_head(struct addition *a, const struct tensor *type, struct error *err)
{
	struct head_work *w = a->w;
	const struct new_head *h = w->request;
	struct tensor weight, bias;
	if (!dtype_is_trainable(type->dtype))
		return fail(err, ERR_UNSUPPORTED, "'%s' holds %s, no floats", h->on,
			    dtype_name(type->dtype));
	TRY(flatten(a, &type->shape, err));
	int64_t features = type->shape.dim[type->shape.rank == 4 ? 1 : type->shape.rank - 1];
	if (features < 1)
		return fail(err, ERR_UNSUPPORTED, "'%s' has no features", h->on);
	TRY(head_tensor(w, type->dtype, &SHAPE(h->classes, features), &weight, err));
	TRY(head_tensor(w, type->dtype, &SHAPE(h->classes), &bias, err));
	head_fill(&weight, 0, h->seed, 0, features);
	head_fill(&bias, 0, h->seed, 1, features);
	char *w_name = add_tensor(a, "head.weight", &weight);
	char *b_name = add_tensor(a, "head.bias", &bias);
	head_name(w, w_name);
	head_name(w, b_name);
	Onnx__NodeProto *gemm = add_node(a, "Gemm", "logits", w_name, b_name);
	onnx_make_int(&a->w->arena, gemm, "transB", 1);
	return OK;
}

/* The type of a value, found by binding the graph with it as an output. */
static enum status type_of(const struct new_head *h, uint32_t value, struct tensor *out,
			   struct problems *problems, struct error *err)
{
	struct graph *g = h->model->graph;
	struct binding bound;
	*array_push(&g->outputs) = value;
	enum status status = bind_graph(g, h->shapes, NULL, &bound, problems, err);
	g->outputs.n--;
	TRY(status);
	*out = graph_value(bound.graph, bound.map[value])->t;
	graph_free(bound.graph);
	return OK;
}

static uint32_t find_value(const struct graph *g, const char *name)
{
	for (uint32_t i = 1; i < g->values.n; i++)
		if (!strcmp(graph_value(g, i)->name, name))
			return i;
	return 0;
}

/* ERR_USAGE; the names of what the graph computes last are of use here. */
static enum status no_value(const struct new_head *h, struct error *err)
{
	const struct graph *g = h->model->graph;
	struct text names = { 0 };
	for (uint32_t i = g->order.n, n = 0; i-- > 0 && n < 5; n++)
		text_add(&names, "%s'%.80s'", n ? ", " : "",
			 graph_value(g, graph_node(g, g->order.v[i])->out[0])->name);
	fail(err, ERR_USAGE,
	     "--head-on: the graph computes no value '%.200s'; the last ones are %s", h->on,
	     names.s ? names.s : "none");
	text_release(&names);
	return ERR_USAGE;
}

enum status head_put_on(struct head_work *w, struct problems *problems, struct error *err)
{
	const struct new_head *h = w->request;
	struct addition a = { .w = w, .graph = h->model->graph };
	uint32_t value = find_value(a.graph, h->on);
	struct tensor type;
	if (!value || graph_value(a.graph, value)->kind == VALUE_CONSTANT)
		return no_value(h, err);
	TRY(type_of(h, value, &type, problems, err));
	Onnx__GraphProto *front = onnx_make_graph(&w->arena, 1);
	a.back = onnx_make_graph(&w->arena, PARTS_MAX);
	a.flowing = h->on;
	TRY(add_head(&a, &type, err));
	head_declare_tensors(w, a.back);
	front->output[front->n_output++] = scores_info(&a, type.dtype);
	w->front = front;
	w->back = a.back;
	char text[SHAPE_TEXT];
	type.shape.dim[0] = DIM_UNKNOWN;
	log_note(h->log,
		 "new head: '%s' of %s becomes '%s', scores of %lld classes, the first output",
		 h->on, shape_format(&type.shape, text), a.flowing, (long long)h->classes);
	return OK;
}
