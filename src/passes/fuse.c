/*
 * fuse.c - joins pointwise nodes into chains (see fuse.h). Each node that may be fused starts as a
 * chain of its own and joins those that its inputs come from, where nothing outside lies between
 * them. Then the nodes are put in a new order, each chain as one.
 */
#include "passes/fuse.h"

#include "ops/fused.h"
#include "passes/expand.h"
#include "passes/fuse_parts.h"
#include "passes/phase.h"

#include <stdlib.h>
#include <string.h>

#define SEARCH 512 /* nodes that are looked at to see that nothing lies between two chains */
#define NEAR 16    /* nodes between two that read the same value and are joined for that */

static bool is_float(enum dtype dtype)
{
	return dtype == DT_F32 || dtype == DT_F16 || dtype == DT_BF16;
}

static bool is_cast(const struct node *node)
{
	return node_is(node, "Cast");
}

static bool writes_over(const struct node *node)
{
	for (uint32_t k = 0; k < node->n_out; k++)
		if (op_output(node->def, k)->alias)
			return true;
	return false;
}

static uint32_t find_first_update(const struct graph *graph)
{
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		if (node->phase == PHASE_APPLY && writes_over(node))
			return i;
	}
	return graph->order.n;
}

/* ---- which nodes ---- */

/*
 * Those of APPLY must come before all updates: what the micro-batches have updated, and the
 * parameters, then stay while chains are put in a new order. A parameter's Cast stays alone, since its
 * optimizer may write it (copies.h).
 */
static bool in_time(const struct fuse *f, uint32_t id)
{
	const struct node *node = graph_node(f->from, id);
	switch (node->phase) {
	case PHASE_UPDATE:
		return !is_cast(node) || graph_value(f->from, node->in[0])->kind != VALUE_PARAM;
	case PHASE_MICRO:
		return true;
	case PHASE_APPLY:
		return f->position[id] < f->first_update;
	default:
		return false;
	}
}

static bool types_fit(const struct graph *graph, const struct node *node)
{
	enum dtype out = graph_value(graph, node->out[0])->t.dtype;
	for (uint32_t k = 0; k < node->n_in; k++) {
		if (!node->in[k])
			continue;
		const struct value *v = graph_value(graph, node->in[k]);
		const struct node *producer = v->node ? graph_node(graph, v->node) : NULL;
		if (v->kind == VALUE_STATE ||
		    (producer && op_output(producer->def, v->output)->alias &&
		     producer->phase == node->phase))
			return false; /* the order of reading and updating must stay */
		if (!is_float(v->t.dtype) && v->t.dtype != DT_BOOL && !is_scalar_constant(v) &&
		    !(is_sum(node) && v->t.data))
			return false;
	}
	return is_float(out) || out == DT_BOOL;
}

static enum fusible fusible(const struct fuse *f, uint32_t id)
{
	const struct graph *graph = f->from;
	const struct node *node = graph_node(graph, id);
	if (!((node->def->flags & OP_POINTWISE) || is_sum(node)) || !in_time(f, id) ||
	    node->n_out != 1 || !types_fit(graph, node))
		return FUSIBLE_NOT;
	if (is_cast(node))
		return is_float(graph_value(graph, node->in[0])->t.dtype) &&
				       is_float(graph_value(graph, node->out[0])->t.dtype)
			       ? FUSIBLE_CHEAP
			       : FUSIBLE_NOT;
	struct arena scratch;
	arena_init(&scratch);
	struct op_call call = op_call_of(graph, node, &scratch);
	enum fusible result = f->target->fusible(f->target, &call);
	arena_release(&scratch);
	return result;
}

/* ---- joining ---- */

uint32_t fuse_inputs(const struct fuse *f, const uint32_t *members, uint32_t n, uint32_t *inputs)
{
	const struct graph *graph = f->from;
	uint32_t n_inputs = 0, n_scalars = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct node *node = graph_node(graph, members[i]);
		for (uint32_t k = 0; k < node->n_in; k++) {
			uint32_t id = node->in[k];
			bool scalar = !id || is_scalar_constant(graph_value(graph, id));
			if (is_sum(node) && k > 0) /* the axes */
				continue;
			if (!scalar && (contains(members, n, graph_value(graph, id)->node) ||
					contains(inputs, n_inputs, id)))
				continue;
			if (n_inputs + n_scalars == FUSED_INPUTS)
				return MANY;
			if (scalar)
				n_scalars++;
			else
				inputs[n_inputs++] = id;
		}
	}
	return n_inputs;
}

