/* contents.c - what the variables of a session hold, and its gradients (see session.h). */
#include "train/session.h"

#include <string.h>

enum status session_variable(struct session *session, const char *name, struct arena *arena,
			     struct tensor *out, struct error *err)
{
	const struct variable *v = variables_find(&session->vars, name);
	if (!v)
		return fail(err, ERR_INPUT, "no variable '%s'", name);
	struct tensor t = tensor_new(arena, v->t.dtype, &v->t.shape);
	TRY(variable_read(&session->vars, v, t.data, err));
	*out = t;
	return OK;
}

enum status session_gradient(struct session *session, const char *name, struct arena *arena,
			     struct tensor *out, struct error *err)
{
	struct runner *runner = &session->training;
	const struct graph *graph = runner->graph;
	struct step_block step;
	uint32_t k = 0;
	while (k < session->n_parameters && strcmp(session->parameters[k], name))
		k++;
	if (k == session->n_parameters)
		return fail(err, ERR_INPUT, "'%s' is not trained", name);
	if (session->early)
		return fail(err, ERR_INTERNAL, "the gradient of '%s' is not kept", name);
	const struct tensor *type = &graph_value(graph, graph->outputs.v[k])->t;
	struct tensor t = tensor_new(arena, type->dtype, &type->shape);
	TRY(runner_output(runner, k, t.data, err));
	TRY(variable_read(&session->vars, variables_find(&session->vars, STEP_NAME), &step, err));
	for (int64_t i = 0, n = shape_elements(&t.shape); i < n; i++)
		tensor_set(&t, i, tensor_get(&t, i) * step.inverse);
	*out = t;
	return OK;
}
