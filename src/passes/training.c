/*
 * training.c - builds the step around a loss (see training.h).
 *
 *  1. root = loss scale / W, the gradient of the loss sum.
 *  2. gradients of the values that enter MICRO, each added to its accumulator.
 *  3. gradients of the parameters from the accumulators (APPLY).
 *  4. statistics of all gradients, one optimizer node per parameter, update of the loss scale.
 */
#include "passes/training.h"

#include "ops/step.h"
#include "passes/gradient.h"
#include "passes/phase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
	uint32_t *v, n, cap;
};

static uint32_t add_state(struct graph *graph, const char *name, enum dtype dtype,
			  const struct shape *shape)
{
	return graph_add_value(graph, name, VALUE_STATE, (struct tensor){ dtype, *shape, NULL });
}

/* The state of that name where a pass before has added it already, else a new one. */
static uint32_t get_state(struct graph *graph, const char *name, enum dtype dtype,
			  const struct shape *shape)
{
	for (uint32_t i = 1; i < graph->values.n; i++) {
		const struct value *v = graph_value(graph, i);
		if (v->kind == VALUE_STATE && !strcmp(v->name, name))
			return i;
	}
	return add_state(graph, name, dtype, shape);
}

static uint32_t accumulate(struct builder *b, const char *of, uint32_t g)
{
	if (b->status != OK)
		return 0;
	struct value *v = graph_value(b->graph, g);
	const char *name = arena_printf(b->graph->arena, "acc:%s", of);
	uint32_t acc = add_state(b->graph, name, v->t.dtype, &v->t.shape);
	return build(b, "Accumulate", IN(acc, g));
}

/* Values made from parameters (or parameters) that nodes of MICRO read. */
static void find_boundary(const struct graph *graph, struct list *boundary)
{
	bool *seen = mem_alloc(graph->values.n);
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		for (uint32_t k = 0; k < node->n_in && node->phase == PHASE_MICRO; k++) {
			uint32_t in = node->in[k];
			if (!in || seen[in] || graph_value(graph, in)->phase != PHASE_UPDATE)
				continue;
			seen[in] = true;
			*array_push(boundary) = in;
		}
	}
	free(seen);
}

static void average(struct builder *b, const struct training_options *o, uint32_t step,
		    uint32_t parameter, uint32_t updated)
{
	const struct value *p = graph_value(b->graph, parameter);
	if (o->ema == 0 || b->status != OK)
		return;
	const char *name = arena_printf(b->graph->arena, AVERAGE_PREFIX "%s", p->name);
	uint32_t a = add_state(b->graph, name, p->t.dtype, &p->t.shape);
	build(b, "MovingAverage", IN(step, a, updated), attr_double("decay", o->ema));
}

/* Returns the updated parameter. */
static uint32_t build_update(struct builder *b, const struct training_options *o, uint32_t step,
			     uint32_t parameter, uint32_t gradient)
{
	struct graph *graph = b->graph;
	struct param_group group = group_of(o->groups, o->n_groups,
					    graph_value(graph, parameter)->name);
	const char *name = group_rates_name(graph->arena, group.rate);
	uint32_t rates = get_state(graph, name, DT_F64, &SHAPE(o->rates));
	return optimizer_build(b, &o->update, group.decay, step, rates, parameter, gradient);
}

static void build_apply(struct builder *b, const struct training_options *o, uint32_t step,
			uint32_t weight, uint32_t loss, const struct list *params,
			const uint32_t *gradients)
{
	struct graph *graph = b->graph;
	uint32_t *in = arena_alloc(graph->arena, (params->n + 3) * sizeof *in);
	in[0] = step;
	in[1] = weight;
	in[2] = loss;
	for (uint32_t k = 0; k < params->n; k++)
		in[3 + k] = gradients[k];
	b->name = b->op = "optimizer";
	step = build(b, "GradStats", ((struct inputs){ in, params->n + 3 }),
		     attr_double("max_norm", o->clip_norm));
	/* A session sets the plain rates whether or not a parameter uses them. */
	get_state(graph, LEARNING_RATE_NAME, DT_F64, &SHAPE(o->rates));
	/* One behind the other: a backend may do all of one kind at once. */
	uint32_t *updated = arena_alloc(graph->arena, params->n * sizeof *updated);
	for (uint32_t k = 0; k < params->n && b->status == OK; k++)
		updated[k] = build_update(b, o, step, params->v[k], gradients[k]);
	for (uint32_t k = 0; k < params->n && b->status == OK; k++)
		average(b, o, step, params->v[k], updated[k]);
	b->name = "optimizer";
	build(b, "ScaleUpdate", IN(step), attr_int("dynamic", o->dynamic_scale),
	      attr_int("growth_interval", o->growth_interval), attr_float("floor", o->min_scale));
}

enum status training_build(struct graph *graph, const struct training_options *options,
			   uint32_t **params, uint32_t *n_params, struct problems *problems,
			   struct error *err)
{
	struct builder b = { .graph = graph, .err = err, .name = "loss", .op = "loss" };
	struct list boundary = { 0 }, all = { 0 }, trained = { 0 };
	uint32_t loss = graph->outputs.v[0];
	phase_mark(graph);
	find_boundary(graph, &boundary);
	for (uint32_t i = 1; i < graph->values.n; i++)
		if (graph_value(graph, i)->kind == VALUE_PARAM)
			*array_push(&all) = i;

	uint32_t step = get_state(graph, STEP_NAME, DT_U8, &SHAPE(sizeof(struct step_block)));
	uint32_t weight = graph_add_value(graph, WINDOW_WEIGHT_NAME, VALUE_INPUT,
					  (struct tensor){ DT_F64, SHAPE_SCALAR, NULL });
	*array_push(&graph->inputs) = weight;
	uint32_t root = build(&b, "LossRoot", IN(step, weight),
			      attr_int("dtype", graph_value(graph, loss)->t.dtype));

	uint32_t *d = mem_alloc((boundary.n + 1) * sizeof *d), n = 0;
	uint32_t *g = mem_alloc((all.n + 1) * sizeof *g);
	enum status status;
	TRY_GOTO(gradient_build(&b, &loss, &root, 1, boundary.v, boundary.n, GRADIENT_WIDE_ENDS, d,
				problems),
		 out);
	for (uint32_t k = 0; k < boundary.n; k++)
		if (d[k]) {
			/* Names must not depend on the batch: plans for several share them. */
			const struct value *v = graph_value(graph, boundary.v[k]);
			const char *of = v->kind == VALUE_PARAM
						 ? v->name
						 : arena_printf(graph->arena, "#%u", k);
			boundary.v[n] = boundary.v[k];
			d[n++] = accumulate(&b, of, d[k]);
		}
	uint32_t loss_sum = accumulate(&b, "loss", loss);
	TRY_GOTO(gradient_build(&b, boundary.v, d, n, all.v, all.n, GRADIENT_WIDE, g, problems),
		 out);
	graph->outputs.n = n = 0;
	for (uint32_t k = 0; k < all.n; k++)
		if (g[k]) {
			*array_push(&trained) = all.v[k];
			*array_push(&graph->outputs) = g[n++] = g[k];
		}
	if (!n) {
		status = fail(err, ERR_INPUT, "no trained weight reaches the loss");
		goto out;
	}
	build_apply(&b, options, step, weight, loss_sum, &trained, g);
	status = b.status;
	phase_mark(graph);
	*params = arena_dup(graph->arena, trained.v, n * sizeof *trained.v);
	*n_params = n;
out:
	array_release(&boundary);
	array_release(&all);
	array_release(&trained);
	free(d);
	free(g);
	return status;
}
