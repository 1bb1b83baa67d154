/*
 * lora.c - finds the matrices that can be adapted, and builds the adapted ones (see lora.h).
 *
 * A matrix weight is followed through operators that keep its form to what reads it: the second
 * operand of MatMul and Gemm, the weight of a 1x1 Conv. Its form is known where all readers agree.
 */
#include "passes/lora.h"

#include "base/rng.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>

/* ---- forms ---- */

/* Attributes of a loaded graph, where defaults are not filled in. */
static int64_t int_or(const struct node *node, const char *name, int64_t otherwise)
{
	const struct attr *a = node_attr(node, name);
	return a && a->kind == ATTR_INT ? a->i : otherwise;
}

static float float_or(const struct node *node, const char *name, float otherwise)
{
	const struct attr *a = node_attr(node, name);
	return a && a->kind == ATTR_FLOAT ? a->f : otherwise;
}

/* What a value is of a constant. */
struct origin {
	uint32_t constant; /* 0: of none */
	bool transposed;
};

static bool swaps_axes(const struct node *node)
{
	const struct attr *perm = node_attr(node, "perm");
	return !perm || (perm->n == 2 && perm->ints[0] == 1 && perm->ints[1] == 0);
}

static bool is_pointwise_conv(const struct node *node, const struct shape *w)
{
	bool ones = node_is(node, "Conv") && w->rank > 2 && int_or(node, "group", 1) == 1;
	for (int i = 2; i < w->rank; i++)
		ones &= w->dim[i] == 1;
	return ones;
}

/* The form that operand k of the node has, as it reaches the node. */
static enum lora_form form_of(const struct node *node, uint32_t k, const struct shape *w)
{
	if (k != 1)
		return LORA_NONE;
	if (is_pointwise_conv(node, w))
		return LORA_OUT_IN;
	if (w->rank != 2)
		return LORA_NONE;
	if (node_is(node, "Gemm") && float_or(node, "alpha", 1) == 1)
		return int_or(node, "transB", 0) ? LORA_OUT_IN : LORA_IN_OUT;
	return node_is(node, "MatMul") ? LORA_IN_OUT : LORA_NONE;
}

static enum lora_form turned(enum lora_form form)
{
	return form == LORA_OUT_IN ? LORA_IN_OUT : form == LORA_IN_OUT ? LORA_OUT_IN : LORA_NONE;
}

static void read_operand(const struct graph *loaded, const struct node *node, uint32_t k,
			 struct origin *origins, enum lora_form *forms, bool *seen)
{
	struct origin from = origins[node->in[k]];
	if (!from.constant)
		return;
	if (k == 0 && (node_is(node, "Identity") || node_is(node, "Cast") ||
		       (node_is(node, "Transpose") && swaps_axes(node)))) {
		origins[node->out[0]] = (struct origin){
			from.constant, from.transposed ^ node_is(node, "Transpose")
		};
		return;
	}
	enum lora_form form = form_of(node, k, &graph_value(loaded, from.constant)->t.shape);
	form = from.transposed ? turned(form) : form;
	forms[from.constant] = !seen[from.constant] || forms[from.constant] == form ? form
										    : LORA_NONE;
	seen[from.constant] = true;
}

void lora_forms(const struct graph *loaded, enum lora_form *forms)
{
	struct origin *origins = mem_alloc(loaded->values.n * sizeof *origins);
	bool *seen = mem_alloc(loaded->values.n);
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		const struct value *v = graph_value(loaded, i);
		forms[i] = LORA_NONE;
		if (v->kind == VALUE_CONSTANT && dtype_is_trainable(v->t.dtype) &&
		    shape_elements(&v->t.shape))
			origins[i].constant = i;
	}
	for (uint32_t i = 0; i < loaded->order.n; i++) {
		const struct node *node = graph_node(loaded, loaded->order.v[i]);
		for (uint32_t k = 0; k < node->n_in; k++)
			read_operand(loaded, node, k, origins, forms, seen);
	}
	free(origins);
	free(seen);
}

void lora_sizes(const struct shape *weight, enum lora_form form, int64_t *in, int64_t *out)
{
	*out = weight->dim[form == LORA_IN_OUT];
	*in = weight->dim[form != LORA_IN_OUT];
}

/* ---- choice ---- */

static bool matches(const char *const *patterns, const char *name)
{
	for (; patterns && *patterns; patterns++)
		if (!fnmatch(*patterns, name, 0))
			return true;
	return false;
}

