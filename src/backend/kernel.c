/*
 * kernel.c - choosing a kernel, and the one that is always there: the reference implementation of
 * the operator run on host memory (see backend.h).
 */
#include "backend/backend.h"

#include <stdlib.h>
#include <string.h>

static bool is_for(const struct kernel *k, const struct op_call *call)
{
	return !*k->op || !strcmp(k->op, call->def->name);
}

const struct kernel *kernel_find(const struct kernel *const *table, const struct op_call *call,
				 const char **why)
{
	const struct kernel *best = NULL;
	const char *reason = "no kernel";
	for (const struct kernel *const *p = table; *p; p++) {
		const struct kernel *k = *p;
		const char *text = "not supported";
		if (!is_for(k, call) || (best && best->rank >= k->rank))
			continue;
		if (k->supports(call, &text))
			best = k;
		else
			reason = text;
	}
	if (why)
		*why = reason;
	return best;
}

void kernel_propose(const struct kernel *const *table, const struct op_call *call, enum layout *in,
		    enum layout *out)
{
	const struct kernel *best = NULL;
	struct op_operand *operands = mem_alloc((call->n_in + call->n_out) * sizeof *operands);
	enum layout *wish = mem_alloc((call->n_in + call->n_out) * sizeof *wish);
	struct op_call trial = *call;
	trial.in = operands;
	trial.out = operands + call->n_in;
	memset(in, 0, call->n_in * sizeof *in);
	memset(out, 0, call->n_out * sizeof *out);
	for (const struct kernel *const *p = table; *p; p++) {
		const char *why;
		if (!is_for(*p, call) || (best && best->rank >= (*p)->rank))
			continue;
		memset(wish, 0, (call->n_in + call->n_out) * sizeof *wish);
		if ((*p)->propose)
			(*p)->propose(call, wish, wish + call->n_in);
		for (uint32_t k = 0; k < call->n_in + call->n_out; k++) {
			operands[k] = k < call->n_in ? call->in[k] : call->out[k - call->n_in];
			operands[k].layout = wish[k];
		}
		if (!(*p)->supports(&trial, &why))
			continue;
		best = *p;
		memcpy(in, wish, call->n_in * sizeof *in);
		memcpy(out, wish + call->n_in, call->n_out * sizeof *out);
	}
	free(operands);
	free(wish);
}

void propose_common(const struct op_call *call, enum layout *in, enum layout *out)
{
	const struct shape *shape = &call->out[0].t.shape;
	enum layout layout = LAYOUT_PLAIN;
	for (uint32_t k = 0; k < call->n_in; k++)
		if (call->in[k].layout == LAYOUT_LAST && shape_equal(&call->in[k].t.shape, shape))
			layout = LAYOUT_LAST;
	for (uint32_t k = 0; k < call->n_in; k++)
		in[k] = shape_equal(&call->in[k].t.shape, shape) ? layout : LAYOUT_PLAIN;
	for (uint32_t k = 0; k < call->n_out; k++)
		out[k] = layout;
}

/* ---- the reference ---- */

struct reference {
	const struct op_def *def;
	const struct node *node;
	uint32_t n_in, n_out;
	struct tensor *in, *out;
	const struct tensor **in_p;
	bool *wanted;
	struct arena arena;
};

static bool reference_supports(const struct op_call *call, const char **why)
{
	for (uint32_t k = 0; k < call->n_in + call->n_out; k++) {
		const struct op_operand *o = k < call->n_in ? &call->in[k]
							    : &call->out[k - call->n_in];
		if (o->layout != LAYOUT_PLAIN) {
			*why = "the reference is for plain layouts";
			return false;
		}
	}
	return true;
}

static enum status reference_create(struct device *device, const struct op_call *call, void **state,
				    size_t *workspace, struct error *err)
{
	(void)device, (void)workspace;
	if (!call->def->ref)
		return fail(err, ERR_INTERNAL, "%s has no reference", call->def->name);
	struct arena arena;
	arena_init(&arena);
	struct reference *r = arena_alloc(&arena, sizeof *r);
	*r = (struct reference){
		.def = call->def,
		.node = call->node,
		.n_in = call->n_in,
		.n_out = call->n_out,
		.in = arena_alloc(&arena, call->n_in * sizeof *r->in),
		.out = arena_alloc(&arena, call->n_out * sizeof *r->out),
		.in_p = arena_alloc(&arena, call->n_in * sizeof *r->in_p),
		.wanted = arena_alloc(&arena, call->n_out),
	};
	for (uint32_t k = 0; k < r->n_in; k++) {
		r->in[k] = call->in[k].t;
		r->in_p[k] = call->in[k].t.dtype ? &r->in[k] : NULL;
	}
	for (uint32_t k = 0; k < r->n_out; k++) {
		r->out[k] = call->out[k].t;
		r->wanted[k] = call->out[k].t.dtype != DT_NONE;
	}
	r->arena = arena;
	*state = r;
	return OK;
}

static enum status reference_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	struct reference *r = state;
	struct arena scratch;
	arena_init(&scratch);
	for (uint32_t k = 0; k < r->n_in; k++)
		r->in[k].data = io->in[k];
	for (uint32_t k = 0; k < r->n_out; k++)
		r->out[k].data = io->out[k];
	struct op_io call = { .node = r->node,
			      .n_in = r->n_in,
			      .n_out = r->n_out,
			      .in = r->in_p,
			      .out = r->out,
			      .wanted = r->wanted,
			      .arena = &scratch };
	enum status status = r->def->ref(&call);
	arena_release(&scratch);
	return status;
}

static void reference_destroy(void *state)
{
	struct reference *r = state;
	struct arena arena = r->arena;
	arena_release(&arena);
}

const struct kernel kernel_reference = {
	.op = "",
	.name = "reference",
	.rank = -1,
	.supports = reference_supports,
	.create = reference_create,
	.run = reference_run,
	.destroy = reference_destroy,
};