static void push_producers(struct fuse *f, uint32_t id)
{
	const struct node *node = graph_node(f->from, id);
	for (uint32_t k = 0; k < node->n_in; k++)
		if (node->in[k] && graph_value(f->from, node->in[k])->node)
			*array_push(&f->stack) = graph_value(f->from, node->in[k])->node;
}

/*
 * Whether one of the values depends on chain a or b. Nodes before the first of their members can't;
 * chains run as one, so all that another chain reads counts. True when it would take too long to say.
 */
static bool depends(struct fuse *f, const uint32_t *inputs, uint32_t n, uint32_t a, uint32_t b,
		    uint32_t first)
{
	uint32_t looked = 0;
	f->stamp++;
	f->stack.n = 0;
	for (uint32_t k = 0; k < n; k++)
		if (graph_value(f->from, inputs[k])->node)
			*array_push(&f->stack) = graph_value(f->from, inputs[k])->node;
	while (f->stack.n) {
		uint32_t node = f->stack.v[--f->stack.n], chain = f->chain_of[node];
		if (f->seen[node] == f->stamp || f->position[node] < first)
			continue;
		if (chain && (chain == a || chain == b))
			return true;
		if (++looked > SEARCH)
			return true;
		f->seen[node] = f->stamp;
		if (!chain)
			push_producers(f, node);
		for (uint32_t i = 0; chain && i < f->chains.v[chain].members.n; i++) {
			f->seen[f->chains.v[chain].members.v[i]] = f->stamp;
			push_producers(f, f->chains.v[chain].members.v[i]);
		}
	}
	return false;
}

/* Whether a member reads a sum of another: that is known at the end only. */
static bool reads_sum(const struct fuse *f, const uint32_t *members, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct node *node = graph_node(f->from, members[i]);
		for (uint32_t k = 0; k < node->n_in; k++) {
			uint32_t p = node->in[k] ? graph_value(f->from, node->in[k])->node : 0;
			if (p && is_sum(graph_node(f->from, p)) && contains(members, n, p))
				return true;
		}
	}
	return false;
}

void fuse_merge(const struct fuse *f, const uint32_t *a, uint32_t n_a, const uint32_t *b,
		uint32_t n_b, uint32_t *out)
{
	uint32_t i = 0, j = 0;
	while (i < n_a || j < n_b) {
		bool from_a = j == n_b || (i < n_a && f->position[a[i]] < f->position[b[j]]);
		*out++ = from_a ? a[i++] : b[j++];
	}
}

/* Joins chain b to chain a where that is allowed. */
static void join(struct fuse *f, uint32_t a, uint32_t b)
{
	struct chain *to = &f->chains.v[a], *with = &f->chains.v[b];
	uint32_t members[FUSED_NODES], n = to->members.n + with->members.n;
	uint32_t inputs[FUSED_INPUTS];
	if (a == b || n > FUSED_NODES || fuse_phase(f, a) != fuse_phase(f, b) ||
	    !shape_equal(fuse_space(f, to->members.v[0]), fuse_space(f, with->members.v[0])))
		return;
	fuse_merge(f, to->members.v, to->members.n, with->members.v, with->members.n, members);
	uint32_t n_inputs = fuse_inputs(f, members, n, inputs);
	if (n_inputs == MANY || reads_sum(f, members, n) ||
	    depends(f, inputs, n_inputs, a, b, f->position[members[0]]))
		return;
	for (uint32_t i = 0; i < with->members.n; i++) {
		f->chain_of[with->members.v[i]] = a;
		array_push(&to->members);
	}
	memcpy(to->members.v, members, n * sizeof *members);
	array_release(&with->members);
}

/* Joins with the chain that read a value of the whole shape shortly before, so that it is read once. */
static void join_reader(struct fuse *f, uint32_t id, uint32_t value, uint32_t *last)
{
	uint32_t before = last[value];
	if (!shape_equal(&graph_value(f->from, value)->t.shape, fuse_space(f, id)))
		return;
	last[value] = id;
	if (before && f->position[id] - f->position[before] <= NEAR)
		join(f, f->chain_of[id], f->chain_of[before]);
}

