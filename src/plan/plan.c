/*
 * plan.c - chooses kernels and lays out memory (see plan.h).
 *
 *  1. Calls that follow each other are one step where their kernel can run them as one.
 *  2. Group values that share memory: outputs that update an input in place, views, and, where it
 *     is dead afterwards, an input whose memory an output may take over.
 *  3. A group with a member from the outside, or read in a later phase, is a resident.
 *  4. The other groups, and workspaces, are intervals over the steps of their program.
 *  5. In the first micro-batch a gradient that only its accumulator reads is formed in the
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
	uint32_t next;   /* the position of the next call of its run, 0: none */
	bool follows;    /* a call of a run, but not its first */
	bool skip;       /* a view: nothing to run */
	bool skip_first; /* an accumulator that is formed directly */
	bool skip_after; /* its output is written by the step */
};

struct plan_layout {
	uint32_t *group_of;      /* per value: the value that stands for its group */
	struct group *groups;    /* by that value */
	struct step_info *steps; /* by position in graph->order */
	uint32_t *position;      /* per node: its position within its program */
};

/* ---- kernels are chosen ---- */

static bool is_view(const struct graph *graph, const struct node *node)
{
	if (!node->out[0])
		return false;
	const struct value *in = graph_value(graph, node->in[0]);
	const struct value *out = graph_value(graph, node->out[0]);
	if (node_is(node, "Relayout"))
		return layout_same_bytes(&in->t.shape, in->layout, out->layout);
	return (node->def->flags & OP_VIEW) && in->layout == LAYOUT_PLAIN &&
	       out->layout == LAYOUT_PLAIN;
}

static enum status choose(struct plan *plan, const struct op_call *call,
			  const struct kernel **kernel, struct error *err)
{
	const char *why = NULL;
	*kernel = plan->backend->kernel(plan->device, call, &why);
	return *kernel ? OK
		       : fail(err, ERR_UNSUPPORTED, "node '%s' (%s): no kernel for %s: %s",
			      call->node->name, call->node->op, call->def->name, why);
}

/* Finds views, which are not run, and chooses the kernels of all other nodes. */
static enum status choose_kernels(struct plan *plan, struct error *err)
{
	const struct graph *graph = plan->graph;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		struct step_info *s = &plan->layout->steps[i];
		struct arena scratch;
		s->skip = is_view(graph, node);
		if (s->skip)
			continue;
		arena_init(&scratch);
		struct op_call call = op_call_of(graph, node, &scratch);
		enum status status = choose(plan, &call, &s->kernel, err);
		arena_release(&scratch);
		TRY(status);
	}
	return OK;
}

/* The value whose memory a value has for certain: through views and updates in place. */
static uint32_t memory_of(const struct graph *graph, uint32_t v)
{
	for (;;) {
		uint32_t from = 0;
		const struct node *node = graph_value(graph, v)->node
						  ? graph_node(graph, graph_value(graph, v)->node)
						  : NULL;
		for (uint32_t k = 0; node && k < node->n_out; k++) {
			int alias = op_output(node->def, k)->alias;
			if (node->out[k] == v && alias)
				from = node->in[alias - 1];
		}
		if (node && !from && is_view(graph, node))
			from = node->in[0];
		if (!from)
			return v;
		v = from;
	}
}

/* Which run last read and wrote a value's memory: 1 + the position of its first call. */
struct touched {
	uint32_t *read, *written;
};

/* Notes what a call touches; false, and nothing noted, when the run `id` so far is in its way. */
static bool touch(const struct graph *graph, const struct node *node, uint32_t id,
		  struct touched *t)
{
	for (uint32_t k = 0; k < node->n_in; k++)
		if (node->in[k] && t->written[memory_of(graph, node->in[k])] == id)
			return false;
	for (uint32_t k = 0; k < node->n_out; k++) {
		uint32_t m = node->out[k] ? memory_of(graph, node->out[k]) : 0;
		if (m && (t->written[m] == id || t->read[m] == id))
			return false;
	}
	for (uint32_t k = 0; k < node->n_in; k++)
		if (node->in[k])
			t->read[memory_of(graph, node->in[k])] = id;
	for (uint32_t k = 0; k < node->n_out; k++)
		if (node->out[k])
			t->written[memory_of(graph, node->out[k])] = id;
	return true;
}