static enum status check_patterns(const struct graph *loaded, const enum lora_form *forms,
				  const char *const *patterns, struct error *err)
{
	for (; patterns && *patterns; patterns++) {
		bool found = false;
		for (uint32_t i = 1; i < loaded->values.n && !found; i++)
			found = forms[i] && !fnmatch(*patterns, graph_value(loaded, i)->name, 0);
		if (!found)
			return fail(err, ERR_USAGE,
				    "--lora-on '%s' matches no weight of a MatMul, Gemm or 1x1 "
				    "Conv; see onnxtune inspect",
				    *patterns);
	}
	return OK;
}

enum status lora_choose(const struct graph *loaded, const struct lora_options *options,
			struct param_verdict *verdicts, struct lora *lora, struct error *err)
{
	bool given = options->on && *options->on, any = false;
	enum lora_form *forms = mem_alloc(loaded->values.n * sizeof *forms);
	lora_forms(loaded, forms);
	enum status status = check_patterns(loaded, forms, options->on, err);
	for (uint32_t i = 1; i < loaded->values.n && status == OK; i++) {
		const struct value *v = graph_value(loaded, i);
		struct param_verdict *verdict = &verdicts[i];
		bool on = forms[i] && (given ? matches(options->on, v->name)
					     : verdict->trained && !verdict->named);
		if (on) {
			lora[i] = (struct lora){ .on = true,
						 .form = forms[i],
						 .rank = options->rank,
						 .scale = options->alpha / (double)options->rank };
			lora_sizes(&v->t.shape, forms[i], &lora[i].in, &lora[i].out);
			verdict->trained = any = true;
			verdict->reason = "--lora";
		} else if (verdict->trained && !verdict->named) {
			verdict->trained = false;
			verdict->reason = "frozen by --lora";
		}
	}
	free(forms);
	if (status == OK && !any)
		status = fail(err, ERR_INPUT,
			      "--lora: no trained weight of a MatMul, Gemm or 1x1 Conv to adapt");
	return status;
}

/* ---- graph ---- */

const char *lora_name(struct arena *arena, const char *weight, bool b)
{
	return arena_printf(arena, "%s%s", weight, b ? LORA_B_SUFFIX : LORA_A_SUFFIX);
}

static uint32_t add_factor(struct builder *b, const char *weight, bool is_b, enum dtype dtype,
			   int64_t rows, int64_t columns)
{
	return graph_add_value(b->graph, lora_name(b->graph->arena, weight, is_b), VALUE_PARAM,
			       (struct tensor){ dtype, SHAPE(rows, columns), NULL });
}

uint32_t lora_build(struct builder *b, const struct lora *lora, uint32_t weight)
{
	struct value w = *graph_value(b->graph, weight);
	enum dtype dtype = w.t.dtype == DT_F64 ? DT_F64 : DT_F32;
	uint32_t factor_a = add_factor(b, w.name, false, dtype, lora->rank, lora->in);
	uint32_t factor_b = add_factor(b, w.name, true, dtype, lora->out, lora->rank);
	uint32_t base = build_cast(b, weight, dtype), sum;
	b->name = w.name;
	b->op = "LoRA";
	/* one product with the weight as its addend: W + scale * B A, or W + scale * A' B' */
	if (lora->form == LORA_OUT_IN) {
		base = build_reshape(b, base, &SHAPE(lora->out, lora->in));
		sum = build(b, "Gemm", IN(factor_b, factor_a, base),
			    attr_float("alpha", (float)lora->scale));
	} else {
		sum = build(b, "Gemm", IN(factor_a, factor_b, base), attr_int("transA", 1),
			    attr_int("transB", 1), attr_float("alpha", (float)lora->scale));
	}
	return build_cast(b, build_reshape(b, sum, &w.t.shape), w.t.dtype);
}

/* Tells these random numbers from all others of a seed. */
#define STREAM ((uint64_t)0x4c6f5241 << 32)

void lora_init(const struct lora *lora, uint64_t seed, uint32_t stream, struct tensor *a)
{
	double bound = 1 / sqrt((double)lora->in);
	uint32_t word[4];
	for (int64_t i = 0, n = shape_elements(&a->shape); i < n; i++) {
		if (i % 4 == 0)
			philox(seed, STREAM | stream, (uint64_t)i / 4, word);
		tensor_set(a, i, bound * (2 * (double)rng_uniform(word[i % 4]) - 1));
	}
}
