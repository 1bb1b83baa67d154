/* checkpoint.c - the variables of a session as a sealed .npz (see checkpoint.h). */
#include "train/checkpoint.h"

#include "data/zipfile.h"

#include <string.h>

/* The first micro-batch of a step overwrites them. */
static bool is_accumulator(const struct variable *v)
{
	return !strncmp(v->name, "acc:", 4);
}

/* The type that a file holds a variable in. */
static struct tensor stored_type(const struct variable *v)
{
	static const enum dtype plain[] = { DT_BOOL, DT_I8,  DT_I16, DT_I32, DT_I64, DT_U8,
					    DT_U16,  DT_U32, DT_U64, DT_F16, DT_F32, DT_F64 };
	struct tensor t = { v->t.dtype, v->t.shape, NULL };
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (plain[i] == t.dtype)
			return t;
	return (struct tensor){ DT_U8, SHAPE((int64_t)v->bytes), NULL };
}

/* The content of a variable where the host can read it, or a copy in the arena. */
static enum status look_at(struct session *s, const struct variable *v, struct arena *arena,
			   void **out, struct error *err)
{
	*out = v->t.data;
	if (s->vars.backend->host_visible)
		return OK;
	*out = arena_alloc(arena, v->bytes);
	return variable_read(&s->vars, v, *out, err);
}

static enum status collect(struct session *s, struct arena *arena, struct named_tensor *out,
			   uint32_t *n, struct error *err)
{
	TRY(s->vars.backend->stream_wait(s->stream, err));
	for (uint32_t i = 0; i < s->vars.list.n; i++) {
		const struct variable *v = &s->vars.list.v[i];
		struct tensor t = stored_type(v);
		if (is_accumulator(v))
			continue;
		TRY(look_at(s, v, arena, &t.data, err));
		out[(*n)++] = (struct named_tensor){ v->name, t };
	}
	return OK;
}

enum status checkpoint_write(const char *path, struct session *session, const char *text,
			     const struct named_tensor *more, uint32_t n_more, struct error *err)
{
	struct arena arena;
	arena_init(&arena);
	struct named_tensor *all = arena_alloc(&arena,
					       (session->vars.list.n + n_more + 1) * sizeof *all);
	struct tensor words = { DT_U8, SHAPE((int64_t)strlen(text)), (void *)text };
	uint32_t n = 0;
	all[n++] = (struct named_tensor){ CHECKPOINT_TEXT_NAME, words };
	for (uint32_t i = 0; i < n_more; i++)
		all[n++] = more[i];
	enum status status = collect(session, &arena, all, &n, err);
	if (status == OK)
		status = npz_write_sealed(path, all, n, err);
	arena_release(&arena);
	return status;
}

enum status checkpoint_open(const char *path, struct checkpoint *out, struct error *err)
{
	struct checkpoint c = { 0 };
	enum status status;
	struct file_map map;
	TRY(file_map(path, &map, err));
	status = zipfile_check_seal(map.data, map.size, err);
	file_unmap(&map);
	if (status != OK)
		return fail_context(err, "%s", path);
	TRY(arrays_read(path, &c.arrays, err));
	const struct tensor *text = arrays_find(&c.arrays, CHECKPOINT_TEXT_NAME);
	if (!text || text->dtype != DT_U8) {
		arrays_release(&c.arrays);
		return fail(err, ERR_INPUT, "%s: is no checkpoint", path);
	}
	c.text = arena_strndup(&c.arrays.arena, text->data, tensor_bytes(text));
	*out = c;
	return OK;
}

void checkpoint_close(struct checkpoint *checkpoint)
{
	arrays_release(&checkpoint->arrays);
	*checkpoint = (struct checkpoint){ 0 };
}

static enum status check(const struct checkpoint *c, const struct variable *v, struct error *err)
{
	const struct tensor *t = arrays_find(&c->arrays, v->name);
	struct tensor want = stored_type(v);
	if (!t)
		return fail(err, ERR_INPUT, "the checkpoint has no '%s'", v->name);
	if (t->dtype != want.dtype || !shape_equal(&t->shape, &want.shape))
		return fail(err, ERR_INPUT, "'%s' is of another type in the checkpoint", v->name);
	return OK;
}

enum status checkpoint_restore(const struct checkpoint *checkpoint, struct session *session,
			       struct error *err)
{
	struct variables *vars = &session->vars;
	for (uint32_t i = 0; i < vars->list.n; i++)
		if (!is_accumulator(&vars->list.v[i]))
			TRY(check(checkpoint, &vars->list.v[i], err));
	for (uint32_t i = 0; i < vars->list.n; i++) {
		const struct variable *v = &vars->list.v[i];
		if (!is_accumulator(v))
			TRY(variable_write(vars, v, arrays_find(&checkpoint->arrays, v->name)->data,
					   err));
	}
	return session_refresh(session, err);
}
