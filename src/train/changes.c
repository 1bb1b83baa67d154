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

/* Where a tensor of the file is now: the average where there is one. */
static const struct variable *written(const struct session *s, const char *name)
{
	char *average = mem_printf(AVERAGE_PREFIX "%s", name);
	const struct variable *v = variables_find(&s->vars, average);
	free(average);
	return v ? v : variables_find(&s->vars, name);
}

enum status session_changes(struct session *session, struct arena *arena, struct onnx_change **out,
			    uint32_t *n, struct error *err)
{
	const struct model *model = session->model;
	const struct graph *loaded = model->graph;
	struct onnx_change *changes = arena_alloc(arena, loaded->values.n * sizeof *changes);
	uint32_t count = 0;
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		const struct value *v = graph_value(loaded, i);
		const struct variable *variable = written(session, v->name);
		struct tensor now;
		if (v->kind != VALUE_CONSTANT || !variable)
			continue;
		TRY(look_at(session, variable, arena, &now, err));
		if (now.dtype != v->t.dtype) {
			struct tensor stored = tensor_new(arena, v->t.dtype, &v->t.shape);
			for (int64_t k = 0, m = shape_elements(&now.shape); k < m; k++)
				tensor_set(&stored, k, tensor_get(&now, k));
			now = stored;
		}
		bool same = !memcmp(now.data, v->t.data, tensor_bytes(&now));
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
