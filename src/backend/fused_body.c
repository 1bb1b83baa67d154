/* fused_body.c - what kernels of Fused read of its body (see fused_body.h). */
#include "backend/fused_body.h"

bool fused_sum_shape(const struct op_call *call, struct shape *kept)
{
	const struct tensor *axes = call->n_in > 1 && call->in[1].t.dtype ? &call->in[1].t : NULL;
	int64_t n = axes ? shape_elements(&axes->shape) : 0;
	if (n == 0 || !axes->data)
		return false;
	*kept = call->in[0].t.shape;
	for (int64_t i = 0; i < n; i++) {
		int axis;
		if (!shape_axis(kept, tensor_get_int(axes, i), &axis))
			return false;
		kept->dim[axis] = 1;
	}
	return true;
}

const struct node *fused_sum(const struct graph *body, uint32_t id)
{
	const struct node *node = NULL;
	while (graph_value(body, id)->node) {
		node = graph_node(body, graph_value(body, id)->node);
		if (!node_is(node, "Cast"))
			break;
		id = node->in[0];
	}
	return node && node_is(node, "ReduceSum") ? node : NULL;
}

const struct shape *fused_space(const struct graph *body)
{
	for (uint32_t i = 0; i < body->order.n; i++) {
		const struct node *node = graph_node(body, body->order.v[i]);
		bool sum = node_is(node, "ReduceSum");
		if (!node_is(node, "Cast"))
			return &graph_value(body, sum ? node->in[0] : node->out[0])->t.shape;
	}
	return &graph_value(body, body->outputs.v[0])->t.shape; /* only casts */
}

const struct graph *fused_body(const struct op_call *call)
{
	return node_attr(call->node, "_body")->graph;
}

void fused_propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	const struct shape *space = fused_space(fused_body(call));
	const struct graph *body = fused_body(call);
	enum layout layout = LAYOUT_PLAIN;
	for (uint32_t k = 0; k < call->n_in; k++)
		if (call->in[k].layout == LAYOUT_LAST && shape_equal(&call->in[k].t.shape, space))
			layout = LAYOUT_LAST;
	for (uint32_t k = 0; k < call->n_in; k++)
		in[k] = shape_equal(&call->in[k].t.shape, space) ? layout : LAYOUT_PLAIN;
	for (uint32_t k = 0; k < call->n_out; k++)
		out[k] = fused_sum(body, body->outputs.v[k]) ? LAYOUT_PLAIN : layout;
}

bool fused_layout(const struct op_call *call, enum layout *layout)
{
	const struct graph *body = fused_body(call);
	bool first = true;
	*layout = LAYOUT_PLAIN;
	for (uint32_t k = 0; k < call->n_in; k++) /* where all outputs are sums */
		if (call->in[k].layout == LAYOUT_LAST)
			*layout = LAYOUT_LAST;
	for (uint32_t k = 0; k < call->n_out; k++) {
		enum layout own = call->out[k].layout;
		bool sum = fused_sum(body, body->outputs.v[k]);
		if (sum ? own != LAYOUT_PLAIN : !first && own != *layout)
			return false;
		if (!sum) {
			*layout = own;
			first = false;
		}
	}
	return true;
}
