/*
 * difference.c - central differences (see difference.h). Only nodes that depend on the parameter
 * are computed again; everything else keeps its base value.
 */
#include "api/difference.h"

#include "ops/interpret.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rounding of L, in units of magnitude * DBL_EPSILON: sums over thousands of terms, layer after layer. */
#define ROUNDING 64

/* Steps, in units of the parameter's size. */
static const double steps[] = { 1e-5, 1e-6, 1e-7 };

static double weighted_sum(const struct difference *d, const struct tensor *values, bool magnitude)
{
	double sum = 0;
	for (uint32_t k = 0; k < d->graph->outputs.n; k++) {
		const struct tensor *w = &d->weights[k], *y = &values[d->graph->outputs.v[k]];
		for (int64_t i = 0, n = w->data ? shape_elements(&w->shape) : 0; i < n; i++) {
			double term = tensor_get(w, i) * tensor_get(y, i);
			sum += magnitude ? fabs(term) : term;
		}
	}
	return sum;
}

enum status difference_init(struct difference *d, const struct graph *graph,
			    const struct tensor *inputs, const struct tensor *weights,
			    struct arena *arena, struct error *err)
{
	struct tensor *outputs = arena_alloc(arena, graph->outputs.n * sizeof *outputs);
	*d = (struct difference){ .graph = graph, .weights = weights };
	d->base = arena_alloc(arena, graph->values.n * sizeof *d->base);
	TRY(interpret_graph(graph, inputs, outputs, d->base, arena, err));
	d->value = weighted_sum(d, d->base, false);
	d->magnitude = weighted_sum(d, d->base, true);
	return OK;
}

void difference_choose(struct difference *d, uint32_t parameter, struct arena *arena)
{
	const struct graph *graph = d->graph;
	const struct tensor *t = &d->base[parameter];
	bool *depends = mem_alloc(graph->values.n);
	double squares = 0;
	int64_t n = shape_elements(&t->shape);
	d->parameter = parameter;
	d->nodes = arena_alloc(arena, graph->order.n * sizeof *d->nodes);
	d->n_nodes = 0;
	depends[parameter] = true;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		bool any = false;
		for (uint32_t k = 0; k < node->n_in; k++)
			any |= node->in[k] && depends[node->in[k]];
		if (!any)
			continue;
		d->nodes[d->n_nodes++] = graph->order.v[i];
		for (uint32_t k = 0; k < node->n_out; k++)
			depends[node->out[k]] = true;
	}
	for (int64_t i = 0; i < n; i++)
		squares += tensor_get(t, i) * tensor_get(t, i);
	d->size = sqrt(squares / (double)n);
	if (!(d->size > 0))
		d->size = 0.1; /* all zero: as biases are when training starts */
	free(depends);
}

/* L with the parameter moved by h along the direction. */
static enum status value_at(const struct difference *d, const double *direction, int64_t element,
			    double h, double *out, struct error *err)
{
	const struct tensor *t = &d->base[d->parameter];
	struct arena arena;
	enum status status = OK;
	arena_init(&arena);
	struct tensor *values = arena_dup(&arena, d->base, d->graph->values.n * sizeof *values);
	struct tensor moved = tensor_new(&arena, DT_F64, &t->shape);
	double *to = moved.data;
	for (int64_t i = 0, n = shape_elements(&t->shape); i < n; i++)
		to[i] = tensor_get(t, i) + (direction ? h * direction[i] : i == element ? h : 0);
	values[d->parameter] = moved;
	for (uint32_t i = 0; i < d->n_nodes && status == OK; i++)
		status = interpret_node(graph_node(d->graph, d->nodes[i]), values, &arena, err);
	if (status == OK)
		*out = weighted_sum(d, values, false);
	arena_release(&arena);
	return status;
}

enum status difference_check(const struct difference *d, const double *direction, int64_t element,
			     double analytic, struct difference_result *out, struct error *err)
{
	double gap_before = INFINITY;
	struct difference_result best = { 0 }; /* of the largest step, which has the most digits */
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		double h = steps[i] * d->size, above, below;
		struct difference_result r = { .verdict = DIFFERENCE_FAIL };
		TRY(value_at(d, direction, element, h, &above, err));
		TRY(value_at(d, direction, element, -h, &below, err));
		double noise = ROUNDING * DBL_EPSILON * d->magnitude / h;
		r.numeric = (above - below) / (2 * h);
		double scale = fmax(fmax(fabs(analytic), fabs(r.numeric)),
				    noise / DIFFERENCE_TOLERANCE);
		double difference = fabs(analytic - r.numeric);
		r.error = difference ? difference / scale : 0;
		if (r.error <= DIFFERENCE_TOLERANCE) {
			r.verdict = DIFFERENCE_OK;
			*out = r;
			return OK;
		}
		/* Of a smooth function this shrinks with the step. */
		double gap = fabs(above - 2 * d->value + below) / h;
		if (gap > gap_before / 2 && gap > 4 * noise && difference < 10 * gap)
			r.verdict = DIFFERENCE_KINK;
		gap_before = gap;
		best = i ? best : r;
		best.verdict = r.verdict;
	}
	*out = best;
	return OK;
}