/* Calls of one kernel that follow each other in a program and don't need each other. */
static void find_runs(struct plan *plan)
{
	const struct graph *graph = plan->graph;
	struct step_info *steps = plan->layout->steps;
	struct touched touched = { mem_alloc(graph->values.n * sizeof *touched.read),
				   mem_alloc(graph->values.n * sizeof *touched.written) };
	uint32_t first[PHASE_COUNT] = { 0 }, last[PHASE_COUNT] = { 0 }; /* 1 + position, 0: none */
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		const struct kernel *kernel = steps[i].kernel;
		enum phase phase = node->phase;
		/* The kernel of Accumulate differs between the two programs of MICRO. */
		if (!kernel || !kernel->create_run || node_is(node, "Accumulate") ||
		    (node->def->flags & OP_INPLACE)) {
			first[phase] = 0;
			continue;
		}
		if (first[phase] && steps[first[phase] - 1].kernel == kernel &&
		    touch(graph, node, first[phase], &touched)) {
			steps[last[phase] - 1].next = i;
			steps[i].follows = true;
		} else {
			first[phase] = i + 1;
			if (!touch(graph, node, first[phase], &touched))
				first[phase] = 0; /* impossible: it is the first of its run */
		}
		last[phase] = i + 1;
	}
	free(touched.read);
	free(touched.written);
}

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
		/* what is executed as one is at one position */
		uint32_t at = l->steps[i].follows ? count[node->phase] - 1 : count[node->phase]++;
		l->position[graph->order.v[i]] = at;
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
		if (l->steps[i].skip)
			join(l, node->in[0], node->out[0]);
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
		if (!node_is(node, "Accumulate"))
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

/* What UPDATE makes and a later phase writes over stays true. */
static void find_written(struct plan *plan)
{
	const struct graph *graph = plan->graph;
	struct plan_layout *l = plan->layout;
	bool *written = mem_alloc(graph->values.n);
	for (uint32_t i = graph->order.n; i-- > 0;) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		if (node->phase == PHASE_UPDATE && node->n_out == 1)
			l->steps[i].skip_after = written[node->out[0]];
		for (uint32_t k = 0; k < node->n_out && node->phase > PHASE_UPDATE; k++)
			if (node->out[k] && op_output(node->def, k)->alias)
				written[node->in[op_output(node->def, k)->alias - 1]] = true;
	}
	free(written);
}

/* ---- kernels are created ---- */

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

/* In the first micro-batch an accumulator that has no gradient formed in it is written by Store. */
static enum status create_store(struct plan *plan, struct op_call call, struct step_info *s,
				struct error *err)
{
	size_t workspace = 0;
	call.def = op_find("onnxtune", "Store", 1);
	TRY(choose(plan, &call, &s->first_kernel, err));
	TRY(s->first_kernel->create(plan->device, &call, &s->first_state, &workspace, err));
	s->workspace = workspace > s->workspace ? workspace : s->workspace;
	return OK;
}

/* The kernel of the call at position i, and of those that are executed with it. */
static enum status create_kernel(struct plan *plan, uint32_t i, struct arena *scratch,
				 struct error *err)
{
	const struct graph *graph = plan->graph;
	struct step_info *steps = plan->layout->steps, *s = &steps[i];
	const struct kernel *kernel = s->kernel;
	uint32_t n = 0;
	for (uint32_t k = i; n == 0 || k; k = steps[k].next)
		n++;
	struct op_call *calls = arena_alloc(scratch, n * sizeof *calls);
	n = 0;
	for (uint32_t k = i; n == 0 || k; k = steps[k].next)
		calls[n++] = op_call_of(graph, graph_node(graph, graph->order.v[k]), scratch);
	enum status status = n > 1 ? kernel->create_run(plan->device, calls, n, &s->state,
							&s->workspace, err)
				   : kernel->create(plan->device, calls, &s->state, &s->workspace,
						    err);
	if (status == OK && !strcmp(calls->def->name, "Accumulate") && !s->skip_first)
		status = create_store(plan, *calls, s, err);
	const struct node *node = calls->node;
	return status == OK ? OK : fail_context(err, "node '%s' (%s)", node->name, node->op);
}

