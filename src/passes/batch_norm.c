/* batch_norm.c - rewrites BatchNormalization for training (see batch_norm.h). */
#include "passes/batch_norm.h"

#include "passes/rewrite.h"

#include <stdlib.h>

enum { BN_X, BN_SCALE, BN_B, BN_MEAN, BN_VAR };

struct batch_norm {
	struct rewrite r;
	uint32_t *readers; /* per value of the old graph */
	uint32_t *state;   /* per value of the old graph: the STATE that replaces it */
	uint32_t *delayed; /* per value of the old graph: node of the convolution that makes it and
			      waits for its BatchNormalization */
};

/* [C] as [1,C,1,...] to broadcast over the channels of a value of this rank. */
static uint32_t per_channel(struct builder *b, uint32_t v, int rank)
{
	struct shape s = { .rank = rank };
	for (int i = 0; i < rank; i++)
		s.dim[i] = 1;
	s.dim[1] = build_shape(b, v)->dim[0];
	return build_reshape(b, v, &s);
}

/* s = scale / sqrt(var + epsilon), t = B - mean * s; statistics of other types are converted. */
static void factors(struct batch_norm *p, const struct node *node, uint32_t *s, uint32_t *t)
{
	struct builder *b = &p->r.b;
	uint32_t in[5];
	for (int k = 1; k < 5; k++)
		in[k] = p->r.map[node->in[k]];
	enum dtype dtype = build_type(b, in[BN_SCALE])->dtype;
	uint32_t mean = build_cast(b, in[BN_MEAN], dtype), var = build_cast(b, in[BN_VAR], dtype);
	uint32_t eps = build_scalar(b, node_float(node, "epsilon"), var);
	uint32_t deviation = build(b, "Sqrt", IN(build(b, "Add", IN(var, eps))));
	*s = build(b, "Div", IN(in[BN_SCALE], deviation));
	*t = build(b, "Sub", IN(in[BN_B], build(b, "Mul", IN(mean, *s))));
}

static void fold_into_conv(struct batch_norm *p, const struct node *conv, const struct node *node)
{
	struct builder *b = &p->r.b;
	uint32_t s, t, w = p->r.map[conv->in[1]];
	rewrite_origin(&p->r, node);
	factors(p, node, &s, &t);
	enum dtype dtype = build_type(b, w)->dtype;
	struct shape out = { .rank = build_shape(b, w)->rank };
	for (int i = 0; i < out.rank; i++)
		out.dim[i] = 1;
	out.dim[0] = build_shape(b, w)->dim[0];
	uint32_t ws = build(b, "Mul", IN(w, build_reshape(b, build_cast(b, s, dtype), &out)));
	if (conv->n_in > 2 && conv->in[2]) {
		uint32_t bias = build_cast(b, p->r.map[conv->in[2]], build_type(b, s)->dtype);
		t = build(b, "Add", IN(build(b, "Mul", IN(bias, s)), t));
	}
	uint32_t in[3] = { p->r.map[conv->in[0]], ws, build_cast(b, t, dtype) };
	rewrite_copy_with(&p->r,
			  &(struct node){ .def = conv->def,
					  .name = conv->name,
					  .op = conv->op,
					  .n_in = 3,
					  .n_out = 1,
					  .out = node->out,
					  .attrs = conv->attrs },
			  in);
}

static void scale_and_shift(struct batch_norm *p, const struct node *node)
{
	struct builder *b = &p->r.b;
	uint32_t s, t, x = p->r.map[node->in[BN_X]];
	int rank = build_shape(b, x)->rank;
	enum dtype dtype = build_type(b, x)->dtype;
	rewrite_origin(&p->r, node);
	factors(p, node, &s, &t);
	s = per_channel(b, build_cast(b, s, dtype), rank);
	t = per_channel(b, build_cast(b, t, dtype), rank);
	p->r.map[node->out[0]] = build(b, "Add", IN(build(b, "Mul", IN(x, s)), t));
}

