/*
 * plan.c - chooses kernels and lays out memory (see plan.h).
 *
 *  1. Group values that share memory: outputs that update an input in place, views, and, where it
 *     is dead afterwards, an input whose memory an output may take over.
 *  2. A group with a member from the outside, or read in a later phase, is a resident.
 *  3. The other groups, and workspaces, are intervals over the steps of their program.
 *  4. In the first micro-batch a gradient that only its accumulator reads is formed in the
 *     accumulator itself.
 */
#include "plan/plan.h"

#include "plan/offsets.h"

#include <stdlib.h>
#include <string.h>

struct group {
	uint32_t resident;    /* 1 + index, 0: in the arena */
	uint32_t direct;      /* 1 + resident of the accumulator that it is formed in by FIRST */
	uint32_t first, last; /* steps of its program */
	size_t bytes, offset;
	enum phase phase;
	bool used, crosses; /* read in a later phase, or an output of the graph */
};

struct step_info {
	const struct kernel *kernel, *first_kernel; /* first_kernel: Accumulate in FIRST */
	void *state, *first_state;
	size_t workspace, offset;
	bool skip;       /* a view: nothing to run */
	bool skip_first; /* an accumulator that is formed directly */
};

struct plan_layout {
	uint32_t *group_of;      /* per value: the value that stands for its group */
	struct group *groups;    /* by that value */
	struct step_info *steps; /* by position in graph->order */
	uint32_t *position;      /* per node: its position within its program */
};

/* ---- groups ---- */

static uint32_t find(const struct plan_layout *l, uint32_t v)
{
	while (l->group_of[v] != v)
		v = l->group_of[v];
	return v; /* chains are short: a value joins the root of its group */
}

static void join(struct plan_layout *l, uint32_t into, uint32_t v)
{
	struct group *a = &l->groups[find(l, into)], *b = &l->groups[v];
	l->group_of[v] = find(l, into);
	a->last = b->last > a->last ? b->last : a->last;
	a->first = b->first < a->first ? b->first : a->first;
	a->crosses |= b->crosses;
}

static bool is_view(const struct graph *graph, const struct node *node)
{
	if (!node->out[0])
		return false;
	const struct value *in = graph_value(graph, node->in[0]);
	const struct value *out = graph_value(graph, node->out[0]);
	if (!strcmp(node->def->name, "Relayout"))
		return layout_same_bytes(&in->t.shape, in->layout, out->layout);
	return (node->def->flags & OP_VIEW) && in->layout == LAYOUT_PLAIN &&
	       out->layout == LAYOUT_PLAIN;
}

/* Lifetimes of single values: first is where it is produced, last where it is last read. */
static void find_lifetimes(struct plan *plan)
{
	const struct graph *graph = plan->graph;
	struct plan_layout *l = plan->layout;
	uint32_t count[PHASE_COUNT] = { 0 };
	for (uint32_t v = 1; v < graph->values.n; v++) {
		l->group_of[v] = v;
		l->groups[v].phase = graph_value(graph, v)->phase;
		l->groups[v].bytes = tensor_bytes(&graph_value(graph, v)->t);
	}
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		uint32_t at = l->position[graph->order.v[i]] = count[node->phase]++;
		for (uint32_t k = 0; k < node->n_in; k++) {
			struct group *g = &l->groups[node->in[k]];
			g->used = true;
			g->last = at;
			g->crosses |= g->phase < node->phase;
		}
		for (uint32_t k = 0; k < node->n_out; k++) {
			struct group *g = &l->groups[node->out[k]];
			g->first = g->last = at;
			g->used = true;
		}
	}
	for (uint32_t k = 0; k < graph->outputs.n; k++)
		l->groups[graph->outputs.v[k]].crosses = l->groups[graph->outputs.v[k]].used = true;
}

