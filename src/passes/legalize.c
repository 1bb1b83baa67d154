/* legalize.c - wraps nodes without a half-precision kernel in Casts (see legalize.h). */
#include "passes/legalize.h"

#include "passes/rewrite.h"

#include <stdlib.h>
#include <string.h>

static bool is_half(enum dtype dtype)
{
	return dtype == DT_F16 || dtype == DT_BF16;
}

/* Whether the target has a kernel for the call, in the layouts that it would like. */
static bool has_kernel(const struct target *target, const struct op_call *call,
		       struct arena *scratch)
{
	struct op_operand *in = arena_alloc(scratch, call->n_in * sizeof *in);
	struct op_operand *out = arena_alloc(scratch, call->n_out * sizeof *out);
	enum layout *wish = arena_alloc(scratch, (call->n_in + call->n_out) * sizeof *wish);
	struct op_call wished = *call;
	wished.in = memcpy(in, call->in, call->n_in * sizeof *in);
	wished.out = memcpy(out, call->out, call->n_out * sizeof *out);
	target->propose(target, call, wish, wish + call->n_in);
	for (uint32_t k = 0; k < call->n_in; k++)
		in[k].layout = wish[k];
	for (uint32_t k = 0; k < call->n_out; k++)
		out[k].layout = wish[call->n_in + k];
	return target->kernel(target, &wished, NULL) != NULL;
}

/* Whether the target can run the node in float32 only. */
static bool needs_casts(const struct graph *graph, const struct node *node,
			const struct target *target)
{
	struct arena scratch;
	bool half = false, wrap = false;
	if (node_is(node, "Cast") || (node->def->flags & OP_VIEW))
		return false;
	arena_init(&scratch);
	struct op_call call = op_call_of(graph, node, &scratch);
	for (uint32_t k = 0; k < call.n_in; k++)
		half |= is_half(call.in[k].t.dtype);
	if (half && !has_kernel(target, &call, &scratch)) {
		struct op_operand *operands[] = { (struct op_operand *)call.in,
						  (struct op_operand *)call.out };
		uint32_t n[] = { call.n_in, call.n_out };
		for (int side = 0; side < 2; side++)
			for (uint32_t k = 0; k < n[side]; k++)
				if (is_half(operands[side][k].t.dtype)) {
					operands[side][k].t.dtype = DT_F32;
					operands[side][k].t.data = NULL;
				}
		wrap = has_kernel(target, &call, &scratch);
	}
	arena_release(&scratch);
	return wrap;
}

/*
 * The value in float32. That of a weight is there for the whole step: all nodes share one. An activation is
 * cast for each, so that none is kept in float32 from the forward to the backward pass.
 */
static uint32_t in_float32(struct rewrite *r, uint32_t value, uint32_t *shared)
{
	if (graph_value(r->from, value)->phase == PHASE_MICRO)
		return build_cast(&r->b, r->map[value], DT_F32);
	if (!shared[value])
		shared[value] = build_cast(&r->b, r->map[value], DT_F32);
	return shared[value];
}

enum status legalize_apply(struct graph **graph, const struct target *target, struct error *err)
{
	struct graph *from = *graph;
	uint32_t *shared = mem_alloc(from->values.n * sizeof *shared);
	struct rewrite r;
	rewrite_begin(&r, from, err);
	for (uint32_t i = 0; i < from->order.n; i++) {
		const struct node *node = graph_node(from, from->order.v[i]);
		uint32_t *in = arena_alloc(from->arena, node->n_in * sizeof *in);
		if (!needs_casts(from, node, target)) {
			rewrite_copy(&r, node);
			continue;
		}
		rewrite_origin(&r, node);
		for (uint32_t k = 0; k < node->n_in; k++) {
			in[k] = r.map[node->in[k]];
			if (node->in[k] && is_half(graph_value(from, node->in[k])->t.dtype))
				in[k] = in_float32(&r, node->in[k], shared);
		}
		rewrite_copy_with(&r, node, in);
		for (uint32_t k = 0; k < node->n_out; k++)
			if (node->out[k])
				r.map[node->out[k]] = build_cast(
					&r.b, r.map[node->out[k]],
					graph_value(from, node->out[k])->t.dtype);
	}
	free(shared);
	return rewrite_end(&r, graph);
}
