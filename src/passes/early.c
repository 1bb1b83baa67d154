/*
 * early.c - puts the nodes of APPLY among those of MICRO (see early.h).
 *
 *  1. What the end of a step consists of: its statistics (GradStats), the optimizers, the averages
 *     that follow them and ScaleUpdate. Per memory, how many nodes read it beside these.
 *  2. The nodes of MICRO in their order. After each, the followers whose inputs are there by now:
 *     what leads from gradients of the micro-batch to those of the parameters, in APPLY or moving
 *     elements on the way there.
 *  3. An optimizer is due when its gradient is there and nothing will read any more what it writes
 *     over. Those that are due are collected until their gradients are worth a launch; then come
 *     their statistics, they themselves, and their averages.
 *  4. ScaleUpdate, which stays in APPLY.
 */
#include "passes/early.h"

#include "ops/optimizer.h"
#include "passes/phase.h"
#include "passes/rewrite.h"

#include <stdlib.h>

enum role { ROLE_NONE, ROLE_STATS, ROLE_OPTIMIZER, ROLE_AVERAGE, ROLE_END };

struct list {
	uint32_t *v, n, cap;
};

struct early {
	struct rewrite r;
	const struct graph *from;
	enum role *role;          /* per node */
	uint32_t *memory;         /* per value: the value whose memory it may have */
	uint32_t *readers;        /* per memory: nodes to come that read it, without a role */
	bool *follows;            /* per node: it comes as soon as its inputs are there */
	struct list followers;    /* of them, those to come */
	struct list due, waiting; /* optimizers */
	size_t due_bytes, bytes;  /* of their gradients; those of a group */
	uint32_t stats;           /* the node of that role */
	bool begun;               /* the step has statistics */
};

/* ---- what there is ---- */

static enum role role_of(const struct early *e, const struct node *node)
{
	const struct node *stats = e->stats ? graph_node(e->from, e->stats) : NULL;
	if (node_is(node, "GradStats"))
		return ROLE_STATS;
	if (!stats || !node->n_in || node->in[0] != stats->out[0])
		return ROLE_NONE;
	return node_is(node, "ScaleUpdate")     ? ROLE_END
	       : node_is(node, "MovingAverage") ? ROLE_AVERAGE
						: ROLE_OPTIMIZER;
}

/* The value whose memory output k may have: of what it writes over, or looks at. */
static uint32_t memory_of(const struct early *e, const struct node *node, uint32_t k)
{
	int alias = op_output(node->def, k)->alias;
	bool view = k == 0 && ((node->def->flags & OP_VIEW) || node_is(node, "Relayout"));
	return alias  ? e->memory[node->in[alias - 1]]
	       : view ? e->memory[node->in[0]]
		      : node->out[k];
}

/* Per value: something reads it that comes in its own time. */
static void find_followers(struct early *e)
{
	const struct graph *graph = e->from;
	bool *needed = mem_alloc(graph->values.n);
	for (uint32_t i = graph->order.n; i-- > 0;) {
		uint32_t id = graph->order.v[i];
		const struct node *node = graph_node(graph, id);
		bool moves = (node->def->flags & (OP_VIEW | OP_KEEPS_FORM)) ||
			     node_is(node, "Relayout");
		bool follows = (node->phase == PHASE_MICRO && moves) ||
			       node_is(node, "Accumulate") || node->phase == PHASE_APPLY;
		for (uint32_t k = 0; k < node->n_out; k++)
			follows &= !node->out[k] || !needed[node->out[k]];
		for (uint32_t k = 0; k < node->n_in; k++)
			needed[node->in[k]] |= !follows;
		e->follows[id] = follows && !e->role[id];
	}
	free(needed);
}

static void look(struct early *e)
{
	const struct graph *graph = e->from;
	for (uint32_t i = 1; i < graph->values.n; i++)
		e->memory[i] = i;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		uint32_t id = graph->order.v[i];
		const struct node *node = graph_node(graph, id);
		e->role[id] = role_of(e, node);
		if (e->role[id] == ROLE_STATS)
			e->stats = id;
		if (e->role[id] == ROLE_OPTIMIZER)
			*array_push(&e->waiting) = id;
		for (uint32_t k = 0; k < node->n_out; k++)
			if (node->out[k])
				e->memory[node->out[k]] = memory_of(e, node, k);
		for (uint32_t k = 0; k < node->n_in; k++)
			e->readers[e->memory[node->in[k]]] += node->phase >= PHASE_MICRO &&
							      !e->role[id];
	}
	find_followers(e);
	for (uint32_t i = 0; i < graph->order.n; i++)
		if (e->follows[graph->order.v[i]])
			*array_push(&e->followers) = graph->order.v[i];
}

/* ---- the new order ---- */

static bool all_there(const struct early *e, const struct node *node)
{
	for (uint32_t k = 0; k < node->n_in; k++)
		if (node->in[k] && !e->r.map[node->in[k]])
			return false;
	return true;
}