/* An input of the node whose memory output 0 may take over, or 0. */
static uint32_t inplace_input(const struct plan *plan, const struct node *node, uint32_t at)
{
	const struct graph *graph = plan->graph;
	const struct plan_layout *l = plan->layout;
	const struct value *out = graph_value(graph, node->out[0]);
	for (uint32_t k = 0; k < node->n_in; k++) {
		const struct value *in = graph_value(graph, node->in[k]);
		const struct group *g;
		if (!node->in[k] || in->t.dtype != out->t.dtype || in->layout != out->layout ||
		    !shape_equal(&in->t.shape, &out->t.shape))
			continue;
		uint32_t root = find(l, node->in[k]);
		bool mixed = false; /* read through a view of another shape as well */
		for (uint32_t j = 0; j < node->n_in; j++)
			mixed |= node->in[j] != node->in[k] && find(l, node->in[j]) == root;
		g = &l->groups[root];
		if (mixed)
			continue;
		if (graph_value(graph, root)->kind == VALUE_TEMP && !g->crosses &&
		    g->phase == node->phase && g->last == at && g->bytes == tensor_bytes(&out->t))
			return node->in[k];
	}
	return 0;
}

static void find_groups(struct plan *plan)
{
	const struct graph *graph = plan->graph;
	struct plan_layout *l = plan->layout;
	/* What must share memory first, so that lifetimes are whole when in-place is decided. */
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		if (is_view(graph, node)) {
			join(l, node->in[0], node->out[0]);
			l->steps[i].skip = true;
		}
		for (uint32_t k = 0; k < node->n_out; k++) {
			const struct op_arg *arg = op_output(node->def, k);
			if (arg->alias && node->out[k])
				join(l, node->in[arg->alias - 1], node->out[k]);
		}
	}
	for (uint32_t i = 0; i < graph->order.n; i++) {
		uint32_t id = graph->order.v[i];
		const struct node *node = graph_node(graph, id);
		if (!(node->def->flags & OP_INPLACE) || l->steps[i].skip ||
		    find(l, node->out[0]) != node->out[0] || l->groups[node->out[0]].crosses)
			continue;
		uint32_t in = inplace_input(plan, node, l->position[id]);
		if (in)
			join(l, in, node->out[0]);
	}
}

static void find_residents(struct plan *plan)
{
	const struct graph *graph = plan->graph;
	struct plan_layout *l = plan->layout;
	plan->residents = arena_alloc(&plan->arena, graph->values.n * sizeof *plan->residents);
	for (uint32_t v = 1; v < graph->values.n; v++) {
		struct group *g = &l->groups[v];
		bool outside = graph_value(graph, v)->kind != VALUE_TEMP;
		if (l->group_of[v] != v ||
		    !(g->used || (outside && graph_value(graph, v)->kind == VALUE_INPUT)))
			continue;
		if (!outside && !g->crosses)
			continue;
		plan->residents[plan->n_residents++] = (struct resident){ .value = v,
									  .bytes = g->bytes };
		g->resident = plan->n_residents;
	}
}

/* Where FIRST may form a gradient in its accumulator. */
static void find_direct(struct plan *plan)
{
	const struct graph *graph = plan->graph;
	struct plan_layout *l = plan->layout;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		if (strcmp(node->def->name, "Accumulate"))
			continue;
		struct group *g = &l->groups[find(l, node->in[1])];
		const struct group *acc = &l->groups[find(l, node->in[0])];
		if (!g->resident && g->last == l->position[graph->order.v[i]] && !g->direct &&
		    g->bytes == acc->bytes) {
			g->direct = acc->resident;
			l->steps[i].skip_first = true;
		}
	}
}

/* ---- kernels ---- */

static enum status create(struct plan *plan, const struct op_call *call,
			  const struct kernel **kernel, void **state, size_t *workspace,
			  struct error *err)
{
	const char *why = NULL;
	*kernel = plan->backend->kernel(plan->device, call, &why);
	if (!*kernel)
		return fail(err, ERR_UNSUPPORTED, "node '%s' (%s): no kernel for %s: %s",
			    call->node->name, call->node->op, call->def->name, why);
	if ((*kernel)->create(plan->device, call, state, workspace, err) != OK)
		return fail_context(err, "node '%s' (%s)", call->node->name, call->node->op);
	return OK;
}

