/* target.c - nodes as kernels see them (see target.h). */
#include "ops/target.h"

struct op_call op_call_of(const struct graph *graph, const struct node *node, struct arena *arena)
{
	struct op_operand *in = arena_alloc(arena, node->n_in * sizeof *in);
	struct op_operand *out = arena_alloc(arena, node->n_out * sizeof *out);
	for (uint32_t k = 0; k < node->n_in + node->n_out; k++) {
		uint32_t id = k < node->n_in ? node->in[k] : node->out[k - node->n_in];
		struct op_operand *o = k < node->n_in ? &in[k] : &out[k - node->n_in];
		if (!id)
			continue;
		const struct value *v = graph_value(graph, id);
		*o = (struct op_operand){ v->t, v->layout, v->phase < PHASE_MICRO };
		if (v->kind != VALUE_CONSTANT)
			o->t.data = NULL;
	}
	return (struct op_call){ node->def, node, node->n_in, node->n_out, in, out };
}

struct op_io op_call_io(const struct op_call *call, const struct tensor **in, struct error *err)
{
	for (uint32_t k = 0; k < call->n_in; k++)
		in[k] = call->in[k].t.dtype ? &call->in[k].t : NULL;
	return (struct op_io){ .node = call->node, .n_in = call->n_in, .in = in, .err = err };
}

bool layout_same_bytes(const struct shape *shape, enum layout a, enum layout b)
{
	int64_t inner = 1;
	for (int i = 2; i < shape->rank; i++)
		inner *= shape->dim[i];
	return a == b || shape->rank < 3 || inner == 1 || shape->dim[1] == 1;
}