static void find_chains(struct fuse *f)
{
	const struct graph *graph = f->from;
	uint32_t *last = mem_alloc(graph->values.n *
				   sizeof *last); /* per value: node that read it */
	array_push(&f->chains);
	for (uint32_t i = 0; i < graph->order.n; i++) {
		uint32_t id = graph->order.v[i];
		const struct node *node = graph_node(graph, id);
		f->position[id] = i;
		f->fusible[id] = fusible(f, id);
		if (!f->fusible[id])
			continue;
		f->chain_of[id] = f->chains.n;
		struct chain *chain = array_push(&f->chains);
		*array_push(&chain->members) = id;
		for (uint32_t k = 0; k < node->n_in; k++) {
			uint32_t producer = node->in[k] ? graph_value(graph, node->in[k])->node : 0;
			if (producer && f->chain_of[producer])
				join(f, f->chain_of[id], f->chain_of[producer]);
			if (node->in[k])
				join_reader(f, id, node->in[k], last);
		}
	}
	free(last);
}

/* ---- what is kept ---- */

static void find_readers(struct fuse *f)
{
	const struct graph *graph = f->from;
	for (uint32_t k = 0; k < graph->outputs.n; k++)
		f->reader[graph->outputs.v[k]] = MANY;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		uint32_t chain = f->chain_of[graph->order.v[i]];
		for (uint32_t k = 0; k < node->n_in; k++) {
			uint32_t id = node->in[k];
			uint32_t producer = id ? graph_value(graph, id)->node : 0;
			if (!producer || (chain && f->chain_of[producer] == chain))
				continue;
			f->reader[id] = chain && (f->reader[id] == NOBODY || f->reader[id] == chain)
						? chain
						: MANY;
		}
	}
}

/* ---- the new order ---- */

/* Dissolves a chain: its nodes stand alone. */
static void dissolve(struct fuse *f, uint32_t c)
{
	struct chain *chain = &f->chains.v[c];
	for (uint32_t i = 0; i < chain->members.n; i++) {
		uint32_t id = chain->members.v[i];
		if (f->chain_of[id] == c)
			f->chain_of[id] = 0;
		else
			f->again[graph_node(f->from, id)->out[0]] = false;
	}
	array_release(&chain->members);
}

/* The number of values that others read, into out; they may be over the limit. */
static uint32_t chain_outputs(const struct fuse *f, uint32_t c, uint32_t *out)
{
	const struct chain *chain = &f->chains.v[c];
	uint32_t n = 0;
	for (uint32_t i = 0; i < chain->members.n; i++) {
		uint32_t id = chain->members.v[i], value = graph_node(f->from, id)->out[0];
		if (f->chain_of[id] == c && f->reader[value] != NOBODY && !f->again[value])
			out[n++] = value;
	}
	return n;
}

static void drop_unfit(struct fuse *f)
{
	uint32_t out[FUSED_NODES];
	for (uint32_t c = 1; c < f->chains.n; c++) {
		uint32_t n = chain_outputs(f, c, out);
		if (f->chains.v[c].members.n < 2 || n > FUSED_OUTPUTS || !n)
			dissolve(f, c);
	}
}

/* Chains that would wait for themselves, through other chains, are dissolved. */
static uint32_t put_in_order(struct fuse *f, uint32_t *order)
{
	uint32_t loop, n;
	while ((loop = fuse_order(f, order, &n))) {
		dissolve(f, loop);
		drop_unfit(f);
	}
	return n;
}

/* ---- building ---- */

static void add_to_body(struct fuse *f, struct builder *body, const struct node *node)
{
	uint32_t *in = arena_alloc(f->from->arena, node->n_in * sizeof *in);
	for (uint32_t k = 0; k < node->n_in; k++) {
		in[k] = f->local[node->in[k]];
		if (node->in[k] && !in[k]) /* a scalar constant, or axes */
			in[k] = build_constant(body, NULL, graph_value(f->from, node->in[k])->t);
	}
	body->name = node->name;
	body->op = node->op;
	build_def(body, node->def, (struct inputs){ in, node->n_in }, node->attrs, NULL, NULL,
		  &f->local[node->out[0]], 1);
}

