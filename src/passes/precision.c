/* precision.c - inserts the Casts of mixed precision (see precision.h). */
#include "passes/precision.h"

#include "passes/rewrite.h"

#include <stdlib.h>
#include <string.h>

/* torch.autocast's lists as ONNX operators; what is not listed follows its inputs. */
static const char *const autocast_half[] = { "Conv",   "ConvTranspose", "MatMul", "Gemm",
					     "Einsum", "PRelu",         "LSTM",   "GRU",
					     "RNN",    "Attention",     NULL };
static const char *const autocast_full[] = { "Exp",
					     "Log",
					     "Pow",
					     "Reciprocal",
					     "Acos",
					     "Asin",
					     "Cosh",
					     "Sinh",
					     "Tan",
					     "Softplus",
					     "LayerNormalization",
					     "RMSNormalization",
					     "GroupNormalization",
					     "LpNormalization",
					     "ReduceL1",
					     "ReduceL2",
					     "ReduceSum",
					     "ReduceProd",
					     "ReduceLogSumExp",
					     "CumSum",
					     "Softmax",
					     "LogSoftmax",
					     "Resize",
					     "Upsample",
					     "SoftmaxCrossEntropyLoss",
					     "NegativeLogLikelihoodLoss",
					     "SoftmaxCrossEntropy",
					     "SigmoidCrossEntropy",
					     "SquaredError",
					     "AbsoluteError",
					     "HuberError",
					     NULL };

static bool listed(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

static enum precision class_of(const struct op_def *def, enum precision_policy policy)
{
	if (policy == POLICY_ONNXTUNE)
		return def->precision;
	if (listed(autocast_half, def->name))
		return PRECISION_HALF;
	return listed(autocast_full, def->name) ? PRECISION_FULL : PRECISION_FOLLOW;
}

struct cast_cache {
	struct rewrite *r;
	uint32_t *cast; /* per value of the new graph and type (f32, f16, bf16): its Cast, or 0 */
	uint32_t n;
};

static uint32_t cast_once(struct cast_cache *c, uint32_t value, enum dtype dtype)
{
	struct builder *b = &c->r->b;
	uint32_t slot = value * 3 + (dtype == DT_F32 ? 0 : dtype == DT_F16 ? 1 : 2);
	if (b->status != OK || graph_value(b->graph, value)->t.dtype == dtype)
		return value;
	if (slot >= c->n) {
		uint32_t n = (slot + 1) * 2;
		c->cast = mem_realloc(c->cast, n * sizeof *c->cast);
		memset(c->cast + c->n, 0, (n - c->n) * sizeof *c->cast);
		c->n = n;
	}
	if (c->cast[slot])
		return c->cast[slot];
	uint32_t cast = build_cast(b, value, dtype);
	c->cast[slot] = cast;
	return cast;
}

static bool counts(const struct rewrite *r, const struct node *node, uint32_t k, uint32_t value)
{
	return value && !(op_input(node->def, k)->flags & ARG_KEEP) &&
	       dtype_is_trainable(build_type(&r->b, value)->dtype);
}

/* The type that the inputs of a node that count are brought to; DT_NONE: leave them. */
static enum dtype wanted_type(const struct rewrite *r, const struct node *node, const uint32_t *in,
			      enum dtype half, enum precision_policy policy)
{
	enum dtype widest = DT_NONE;
	for (uint32_t k = 0; k < node->n_in; k++) {
		if (!counts(r, node, k, in[k]))
			continue;
		enum dtype t = build_type(&r->b, in[k])->dtype;
		if (t == DT_F64)
			return DT_NONE;
		if (widest == DT_NONE || t == widest)
			widest = t;
		else
			widest = DT_F32; /* f16 and bf16 have no common half */
	}
	if (widest == DT_NONE || node_is(node, "Cast"))
		return DT_NONE;
	switch (class_of(node->def, policy)) {
	case PRECISION_HALF:
		return half;
	case PRECISION_FULL:
		return DT_F32;
	default:
		return widest;
	}
}

/* Whether the value, of the half type, is the result of a contraction. */
static bool is_product(const struct rewrite *r, uint32_t value, enum dtype half)
{
	const struct value *v = graph_value(r->b.graph, value);
	return v->t.dtype == half && v->node &&
	       graph_node(r->b.graph, v->node)->def->precision == PRECISION_HALF;
}

/* Whether the value of the old graph is a vector of the shape's last axis, known before micro-batches. */
static bool is_bias(const struct rewrite *r, uint32_t value, const struct shape *shape)
{
	const struct value *v = graph_value(r->from, value);
	return v->phase != PHASE_MICRO && v->t.shape.rank && shape->rank &&
	       v->t.shape.dim[v->t.shape.rank - 1] == shape->dim[shape->rank - 1] &&
	       shape_elements(&v->t.shape) == shape->dim[shape->rank - 1];
}

/* Whether the node adds a bias to a product: then both are one contraction. `in`: of the new graph. */
static bool adds_bias(const struct rewrite *r, const struct node *node, const uint32_t *in,
		      enum dtype half)
{
	if (!node_is(node, "Add"))
		return false;
	const struct shape *shape = &graph_value(r->from, node->out[0])->t.shape;
	for (uint32_t k = 0; k < 2; k++)
		if (is_product(r, in[k], half) && is_bias(r, node->in[1 - k], shape))
			return true;
	return false;
}

enum status precision_apply(struct graph **graph, enum dtype half, enum precision_policy policy,
			    struct error *err)
{
	struct graph *from = *graph;
	struct rewrite r;
	rewrite_begin(&r, from, err);
	struct cast_cache cache = { .r = &r };
	for (uint32_t i = 0; i < from->order.n; i++) {
		const struct node *node = graph_node(from, from->order.v[i]);
		uint32_t *in = arena_alloc(from->arena, node->n_in * sizeof *in);
		for (uint32_t k = 0; k < node->n_in; k++)
			in[k] = r.map[node->in[k]];
		bool bias = false;
		rewrite_origin(&r, node);
		if (node->phase == PHASE_MICRO) {
			enum dtype want = wanted_type(&r, node, in, half, policy);
			bias = half != DT_F32 && policy == POLICY_ONNXTUNE &&
			       adds_bias(&r, node, in, half);
			for (uint32_t k = 0; k < node->n_in && want; k++)
				if (counts(&r, node, k, in[k]))
					in[k] = cast_once(&cache, in[k], want);
		}
		rewrite_copy_with(&r, node, in);
		if (bias && r.b.status == OK)
			r.map[node->out[0]] = build_cast(&r.b, r.map[node->out[0]], half);
	}
	free(cache.cast);
	return rewrite_end(&r, graph);
}
