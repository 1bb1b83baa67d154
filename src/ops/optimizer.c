/* optimizer.c - what optimizers share (see optimizer.h). */
#include "ops/optimizer.h"

#include <string.h>

uint32_t optimizer_copy(const struct op_def *def)
{
	uint32_t k = 0;
	while (def->out[k + 1].name)
		k++;
	return k;
}

struct tensor *optimizer_output(struct op_io *io, uint32_t k)
{
	return k < io->n_out && (k == 0 || io->in[k + 3]) ? &io->out[k] : NULL;
}

enum status optimizer_infer_moments(struct op_io *io, uint32_t moments)
{
	const struct tensor *p = io->in[2];
	uint32_t copy = optimizer_copy(io->node->def);
	if (copy < io->n_out && io->in[copy + 3]) {
		if (!shape_equal(&io->in[copy + 3]->shape, &p->shape))
			return fail(io->err, ERR_INTERNAL, "a copy of another shape");
		infer_set(io, copy, io->in[copy + 3]->dtype, &p->shape);
	}
	for (uint32_t k = 3; k < 4 + moments; k++)
		if (io->in[k] &&
		    (io->in[k]->dtype != p->dtype || !shape_equal(&io->in[k]->shape, &p->shape)))
			return fail(io->err, ERR_INTERNAL,
				    "gradient or moment differs from its "
				    "parameter in type");
	for (uint32_t k = 0; k < 1 + moments; k++)
		infer_set(io, k, p->dtype, &p->shape);
	return OK;
}

enum status optimizer_infer(struct op_io *io)
{
	uint32_t most = optimizer_copy(io->node->def) - 1, n = io->n_in - 4;
	return optimizer_infer_moments(io, n < most ? n : most);
}

bool optimizer_begin(struct op_io *io, struct step_block *step, double *rate)
{
	/* Outputs are the parameter and its moments: inputs 2, 4, 5... */
	for (uint32_t k = 0; k < io->n_out; k++) {
		const struct tensor *in = io->in[k ? k + 3 : 2];
		if (in && io->out[k].data != in->data)
			memcpy(io->out[k].data, in->data, tensor_bytes(in));
	}
	memcpy(step, io->in[0]->data, sizeof *step);
	*rate = optimizer_rate(io->in[1]->data, io->in[1]->shape.dim[0], step->good_steps);
	return !step->found_inf;
}

enum status optimizer_end(struct op_io *io)
{
	const struct tensor *p = &io->out[0];
	struct tensor *copy = optimizer_output(io, optimizer_copy(io->node->def));
	for (int64_t i = 0, n = copy ? shape_elements(&p->shape) : 0; i < n; i++)
		tensor_set(copy, i, tensor_get(p, i));
	return OK;
}

void optimizer_moments(struct op_io *io, int64_t i, double g, double *m, double *v)
{
	double beta1 = node_double(io->node, "beta1"), beta2 = node_double(io->node, "beta2");
	struct tensor *m_out = &io->out[1], *v_out = &io->out[2];
	double m0 = tensor_get(m_out, i);
	*m = m0 + (g - m0) * (1 - beta1);
	*v = beta2 * tensor_get(v_out, i) + (1 - beta2) * g * g;
	tensor_set(m_out, i, *m);
	tensor_set(v_out, i, *v);
}

void optimizer_attributes(const struct op_def *def, const struct node *node,
			  double attr[OPTIMIZER_ATTRS])
{
	for (int k = 0; def->attrs[k].name; k++)
		attr[k] = def->attrs[k].kind == ATTR_INT
				  ? (double)node_int(node, def->attrs[k].name)
				  : node_double(node, def->attrs[k].name);
}

struct adafactor_form adafactor_form(const struct shape *parameter)
{
	struct adafactor_form f = { .matrices = 1, .row = *parameter, .column = *parameter };
	int rank = parameter->rank;
	f.factored = rank > 1;
	if (!f.factored)
		return f;
	f.rows = parameter->dim[rank - 2];
	f.columns = parameter->dim[rank - 1];
	f.row.dim[rank - 1] = 1;
	f.column.dim[rank - 2] = 1;
	for (int i = 0; i < rank - 2; i++)
		f.matrices *= parameter->dim[i];
	return f;
}