static enum status create_kernels(struct plan *plan, struct error *err)
{
	for (uint32_t i = 0; i < plan->graph->order.n; i++) {
		const struct step_info *s = &plan->layout->steps[i];
		struct arena scratch;
		if (s->skip || s->follows)
			continue;
		arena_init(&scratch);
		enum status status = create_kernel(plan, i, &scratch, err);
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

static void add_step(struct plan *plan, struct program *program, uint32_t i, bool first)
{
	const struct graph *graph = plan->graph;
	const struct step_info *steps = plan->layout->steps, *s = &steps[i];
	struct plan_step *step = &program->steps[program->n++];
	uint32_t n_in = 0, n_out = 0;
	*step = (struct plan_step){
		.kernel = first && s->first_kernel ? s->first_kernel : s->kernel,
		.state = first && s->first_kernel ? s->first_state : s->state,
	};
	for (uint32_t k = i; !step->n_nodes || k; k = steps[k].next) {
		const struct node *node = graph_node(graph, graph->order.v[k]);
		n_in += node->n_in;
		n_out += node->n_out;
		step->n_nodes++;
	}
	step->nodes = arena_alloc(&plan->arena, step->n_nodes * sizeof *step->nodes);
	for (uint32_t n = 0, k = i; n < step->n_nodes; n++, k = steps[k].next)
		step->nodes[n] = graph->order.v[k];
	step->in = arena_alloc(&plan->arena, n_in * sizeof *step->in);
	step->out = arena_alloc(&plan->arena, n_out * sizeof *step->out);
}

static void add_programs(struct plan *plan)
{
	const struct graph *graph = plan->graph;
	static const enum phase phase_of[PROGRAM_COUNT] = {
		[PROGRAM_INIT] = PHASE_INIT,    [PROGRAM_UPDATE] = PHASE_UPDATE,
		[PROGRAM_AFTER] = PHASE_UPDATE, [PROGRAM_FIRST] = PHASE_MICRO,
		[PROGRAM_NEXT] = PHASE_MICRO,   [PROGRAM_APPLY] = PHASE_APPLY,
	};
	for (int p = 0; p < PROGRAM_COUNT; p++) {
		struct program *program = &plan->programs[p];
		program->steps = arena_alloc(&plan->arena, graph->order.n * sizeof *program->steps);
		for (uint32_t i = 0; i < graph->order.n; i++) {
			const struct step_info *s = &plan->layout->steps[i];
			const struct node *node = graph_node(graph, graph->order.v[i]);
			bool first = p == PROGRAM_FIRST;
			if (node->phase == phase_of[p] && !s->skip && !s->follows &&
			    !(first && s->skip_first) && !(p == PROGRAM_AFTER && s->skip_after))
				add_step(plan, program, i, first);
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
	if (status == OK)
		status = choose_kernels(plan, err);
	if (status == OK) {
		find_runs(plan);
		find_lifetimes(plan);
		find_groups(plan);
		find_residents(plan);
		find_direct(plan);
		find_written(plan);
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

static void link_step(const struct plan *plan, struct plan_step *step, void *arena, bool first)
{
	uint32_t n_in = 0, n_out = 0;
	for (uint32_t n = 0; n < step->n_nodes; n++) {
		const struct node *node = graph_node(plan->graph, step->nodes[n]);
		for (uint32_t k = 0; k < node->n_in; k++)
			step->in[n_in++] = address(plan, arena, node->in[k], first);
		for (uint32_t k = 0; k < node->n_out; k++)
			step->out[n_out++] = address(plan, arena, node->out[k], first);
	}
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
			s->workspace = (char *)arena + plan->layout->steps[at[s->nodes[0]]].offset;
			link_step(plan, s, arena, p == PROGRAM_FIRST);
		}
	free(at);
}

struct resident *plan_resident(const struct plan *plan, uint32_t value)
{
	uint32_t r = plan->layout->groups[find(plan->layout, value)].resident;
	return r ? &plan->residents[r - 1] : NULL;
}