static void forget_body(struct fuse *f, uint32_t c, const uint32_t *inputs, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		f->local[inputs[k]] = 0;
	for (uint32_t i = 0; i < f->chains.v[c].members.n; i++)
		f->local[graph_node(f->from, f->chains.v[c].members.v[i])->out[0]] = 0;
}

static void build_chain(struct fuse *f, uint32_t c)
{
	const struct graph *graph = f->from;
	const struct chain *chain = &f->chains.v[c];
	struct builder *b = &f->r.b;
	uint32_t inputs[FUSED_INPUTS], outputs[FUSED_NODES], results[FUSED_OUTPUTS];
	const char *names[FUSED_OUTPUTS];
	uint32_t n_in = fuse_inputs(f, chain->members.v, chain->members.n, inputs);
	uint32_t n_out = chain_outputs(f, c, outputs);
	struct builder body = { .graph = graph_new(graph->arena), .err = b->err };
	for (uint32_t k = 0; k < n_in; k++) {
		const struct value *v = graph_value(graph, inputs[k]);
		uint32_t id = graph_add_value(body.graph, v->name, VALUE_INPUT, v->t);
		*array_push(&body.graph->inputs) = id;
		f->local[inputs[k]] = id;
	}
	for (uint32_t i = 0; i < chain->members.n; i++)
		add_to_body(f, &body, graph_node(graph, chain->members.v[i]));
	for (uint32_t k = 0; k < n_out; k++) {
		const struct value *v = graph_value(graph, outputs[k]);
		*array_push(&body.graph->outputs) = build_cast(&body, f->local[outputs[k]],
							       v->t.dtype);
		names[k] = v->name;
	}
	forget_body(f, c, inputs, n_in);
	for (uint32_t k = 0; k < n_in; k++)
		inputs[k] = f->r.map[inputs[k]];
	rewrite_origin(&f->r, graph_node(graph, chain->members.v[chain->members.n - 1]));
	if (b->status == OK)
		b->status = body.status;
	struct attr attrs[] = {
		{ .name = "_body", .kind = ATTR_GRAPH, .graph = graph_seal(body.graph) }, { 0 }
	};
	build_def(b, op_find("onnxtune", "Fused", 1), (struct inputs){ inputs, n_in }, attrs, NULL,
		  names, results, n_out);
	for (uint32_t k = 0; k < n_out && b->status == OK; k++) {
		f->r.map[outputs[k]] = results[k];
		graph_value(b->graph, results[k])->phase = fuse_phase(f, c);
	}
}

enum status fuse_apply(struct graph **graph, const struct target *target, struct error *err)
{
	if (!target->fusible)
		return OK;
	TRY(expand_drop(graph, err));
	phase_mark(*graph);
	struct graph *from = *graph;
	struct fuse f = {
		.from = from,
		.target = target,
		.position = mem_alloc(from->nodes.n * sizeof *f.position),
		.fusible = mem_alloc(from->nodes.n * sizeof *f.fusible),
		.chain_of = mem_alloc(from->nodes.n * sizeof *f.chain_of),
		.reader = mem_alloc(from->values.n * sizeof *f.reader),
		.again = mem_alloc(from->values.n * sizeof *f.again),
		.seen = mem_alloc(from->nodes.n * sizeof *f.seen),
		.local = mem_alloc(from->values.n * sizeof *f.local),
	};
	uint32_t *order = mem_alloc(from->order.n * sizeof *order);
	f.first_update = find_first_update(from);
	rewrite_begin(&f.r, from, err);
	find_chains(&f);
	find_readers(&f);
	for (uint32_t c = 1; c < f.chains.n; c++)
		fuse_again(&f, c);
	drop_unfit(&f);
	for (uint32_t i = 0, n = put_in_order(&f, order); i < n; i++)
		if (f.chain_of[order[i]])
			build_chain(&f, f.chain_of[order[i]]);
		else
			rewrite_copy(&f.r, graph_node(from, order[i]));
	for (uint32_t c = 0; c < f.chains.n; c++)
		array_release(&f.chains.v[c].members);
	array_release(&f.chains);
	array_release(&f.stack);
	free(f.position);
	free(f.fusible);
	free(f.chain_of);
	free(f.reader);
	free(f.again);
	free(f.seen);
	free(f.local);
	free(order);
	return rewrite_end(&f.r, graph);
}