/* A running statistic as STATE of at least float32, under the name that it has in the file. */
static uint32_t as_state(struct batch_norm *p, uint32_t old)
{
	const struct value *v = graph_value(p->r.from, old);
	if (v->kind != VALUE_CONSTANT)
		return p->r.map[old]; /* computed: nothing to update */
	if (!p->state[old]) {
		struct tensor t = v->t;
		if (t.dtype != DT_F64 && t.dtype != DT_F32)
			t = (struct tensor){ DT_F32, t.shape, NULL };
		p->state[old] = graph_add_value(p->r.b.graph, v->name, VALUE_STATE, t);
	}
	return p->state[old];
}

static void with_state(struct batch_norm *p, const struct node *node, bool train)
{
	struct builder *b = &p->r.b;
	uint32_t in[5];
	for (int k = 0; k < 5; k++)
		in[k] = p->r.map[node->in[k]];
	rewrite_origin(&p->r, node);
	if (train && graph_value(p->r.from, node->in[BN_MEAN])->kind == VALUE_CONSTANT &&
	    graph_value(p->r.from, node->in[BN_VAR])->kind == VALUE_CONSTANT) {
		uint32_t out[5];
		/* Exporters store equal tensors once; then the file has no room for two statistics. */
		if (p->state[node->in[BN_MEAN]] || p->state[node->in[BN_VAR]])
			build_fail(
				b, ERR_UNSUPPORTED,
				"node '%s' (%s): shares its running statistics with another node; "
				"use --batch-norm frozen",
				node->name, node->op);
		in[BN_MEAN] = as_state(p, node->in[BN_MEAN]);
		in[BN_VAR] = as_state(p, node->in[BN_VAR]);
		build_outputs(b, "BatchNormTrain", (struct inputs){ in, 5 },
			      (struct attr[]){ attr_float("epsilon", node_float(node, "epsilon")),
					       attr_float("momentum", node_float(node, "momentum")),
					       { 0 } },
			      NULL, out, 5);
		p->r.map[node->out[0]] = out[0];
		return;
	}
	for (int k = BN_MEAN; k <= BN_VAR; k++)
		in[k] = build_cast(b, as_state(p, node->in[k]),
				   graph_value(p->r.from, node->in[k])->t.dtype);
	rewrite_copy_with(&p->r, node, in);
}

static void count_readers(const struct graph *graph, uint32_t *readers)
{
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		for (uint32_t k = 0; k < node->n_in; k++)
			readers[node->in[k]]++;
	}
	for (uint32_t k = 0; k < graph->outputs.n; k++)
		readers[graph->outputs.v[k]]++;
}

/* A convolution whose only reader is a frozen BatchNormalization waits for it. */
static bool waits(const struct batch_norm *p, const struct node *conv)
{
	const struct graph *graph = p->r.from;
	if (!node_is(conv, "Conv") || p->readers[conv->out[0]] != 1)
		return false;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		if (node_is(node, "BatchNormalization") && node->in[0] == conv->out[0])
			return true;
	}
	return false;
}

enum status batch_norm_apply(struct graph **graph, enum batch_norm_mode mode, struct error *err)
{
	struct graph *from = *graph;
	struct batch_norm p;
	rewrite_begin(&p.r, from, err);
	p.readers = mem_alloc(from->values.n * sizeof *p.readers);
	p.state = mem_alloc(from->values.n * sizeof *p.state);
	p.delayed = mem_alloc(from->values.n * sizeof *p.delayed);
	count_readers(from, p.readers);
	for (uint32_t i = 0; i < from->order.n; i++) {
		const struct node *node = graph_node(from, from->order.v[i]);
		if (mode == BATCH_NORM_FROZEN && waits(&p, node))
			p.delayed[node->out[0]] = from->order.v[i];
		else if (!node_is(node, "BatchNormalization"))
			rewrite_copy(&p.r, node);
		else if (mode != BATCH_NORM_FROZEN)
			with_state(&p, node, mode == BATCH_NORM_TRAIN);
		else if (p.delayed[node->in[0]])
			fold_into_conv(&p, graph_node(from, p.delayed[node->in[0]]), node);
		else
			scale_and_shift(&p, node);
	}
	free(p.readers);
	free(p.state);
	free(p.delayed);
	return rewrite_end(&p.r, graph);
}