/* A tensor that is larger than all memory: told before any kernel prepares for it. */
static enum status check_sizes(const struct plan *plan, struct error *err)
{
	uint64_t total = plan->backend->memory_total(plan->device);
	for (uint32_t i = 1; i < plan->graph->values.n; i++) {
		const struct value *v = graph_value(plan->graph, i);
		const struct node *node = v->node ? graph_node(plan->graph, v->node) : NULL;
		char text[SHAPE_TEXT];
		size_t bytes;
		if (!v->t.dtype ||
		    (tensor_size(v->t.dtype, &v->t.shape, &bytes, NULL) == OK && bytes <= total))
			continue;
		fail(err, ERR_MEMORY, "'%s' (%s, %s) is larger than the memory of the device",
		     v->name, dtype_name(v->t.dtype), shape_format(&v->t.shape, text));
		return node ? fail_context(err, "node '%s' (%s)", node->name, node->op)
			    : ERR_MEMORY;
	}
	return OK;
}

static enum status create_kernels(struct plan *plan, struct error *err)
{
	const struct graph *graph = plan->graph;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		struct step_info *s = &plan->layout->steps[i];
		struct arena scratch;
		enum status status = OK;
		if (s->skip)
			continue;
		arena_init(&scratch);
		struct op_call call = op_call_of(graph, node, &scratch);
		status = create(plan, &call, &s->kernel, &s->state, &s->workspace, err);
		if (status == OK && !strcmp(node->def->name, "Accumulate") && !s->skip_first) {
			size_t workspace = 0;
			call.def = op_find("onnxtune", "Store", 1);
			status = create(plan, &call, &s->first_kernel, &s->first_state, &workspace,
					err);
			s->workspace = workspace > s->workspace ? workspace : s->workspace;
		}
		arena_release(&scratch);
		TRY(status);
	}
	return OK;
}

/* ---- the arena ---- */

static enum status place_phase(struct plan *plan, enum phase phase, struct error *err)
{
	const struct graph *graph = plan->graph;
	struct plan_layout *l = plan->layout;
	struct interval *in = mem_alloc((graph->values.n + graph->order.n) * sizeof *in);
	size_t **to = mem_alloc((graph->values.n + graph->order.n) * sizeof *to), total = 0;
	uint32_t n = 0;
	for (uint32_t v = 1; v < graph->values.n; v++) {
		struct group *g = &l->groups[v];
		if (l->group_of[v] != v || g->resident || !g->used || g->phase != phase)
			continue;
		to[n] = &g->offset;
		in[n++] = (struct interval){ .bytes = g->bytes,
					     .first = g->first,
					     .last = g->last };
	}
	for (uint32_t i = 0; i < graph->order.n; i++) {
		uint32_t id = graph->order.v[i];
		if (graph_node(graph, id)->phase != phase || !l->steps[i].workspace)
			continue;
		to[n] = &l->steps[i].offset;
		in[n++] = (struct interval){ .bytes = l->steps[i].workspace,
					     .first = l->position[id],
					     .last = l->position[id] };
	}
	enum status status = offsets_plan(in, n, &total, err);
	for (uint32_t k = 0; k < n && status == OK; k++)
		*to[k] = in[k].offset;
	if (status == OK && total > plan->arena_bytes)
		plan->arena_bytes = total;
	free(in);
	free(to);
	return status;
}

/* ---- programs ---- */

