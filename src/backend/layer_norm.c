/* layer_norm.c - what kernels of LayerNormalization and LayerNormGrad ask (see layer_norm.h). */
#include "backend/layer_norm.h"

#include <string.h>

bool layer_norm_is_grad(const struct op_call *call)
{
	return !strcmp(call->def->name, "LayerNormGrad");
}

int64_t layer_norm_row(const struct op_call *call)
{
	const struct shape *x = &call->in[layer_norm_is_grad(call)].t.shape;
	int64_t n = 1;
	int axis = 0;
	shape_axis(x, node_int(call->node, "axis"), &axis);
	for (int i = axis; i < x->rank; i++)
		n *= x->dim[i];
	return n;
}

bool layer_norm_supports(const struct op_call *call, bool (*has_type)(enum dtype dtype),
			 const char *types, const char **why)
{
	bool grad = layer_norm_is_grad(call);
	uint32_t scale = grad ? 2 : 1, bias = grad ? call->n_in : 2;
	int64_t n = layer_norm_row(call);
	for (uint32_t k = 0; k < call->n_in + call->n_out; k++) {
		const struct op_operand *o = k < call->n_in ? &call->in[k]
							    : &call->out[k - call->n_in];
		*why = "for plain layouts";
		if (o->layout != LAYOUT_PLAIN)
			return false;
		*why = types;
		if (o->t.dtype && !has_type(o->t.dtype))
			return false;
	}
	*why = "scale and bias that broadcast";
	if (shape_elements(&call->in[scale].t.shape) != n ||
	    (bias < call->n_in && call->in[bias].t.dtype &&
	     shape_elements(&call->in[bias].t.shape) != n))
		return false;
	*why = "a tensor without elements";
	return shape_elements(&call->in[0].t.shape) > 0;
}
