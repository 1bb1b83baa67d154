/* strided.c - joins batched products with the permutations around them (see strided.h). */
#include "passes/strided.h"

#include "passes/rewrite.h"

#include <stdlib.h>
#include <string.h>

#define BESIDE 4 /* nodes that a permutation changes places with, at most */

/*
 * Transpose(value, perm) * factor. Where that is a half type, a factor is not taken into the product, since
 * what it multiplies is rounded: it changes places with the permutation, as do Casts, all element by
 * element. These nodes, and the views that are moved as well so that they come next to others of their
 * kind, are `beside` the permutation: from the operand to its source, or from the result to its end.
 */
struct view {
	uint32_t value;
	int rank;
	int64_t perm[SHAPE_MAX_RANK];
	double factor;
	const struct node *beside[BESIDE];
	int n;
};

struct pass {
	struct rewrite r;
	const struct target *target;
	uint32_t *reader; /* per value: the only node that reads it; 0: none, or not one */
	uint32_t *
		moved; /* per value of a half type: it before permutations, in the new graph; 0: none */
};

static struct view view_of(const struct graph *graph, uint32_t value)
{
	struct view v = { .value = value,
			  .rank = graph_value(graph, value)->t.shape.rank,
			  .factor = 1 };
	for (int i = 0; i < v.rank; i++)
		v.perm[i] = i;
	return v;
}

/* The permutation of a Transpose, written out. */
static void permutation(const struct node *node, int rank, int64_t perm[SHAPE_MAX_RANK])
{
	const struct attr *a = node_attr(node, "perm");
	for (int i = 0; i < rank; i++)
		perm[i] = a ? a->ints[i] : rank - 1 - i;
}

/* Whether the node is x times a known scalar, of a type that rounds little; *x is that input. */
static bool scales(const struct graph *graph, const struct node *node, uint32_t *x, double *factor)
{
	for (uint32_t k = 0; k < 2 && node_is(node, "Mul"); k++) {
		const struct value *c = graph_value(graph, node->in[k]);
		const struct value *other = graph_value(graph, node->in[!k]);
		if (c->kind != VALUE_CONSTANT || !c->t.data || shape_elements(&c->t.shape) != 1 ||
		    other->t.dtype != DT_F32 || c->t.shape.rank > other->t.shape.rank)
			continue;
		*x = node->in[!k];
		*factor = tensor_get(&c->t, 0);
		return true;
	}
	return false;
}

/* ---- nodes beside a permutation ---- */

static bool is_view(const struct node *node)
{
	return (node->def->flags & OP_VIEW) && node->n_out == 1;
}

static bool is_element_by_element(const struct graph *graph, const struct node *node, uint32_t *x)
{
	double factor;
	*x = node->in[0];
	return node_is(node, "Cast") || scales(graph, node, x, &factor);
}

/* The node again, reading `x` in place of the input `old`. */
static uint32_t again(struct pass *p, const struct node *node, uint32_t old, uint32_t x)
{
	uint32_t in[SHAPE_MAX_RANK], out = 0;
	const bool wanted = true;
	if (!x || node->n_in > ARRAY_SIZE(in))
		return 0;
	for (uint32_t k = 0; k < node->n_in; k++)
		in[k] = node->in[k] == old ? x : p->r.map[node->in[k]];
	build_def(&p->r.b, node->def, (struct inputs){ in, node->n_in }, node->attrs, &wanted, NULL,
		  &out, 1);
	return out;
}

/* The nodes beside, views first (`views`) or last: both in their order, on x. */
static uint32_t beside_again(struct pass *p, const struct view *v, bool views, bool backwards,
			     uint32_t x)
{
	for (int i = 0; i < v->n; i++) {
		const struct node *node = v->beside[backwards ? v->n - 1 - i : i];
		uint32_t old = node->in[0];
		if (is_view(node) != views)
			continue;
		if (!views)
			is_element_by_element(p->r.from, node, &old);
		x = again(p, node, old, x);
	}
	return x;
}

/* ---- before and behind a product ---- */