static void copy(struct early *e, uint32_t id)
{
	const struct node *node = graph_node(e->from, id);
	for (uint32_t k = 0; k < node->n_in; k++)
		e->readers[e->memory[node->in[k]]] -= node->phase >= PHASE_MICRO && !e->role[id];
	if (node_is(node, "Accumulate"))
		e->r.map[node->out[0]] = e->r.map[node->in[1]];
	else
		rewrite_copy(&e->r, node);
}

/* Nothing will read what the optimizer writes over; its gradient is there, and the loss. */
static bool is_due(const struct early *e, const struct node *node)
{
	const struct node *stats = graph_node(e->from, e->stats);
	for (uint32_t k = 0; k < node->n_out; k++) {
		int alias = node->out[k] ? op_output(node->def, k)->alias : 0;
		if (alias && e->readers[e->memory[node->in[alias - 1]]])
			return false;
	}
	return e->r.map[node->in[3]] && e->r.map[stats->in[2]];
}

/* Statistics of the gradients of the optimizers that are due. */
static void add_stats(struct early *e)
{
	const struct node *stats = graph_node(e->from, e->stats);
	uint32_t *in = arena_alloc(e->from->arena, (e->due.n + 3) * sizeof *in);
	uint32_t now = stats->out[0], before = stats->in[0];
	in[0] = e->r.map[e->begun ? now : before];
	in[1] = e->r.map[stats->in[1]];
	in[2] = e->r.map[stats->in[2]];
	for (uint32_t i = 0; i < e->due.n; i++)
		in[3 + i] = e->r.map[graph_node(e->from, e->due.v[i])->in[3]];
	rewrite_origin(&e->r, stats);
	e->r.map[now] = build(&e->r.b, "GradStats", ((struct inputs){ in, e->due.n + 3 }),
			      attr_int("part", e->begun ? GRAD_STATS_MORE : GRAD_STATS_FIRST));
	e->begun = true;
}

static void update_due(struct early *e)
{
	const struct graph *graph = e->from;
	if (!e->due.n)
		return;
	add_stats(e);
	for (uint32_t i = 0; i < e->due.n; i++)
		copy(e, e->due.v[i]);
	for (uint32_t i = 0; i < graph->order.n; i++) {
		uint32_t id = graph->order.v[i];
		const struct node *node = graph_node(graph, id);
		if (e->role[id] == ROLE_AVERAGE && !e->r.map[node->out[0]] && all_there(e, node))
			copy(e, id);
	}
	e->due.n = 0;
	e->due_bytes = 0;
}

static void follow(struct early *e)
{
	const struct graph *graph = e->from;
	uint32_t n = 0;
	for (uint32_t i = 0; i < e->followers.n; i++)
		if (all_there(e, graph_node(graph, e->followers.v[i])))
			copy(e, e->followers.v[i]);
		else
			e->followers.v[n++] = e->followers.v[i];
	e->followers.n = n;
	n = 0;
	for (uint32_t i = 0; i < e->waiting.n; i++) {
		const struct node *node = graph_node(graph, e->waiting.v[i]);
		if (!is_due(e, node)) {
			e->waiting.v[n++] = e->waiting.v[i];
			continue;
		}
		*array_push(&e->due) = e->waiting.v[i];
		e->due_bytes += tensor_bytes(&graph_value(graph, node->in[3])->t);
	}
	e->waiting.n = n;
	if (e->due.n && e->due_bytes >= e->bytes)
		update_due(e);
}

enum status early_apply(struct graph **graph, size_t bytes, struct error *err)
{
	struct graph *from = *graph;
	struct early e = {
		.from = from,
		.bytes = bytes,
		.role = mem_alloc(from->nodes.n * sizeof *e.role),
		.memory = mem_alloc(from->values.n * sizeof *e.memory),
		.readers = mem_alloc(from->values.n * sizeof *e.readers),
		.follows = mem_alloc(from->nodes.n),
	};
	from->outputs.n = 0;
	look(&e);
	rewrite_begin(&e.r, from, err);
	for (uint32_t i = 0; i < from->order.n; i++) {
		uint32_t id = from->order.v[i];
		if (e.role[id] || e.follows[id])
			continue;
		copy(&e, id);
		follow(&e);
	}
	update_due(&e);
	for (uint32_t i = 0; i < from->order.n; i++)
		if (e.role[from->order.v[i]] == ROLE_END)
			copy(&e, from->order.v[i]);
	if (e.r.b.status == OK && (e.followers.n || e.waiting.n))
		build_fail(&e.r.b, ERR_INTERNAL, "an update waits for what never comes");
	array_release(&e.followers);
	array_release(&e.waiting);
	array_release(&e.due);
	free(e.role);
	free(e.memory);
	free(e.readers);
	free(e.follows);
	enum status status = rewrite_end(&e.r, graph);
	if (status == OK)
		phase_mark(*graph);
	return status;
}
