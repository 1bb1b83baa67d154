/*
 * params.c - which constants are trained (see params.h).
 *
 *  1. Candidates: float constants of rank >= 1 that no operator reads as a shape or bound.
 *  2. The graph is bound with all of them as parameters, so nothing that they reach is folded.
 *  3. One walk in order follows each candidate through operators that keep its form, and knows of
 *     every value whether it comes from the data and whether a trained weight went into it.
 */
#include "passes/params.h"

#include "base/number.h"
#include "passes/bind.h"
#include "passes/layers.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* N of "last:N", 0 for a pattern. */
static uint32_t last_nodes(const char *pattern)
{
	int64_t n;
	if (strncmp(pattern, "last:", 5) || !number_parse_integer(pattern + 5, &n) || n < 1)
		return 0;
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* The largest N of "last:N" in the list, 0 where there is none. */
static uint32_t largest_last(const char *const *patterns)
{
	uint32_t largest = 0;
	for (; patterns && *patterns; patterns++)
		if (last_nodes(*patterns) > largest)
			largest = last_nodes(*patterns);
	return largest;
}

static bool matches(const char *const *patterns, const char *name)
{
	for (; patterns && *patterns; patterns++)
		if (!last_nodes(*patterns) && !fnmatch(*patterns, name, 0))
			return true;
	return false;
}

/* Patterns that match no float constant are a mistake that would cost a training run. */
static enum status check_patterns(const struct graph *loaded, const char *const *patterns,
				  const char *option, struct error *err)
{
	for (; patterns && *patterns; patterns++) {
		bool found = last_nodes(*patterns) != 0;
		for (uint32_t i = 1; i < loaded->values.n && !found; i++) {
			const struct value *v = graph_value(loaded, i);
			found = v->kind == VALUE_CONSTANT && dtype_is_trainable(v->t.dtype) &&
				!fnmatch(*patterns, v->name, 0);
		}
		if (!found)
			return fail(err, ERR_USAGE,
				    "--%s '%s' matches no float constant; see onnxtune inspect",
				    option, *patterns);
	}
	return OK;
}

static void find_candidates(const struct graph *loaded, struct param_verdict *verdicts)
{
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		const struct value *v = graph_value(loaded, i);
		if (v->kind != VALUE_CONSTANT || !dtype_is_trainable(v->t.dtype))
			continue;
		verdicts[i] = (struct param_verdict){ .is_float = true,
						      .trained = true,
						      .reason = "not read as a weight" };
		if (!v->t.shape.rank) {
			verdicts[i].trained = false;
			verdicts[i].reason = "scalar";
		} else if (!shape_elements(&v->t.shape)) {
			verdicts[i].trained = false;
			verdicts[i].reason = "empty";
		}
	}
	for (uint32_t i = 0; i < loaded->order.n; i++) {
		const struct node *node = graph_node(loaded, loaded->order.v[i]);
		for (uint32_t k = 0; k < node->n_in; k++) {
			const struct op_arg *arg = node->def ? op_input(node->def, k) : NULL;
			struct param_verdict *v = &verdicts[node->in[k]];
			if (!arg || !v->is_float || !(arg->flags & (ARG_HOST | ARG_NO_GRAD)))
				continue;
			v->trained = false;
			v->reason = arg->flags & ARG_HOST ? "a bound or shape"
							  : "running statistics";
		}
	}
}

/* -inf, values below -1e4, or hardly any different values: a mask or a constant, no bias. */
static bool is_mask(const struct tensor *t)
{
	double seen[3];
	int n_seen = 0;
	int64_t n = shape_elements(&t->shape);
	for (int64_t i = 0; i < n; i++) {
		double x = tensor_get(t, i);
		bool known = false;
		if (!isfinite(x) || x < -1e4)
			return true;
		for (int k = 0; k < n_seen; k++)
			known |= seen[k] == x;
		if (!known && n_seen < 3)
			seen[n_seen++] = x;
	}
	return t->shape.rank >= 2 && n_seen < 3;
}

struct follow {
	const struct graph *graph; /* bound */
	const struct graph *loaded;
	struct param_verdict *verdicts;
	uint32_t *source; /* per bound value: 1 + loaded constant that it is a form of, 0 if none */
	bool *data;       /* comes from an input */
	bool *weighted;   /* and a trained weight went into it */
};

static void mark(struct follow *f, uint32_t source, bool *chosen)
{
	chosen[source - 1] = true;
	f->verdicts[source - 1].reason = "weight";
}

/*
 * Whether operand k, a form of a constant, is put onto values that a trained weight has gone into: a
 * bias or scale (Add, Mul), or a learned row beside them (Concat: a class token).
 */
static bool is_put_on_weighted(struct follow *f, const struct node *node, uint32_t k, bool weighted)
{
	const struct shape *own = &graph_value(f->graph, node->in[k])->t.shape;
	const struct shape *y = &graph_value(f->graph, node->out[0])->t.shape;
	uint32_t source = f->source[node->in[k]];
	if (node_is(node, "Add") || node_is(node, "Mul")) {
		uint32_t other = node->in[1 - k];
		weighted = f->weighted[other] &&
			   shape_equal(&graph_value(f->graph, other)->t.shape, y);
	} else if (!node_is(node, "Concat")) {
		return false;
	}
	if (!weighted || shape_elements(own) < 2)
		return false;
	if (is_mask(&graph_value(f->loaded, source - 1)->t)) {
		f->verdicts[source - 1].reason = "mask";
		return false;
	}
	return true;
}