static void add_programs(struct plan *plan)
{
	const struct graph *graph = plan->graph;
	static const enum phase phase_of[PROGRAM_COUNT] = {
		[PROGRAM_INIT] = PHASE_INIT,   [PROGRAM_UPDATE] = PHASE_UPDATE,
		[PROGRAM_FIRST] = PHASE_MICRO, [PROGRAM_NEXT] = PHASE_MICRO,
		[PROGRAM_APPLY] = PHASE_APPLY,
	};
	for (int p = 0; p < PROGRAM_COUNT; p++) {
		struct program *program = &plan->programs[p];
		program->steps = arena_alloc(&plan->arena, graph->order.n * sizeof *program->steps);
		for (uint32_t i = 0; i < graph->order.n; i++) {
			const struct step_info *s = &plan->layout->steps[i];
			const struct node *node = graph_node(graph, graph->order.v[i]);
			bool first = p == PROGRAM_FIRST;
			if (node->phase != phase_of[p] || s->skip || (first && s->skip_first))
				continue;
			struct plan_step *step = &program->steps[program->n++];
			*step = (struct plan_step){
				.node = graph->order.v[i],
				.kernel = first && s->first_kernel ? s->first_kernel : s->kernel,
				.state = first && s->first_kernel ? s->first_state : s->state,
				.in = arena_alloc(&plan->arena, node->n_in * sizeof *step->in),
				.out = arena_alloc(&plan->arena, node->n_out * sizeof *step->out),
			};
		}
	}
}

enum status plan_build(const struct graph *graph, const struct backend *backend,
		       struct device *device, struct plan **out, struct error *err)
{
	struct plan *plan = mem_alloc(sizeof *plan);
	struct plan_layout *l;
	*plan = (struct plan){ .backend = backend, .device = device, .graph = graph };
	arena_init(&plan->arena);
	plan->layout = l = arena_alloc(&plan->arena, sizeof *l);
	l->group_of = arena_alloc(&plan->arena, graph->values.n * sizeof *l->group_of);
	l->groups = arena_alloc(&plan->arena, graph->values.n * sizeof *l->groups);
	l->steps = arena_alloc(&plan->arena, graph->order.n * sizeof *l->steps);
	l->position = arena_alloc(&plan->arena, graph->nodes.n * sizeof *l->position);
	enum status status = check_sizes(plan, err);
	if (status == OK) {
		find_lifetimes(plan);
		find_groups(plan);
		find_residents(plan);
		find_direct(plan);
		status = create_kernels(plan, err);
	}
	for (int phase = 0; phase < PHASE_COUNT && status == OK; phase++)
		status = place_phase(plan, (enum phase)phase, err);
	if (status != OK) {
		plan_free(plan);
		return status;
	}
	add_programs(plan);
	*out = plan;
	return OK;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (uint32_t i = 0; i < plan->graph->order.n; i++) {
		struct step_info *s = &plan->layout->steps[i];
		if (s->kernel && s->kernel->destroy && s->state)
			s->kernel->destroy(s->state);
		if (s->first_kernel && s->first_kernel->destroy && s->first_state)
			s->first_kernel->destroy(s->first_state);
	}
	arena_release(&plan->arena);
	free(plan);
}

static void *address(const struct plan *plan, void *arena, uint32_t value, bool first)
{
	const struct plan_layout *l = plan->layout;
	if (!value)
		return NULL;
	const struct group *g = &l->groups[find(l, value)];
	if (g->resident)
		return plan->residents[g->resident - 1].memory;
	if (first && g->direct)
		return plan->residents[g->direct - 1].memory;
	return (char *)arena + g->offset;
}

void plan_link(struct plan *plan, void *arena)
{
	const struct graph *graph = plan->graph;
	uint32_t *at = mem_alloc(graph->nodes.n * sizeof *at);
	for (uint32_t i = 0; i < graph->order.n; i++)
		at[graph->order.v[i]] = i;
	for (int p = 0; p < PROGRAM_COUNT; p++)
		for (uint32_t i = 0; i < plan->programs[p].n; i++) {
			struct plan_step *s = &plan->programs[p].steps[i];
			const struct node *node = graph_node(graph, s->node);
			bool first = p == PROGRAM_FIRST;
			for (uint32_t k = 0; k < node->n_in; k++)
				s->in[k] = address(plan, arena, node->in[k], first);
			for (uint32_t k = 0; k < node->n_out; k++)
				s->out[k] = address(plan, arena, node->out[k], first);
			s->workspace = (char *)arena + plan->layout->steps[at[s->node]].offset;
		}
	free(at);
}

struct resident *plan_resident(const struct plan *plan, uint32_t value)
{
	uint32_t r = plan->layout->groups[find(plan->layout, value)].resident;
	return r ? &plan->residents[r - 1] : NULL;
}