/* Follows an operand to where it comes from, or to where another product's end has it. */
static struct view source_of(const struct pass *p, uint32_t operand)
{
	const struct graph *graph = p->r.from;
	const bool half = graph_value(graph, operand)->t.dtype != DT_F32;
	struct view v = view_of(graph, operand), found = v;
	for (;;) {
		uint32_t producer = graph_value(graph, v.value)->node, x = 0;
		const struct node *node = producer ? graph_node(graph, producer) : NULL;
		bool transposes = node && node_is(node, "Transpose");
		int64_t perm[SHAPE_MAX_RANK];
		double factor = 1;
		if (!node)
			return found;
		x = node->in[0];
		if (!transposes && half &&
		    (v.n == BESIDE || !is_element_by_element(graph, node, &x)))
			break;
		if (!transposes && !half && !scales(graph, node, &x, &factor))
			return found;
		if (!p->r.map[x])
			return found;
		if (transposes)
			permutation(node, v.rank, perm);
		for (int i = 0; i < v.rank && transposes; i++)
			v.perm[i] = perm[v.perm[i]];
		v.factor *= factor;
		v.value = x;
		if (!transposes && half)
			v.beside[v.n++] = node;
		if (transposes || !half)
			found = v;
	}
	/* a view behind which the elements are computed */
	const struct node *node = graph_node(graph, graph_value(graph, found.value)->node);
	if (found.n && found.n < BESIDE && found.value == v.value && is_view(node) &&
	    p->r.map[node->in[0]]) {
		found.beside[found.n++] = node;
		found.value = node->in[0];
	}
	return found;
}

/* The operand of the product, without its permutation, in the new graph. */
static uint32_t operand_of(struct pass *p, const struct view *v)
{
	if (!v->n)
		return p->r.map[v->value];
	uint32_t *moved = &p->moved[v->beside[0]->out[0]];
	if (!*moved)
		*moved = beside_again(p, v, true, true,
				      beside_again(p, v, false, true, p->r.map[v->value]));
	return *moved;
}

/* Follows a result while it has one reader; v.value becomes what holds it in the end. */
static struct view end_of(const struct pass *p, uint32_t result)
{
	const struct graph *graph = p->r.from;
	const bool half = graph_value(graph, result)->t.dtype != DT_F32;
	struct view v = view_of(graph, result), found = v;
	while (p->reader[v.value]) {
		const struct node *node = graph_node(graph, p->reader[v.value]);
		int64_t perm[SHAPE_MAX_RANK], before[SHAPE_MAX_RANK];
		uint32_t x;
		double factor;
		bool transposes = node_is(node, "Transpose");
		if (transposes) {
			permutation(node, v.rank, perm);
			memcpy(before, v.perm, sizeof before);
			for (int i = 0; i < v.rank; i++)
				v.perm[i] = before[perm[i]];
		} else if (half) {
			bool view = is_view(node) && node->in[0] == v.value;
			if (v.n == BESIDE || (view && (found.value != v.value || !v.n)) ||
			    (!view && (!is_element_by_element(graph, node, &x) || x != v.value)))
				break;
			v.beside[v.n++] = node;
			v.value = node->out[0];
			if (view)
				return v;
			continue;
		} else if (scales(graph, node, &x, &factor) && x == v.value) {
			v.factor *= factor;
		} else {
			break;
		}
		v.value = node->out[0];
		found = v;
	}
	return found;
}

/* ---- the pass ---- */

static bool is_float(enum dtype dtype)
{
	return dtype == DT_F32 || dtype == DT_F16 || dtype == DT_BF16;
}

static bool is_candidate(const struct graph *graph, const struct node *node)
{
	if (!node_is(node, "MatMul"))
		return false;
	const struct tensor *a = &graph_value(graph, node->in[0])->t;
	const struct tensor *b = &graph_value(graph, node->in[1])->t;
	int rank = a->shape.rank;
	if (rank < 3 || b->shape.rank != rank || !is_float(a->dtype) ||
	    graph_value(graph, node->out[0])->t.dtype != a->dtype)
		return false;
	for (int i = 0; i < rank - 2; i++)
		if (a->shape.dim[i] != b->shape.dim[i])
			return false;
	return true;
}