/*
 * The weight that the outputs are forms of. The parts of a weight are, and what two of its parts add up
 * to: recurrent operators keep two biases, or both directions, in one.
 */
static uint32_t source_of_outputs(const struct follow *f, const struct node *node)
{
	uint32_t source = node->n_in ? f->source[node->in[0]] : 0;
	bool kept = (node->def->flags & OP_KEEPS_FORM) || node_is(node, "Split") ||
		    (node_is(node, "Add") && f->source[node->in[1]] == source);
	return kept ? source : 0;
}

static void follow_node(struct follow *f, const struct node *node, bool *chosen)
{
	bool data = false, weighted = false;
	for (uint32_t k = 0; k < node->n_in; k++) {
		data |= f->data[node->in[k]];
		weighted |= f->weighted[node->in[k]];
	}
	for (uint32_t k = 0; k < node->n_in; k++) {
		uint32_t source = f->source[node->in[k]];
		if (!source)
			continue;
		if ((op_input(node->def, k)->flags & ARG_PARAM) ||
		    is_put_on_weighted(f, node, k, weighted))
			mark(f, source, chosen);
		else if (data && !weighted)
			f->verdicts[source - 1].reason = "stands before the first weight";
		weighted |= chosen[source - 1];
	}
	for (uint32_t k = 0; k < node->n_out; k++) {
		f->data[node->out[k]] = data;
		f->weighted[node->out[k]] = data && weighted;
	}
	/* The cast that binding adds after a master is a source itself, though the master is none. */
	uint32_t source = source_of_outputs(f, node);
	for (uint32_t k = 0; k < node->n_out && source; k++)
		if (node->out[k])
			f->source[node->out[k]] = source;
}

static void follow_graph(struct follow *f, const struct binding *bound, bool *chosen)
{
	const struct graph *g = bound->graph;
	for (uint32_t i = 1; i < f->loaded->values.n; i++)
		if (f->verdicts[i].trained && bound->map[i])
			f->source[bound->map[i]] = i + 1;
	for (uint32_t k = 0; k < g->inputs.n; k++)
		f->data[g->inputs.v[k]] = true;
	for (uint32_t i = 0; i < g->order.n; i++)
		follow_node(f, graph_node(g, g->order.v[i]), chosen);
}

/* How far from the output each candidate stands. */
static void count_layers(struct follow *f, uint32_t output, const bool *chosen)
{
	uint32_t n = f->loaded->values.n;
	uint32_t *last = mem_alloc(n * sizeof *last), *depth = mem_alloc(n * sizeof *depth);
	struct layers_query query = { f->graph, output, f->source, chosen, n };
	layers_find(&query, last, depth);
	for (uint32_t i = 1; i < n; i++) {
		f->verdicts[i].last = last[i];
		f->verdicts[i].depth = depth[i];
	}
	free(last);
	free(depth);
}

static void override(const struct graph *loaded, const char *const *freeze,
		     const char *const *train, struct param_verdict *verdicts)
{
	uint32_t last = largest_last(train);
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		struct param_verdict *v = &verdicts[i];
		const char *name = graph_value(loaded, i)->name;
		if (!v->is_float)
			continue;
		if (v->trained && last && (!v->last || v->last > last)) {
			v->trained = false;
			v->reason = "not in the last nodes of --train";
		}
		if (v->trained && matches(freeze, name)) {
			v->trained = false;
			v->reason = "--freeze";
		}
		v->named = matches(train, name);
		if (!v->trained && v->named) {
			v->trained = true;
			v->reason = "--train";
		}
	}
}

enum status params_choose(const struct graph *loaded, const struct shape *shapes,
			  const char *const *freeze, const char *const *train, uint32_t output,
			  struct param_verdict *verdicts, struct problems *problems,
			  struct error *err)
{
	struct binding bound;
	TRY(check_patterns(loaded, freeze, "freeze", err));
	TRY(check_patterns(loaded, train, "train", err));
	find_candidates(loaded, verdicts);
	bool *trained = mem_alloc(loaded->values.n), *chosen = mem_alloc(loaded->values.n);
	for (uint32_t i = 1; i < loaded->values.n; i++)
		trained[i] = verdicts[i].trained;
	enum status status = bind_graph(loaded, shapes, trained, &bound, problems, err);
	if (status == OK) {
		uint32_t n = bound.graph->values.n;
		struct follow f = { bound.graph,  loaded,
				    verdicts,     mem_alloc(n * sizeof *f.source),
				    mem_alloc(n), mem_alloc(n) };
		follow_graph(&f, &bound, chosen);
		count_layers(&f, bound.graph->outputs.v[output], chosen);
		for (uint32_t i = 1; i < loaded->values.n; i++)
			verdicts[i].trained &= chosen[i];
		override(loaded, freeze, train, verdicts);
		free(f.source);
		free(f.data);
		free(f.weighted);
		graph_free(bound.graph);
	}
	free(trained);
	free(chosen);
	return status;
}
