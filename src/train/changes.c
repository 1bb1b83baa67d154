/* changes.c - what a session has changed, as the file keeps it (see session.h). */
#include "train/session.h"

#include <stdlib.h>
#include <string.h>

/* A variable's content where the host can read it, or a copy. */
static enum status look_at(struct session *session, const struct variable *v, struct arena *arena,
			   struct tensor *out, struct error *err)
{
	const struct backend *backend = session->vars.backend;
	if (!backend->host_visible)
		return session_variable(session, v->name, arena, out, err);
	*out = v->t;
	return backend->stream_wait(session->stream, err);
}

const struct variable *session_written(const struct session *session, const char *name)
{
	char *average = mem_printf(AVERAGE_PREFIX "%s", name);
	const struct variable *v = variables_find(&session->vars, average);
	free(average);
	return v ? v : variables_find(&session->vars, name);
}

/* Elements that are equal keep the bits of the file: -0 + 0 is not -0. */
static void keep_equal(struct tensor *now, const struct tensor *before)
{
	for (int64_t k = 0, n = shape_elements(&now->shape); k < n; k++)
		if (tensor_get(now, k) == tensor_get(before, k))
			tensor_set(now, k, tensor_get(before, k));
}

/* An adapted weight, which is output `output` of the evaluation; as it was just computed with. */
static enum status look_at_sum(struct session *s, const struct tensor *before, uint32_t output,
			       struct arena *arena, struct tensor *out, struct error *err)
{
	*out = tensor_new(arena, before->dtype, &before->shape);
	if (s->stale)
		TRY(runner_run(&s->evaluation, PROGRAM_UPDATE, err));
	s->stale = false;
	TRY(runner_output(&s->evaluation, output, out->data, err));
	TRY(s->vars.backend->stream_wait(s->stream, err));
	keep_equal(out, before);
	return OK;
}

static void in_type_of_file(struct tensor *now, const struct tensor *file, struct arena *arena)
{
	if (now->dtype == file->dtype)
		return;
	struct tensor stored = tensor_new(arena, file->dtype, &file->shape);
	for (int64_t k = 0, n = shape_elements(&now->shape); k < n; k++)
		tensor_set(&stored, k, tensor_get(now, k));
	*now = stored;
}

static bool is_replaced(const struct model *model, uint32_t value)
{
	return model->replaced && model->replaced[value];
}

/* What a constant is by now. */
static enum status look_at_constant(struct session *s, uint32_t value, uint32_t *output,
				    struct arena *arena, struct tensor *out, struct error *err)
{
	const struct value *v = graph_value(s->model->graph, value);
	const struct variable *variable = session_written(s, v->name);
	if (s->lora[value].on)
		return look_at_sum(s, &v->t, (*output)++, arena, out, err);
	if (variable)
		return look_at(s, variable, arena, out, err);
	*out = v->t; /* only replaced */
	return OK;
}

bool session_may_change(const struct session *session, uint32_t value)
{
	const struct value *v = graph_value(session->model->graph, value);
	return v->kind == VALUE_CONSTANT &&
	       (session->lora[value].on || is_replaced(session->model, value) ||
		session_written(session, v->name));
}

enum status session_changes(struct session *session, struct arena *arena, struct onnx_change **out,
			    uint32_t *n, struct error *err)
{
	const struct model *model = session->model;
	const struct graph *loaded = model->graph;
	struct onnx_change *changes = arena_alloc(arena, loaded->values.n * sizeof *changes);
	uint32_t count = 0, output = loaded->outputs.n;
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		const struct value *v = graph_value(loaded, i);
		struct tensor now;
		if (!session_may_change(session, i))
			continue;
		TRY(look_at_constant(session, i, &output, arena, &now, err));
		in_type_of_file(&now, &v->t, arena);
		bool same = !is_replaced(model, i) &&
			    !memcmp(now.data, v->t.data, tensor_bytes(&now));
		onnx_file_forget(&model->file, &v->t);
		if (same)
			continue;
		changes[count] = model->sites[i];
		changes[count++].data = now.data;
	}
	*out = changes;
	*n = count;
	return OK;
}