/* The operand without a Transpose of its matrices, where the batch stays as it is. */
static struct view matrix_of(const struct pass *p, uint32_t operand)
{
	struct view v = view_of(p->r.from, operand);
	uint32_t producer = graph_value(p->r.from, operand)->node;
	const struct node *node = producer ? graph_node(p->r.from, producer) : NULL;
	int64_t perm[SHAPE_MAX_RANK];
	if (!node || !node_is(node, "Transpose") || !p->r.map[node->in[0]])
		return v;
	permutation(node, v.rank, perm);
	for (int i = 0; i < v.rank - 2; i++)
		if (perm[i] != i)
			return v;
	memcpy(v.perm, perm, sizeof perm);
	v.value = node->in[0];
	return v;
}

/* Builds the product; false when the target has no kernel for it. */
static bool join(struct pass *p, const struct view *a, const struct view *b, const struct view *y)
{
	struct rewrite *r = &p->r;
	uint32_t rank = (uint32_t)a->rank;
	double alpha = a->factor * b->factor * y->factor;
	uint32_t result = build(&r->b, "StridedMatMul", IN(operand_of(p, a), operand_of(p, b)),
				attr_ints("perm_a", a->perm, rank),
				attr_ints("perm_b", b->perm, rank),
				attr_ints("perm_y", y->perm, rank),
				attr_float("alpha", (float)alpha));
	if (!rewrite_has_kernel(r, p->target, result))
		return false;
	graph_value(r->b.graph, result)->phase = graph_value(r->from, y->value)->phase;
	result = beside_again(p, y, false, false, beside_again(p, y, true, false, result));
	r->map[y->value] = result;
	return true;
}

static bool apply(struct pass *p, const struct node *node)
{
	const struct graph *graph = p->r.from;
	struct view a = source_of(p, node->in[0]), b = source_of(p, node->in[1]);
	struct view y = end_of(p, node->out[0]), plain = view_of(graph, node->out[0]);
	if (a.value == node->in[0] && b.value == node->in[1] && y.value == node->out[0])
		return false;
	rewrite_origin(&p->r, node);
	if (join(p, &a, &b, &y) || join(p, &a, &b, &plain))
		return true;
	if (graph_value(graph, node->out[0])->t.dtype == DT_F32)
		return false;
	a = matrix_of(p, node->in[0]);
	b = matrix_of(p, node->in[1]);
	return (a.value != node->in[0] || b.value != node->in[1]) && join(p, &a, &b, &plain);
}

/* Whether a product before it does its work: its output is there, or one of its inputs never is. */
static bool is_joined(const struct pass *p, const struct node *node)
{
	for (uint32_t k = 0; k < node->n_in; k++)
		if (node->in[k] && !p->r.map[node->in[k]])
			return p->r.b.status == OK;
	return node->n_out == 1 && p->r.map[node->out[0]];
}

static void find_readers(struct pass *p, const struct graph *graph)
{
	uint32_t *count = mem_alloc(graph->values.n * sizeof *count);
	for (uint32_t k = 0; k < graph->outputs.n; k++)
		count[graph->outputs.v[k]] = 2;
	for (uint32_t i = 0; i < graph->order.n; i++) {
		const struct node *node = graph_node(graph, graph->order.v[i]);
		for (uint32_t k = 0; k < node->n_in; k++) {
			count[node->in[k]]++;
			p->reader[node->in[k]] = graph->order.v[i];
		}
	}
	for (uint32_t v = 0; v < graph->values.n; v++)
		if (count[v] != 1)
			p->reader[v] = 0;
	free(count);
}

enum status strided_apply(struct graph **graph, const struct target *target, struct error *err)
{
	struct graph *from = *graph;
	struct pass p = { .target = target,
			  .reader = mem_alloc(from->values.n * sizeof *p.reader),
			  .moved = mem_alloc(from->values.n * sizeof *p.moved) };
	rewrite_begin(&p.r, from, err);
	find_readers(&p, from);
	for (uint32_t i = 0; i < from->order.n; i++) {
		const struct node *node = graph_node(from, from->order.v[i]);
		if (!is_joined(&p, node) && (!is_candidate(from, node) || !apply(&p, node)))
			rewrite_copy(&p.r, node);
	}
	free(p.moved);
	free(p.reader);
	return rewrite_end(&p.r, graph);
}
