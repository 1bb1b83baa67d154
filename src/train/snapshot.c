/* snapshot.c - copies of all variables (see snapshot.h). */
#include "train/snapshot.h"

#include <stdlib.h>

enum status snapshot_take(struct session *session, struct snapshot *out, struct error *err)
{
	const struct variables *vars = &session->vars;
	struct snapshot s = { .content = mem_alloc((vars->list.n + 1) * sizeof *s.content) };
	enum status status = OK;
	for (; s.n < vars->list.n && status == OK; s.n++) {
		const struct variable *v = &vars->list.v[s.n];
		status = mem_try_alloc(v->bytes, &s.content[s.n], err);
		if (status == OK)
			status = variable_read(vars, v, s.content[s.n], err);
	}
	if (status != OK)
		snapshot_release(&s);
	else
		*out = s;
	return status;
}

enum status snapshot_restore(const struct snapshot *snapshot, struct session *session,
			     struct error *err)
{
	const struct variables *vars = &session->vars;
	for (uint32_t i = 0; i < snapshot->n; i++)
		TRY(variable_write(vars, &vars->list.v[i], snapshot->content[i], err));
	return session_refresh(session, err);
}

void snapshot_release(struct snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->n; i++)
		free(snapshot->content[i]);
	free(snapshot->content);
}
