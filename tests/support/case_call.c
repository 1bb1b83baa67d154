/* case_call.c - builds the graph of a case (see case_call.h). */
#include "support/case_call.h"

#include "ops/build.h"
#include "support/case_tensor.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static bool is_host(const struct op_def *def, uint32_t k)
{
	const struct op_arg *arg = op_input(def, k);
	return arg && (arg->flags & ARG_HOST);
}

bool case_call_make(const struct op_case *c, enum dtype floating, uint64_t seed,
		    struct arena *arena, struct case_call *out)
{
	const struct op_def *def = op_find(c->domain ? c->domain : "", c->op,
					   c->opset ? c->opset : INT_MAX);
	uint32_t ids[CASE_CALL_MOST] = { 0 }, results[CASE_CALL_MOST];
	char name[16];
	struct error err;
	*out = (struct case_call){ .n_in = case_inputs(c), .n_out = case_outputs(c) };
	if (!def)
		fail_msg("there is no operator %s", c->op);
	if (def->lower)
		return false;
	out->graph = graph_new(arena);
	struct builder b = { .graph = out->graph, .err = &err, .name = c->op, .op = c->op };
	for (uint32_t k = 0; k < out->n_in; k++) {
		out->in[k] = is_host(def, k) ? case_tensor(c, k, floating, seed, arena)
					     : case_type(c, k, floating);
		snprintf(name, sizeof name, "x%u", k);
		if (out->in[k].dtype)
			ids[k] = graph_add_value(out->graph, name,
						 is_host(def, k) ? VALUE_CONSTANT : VALUE_INPUT,
						 out->in[k]);
	}
	build_def(&b, def, (struct inputs){ ids, out->n_in }, c->attrs, NULL, NULL, results,
		  out->n_out);
	if (b.status != OK)
		fail_msg("%s", err.text);
	if (out->graph->order.n != 1)
		return false;
	out->node = graph_node(out->graph, out->graph->order.v[0]);
	out->call = op_call_of(out->graph, out->node, arena);
	out->in_operands = (struct op_operand *)out->call.in;
	out->out_operands = (struct op_operand *)out->call.out;
	return true;
}
