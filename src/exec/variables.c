/* variables.c - named device buffers (see variables.h). */
#include "exec/variables.h"

#include <stdlib.h>

void variables_init(struct variables *vars, const struct backend *backend, struct device *device,
		    struct stream *stream)
{
	*vars = (struct variables){ .backend = backend, .device = device, .stream = stream };
	arena_init(&vars->arena);
}

void variables_release(struct variables *vars)
{
	for (uint32_t i = 0; i < vars->list.n; i++)
		vars->backend->free(vars->device, vars->list.v[i].t.data);
	array_release(&vars->list);
	map_release(&vars->names);
	arena_release(&vars->arena);
}

struct variable *variables_find(const struct variables *vars, const char *name)
{
	uint32_t at;
	return map_get(&vars->names, name, &at) ? &vars->list.v[at] : NULL;
}

/* A copy in host memory is only made of what must be converted. */
static enum status write_first(const struct variables *vars, const struct variable *v,
			       const struct tensor *first, const struct tensor *from,
			       struct error *err)
{
	struct tensor to = *first;
	if (!from || !from->data)
		from = first;
	if (!from->data) {
		if (vars->backend->fill(vars->stream, v->t.data, 0, v->bytes) != OK)
			return backend_fail(vars->backend, vars->device, err, ERR_INTERNAL,
					    "'%s' could not be cleared", v->name);
		return vars->backend->stream_wait(vars->stream, err);
	}
	if (from->dtype == first->dtype)
		return variable_write(vars, v, from->data, err);
	TRY(mem_try_alloc(v->bytes, &to.data, err));
	for (int64_t i = 0, n = shape_elements(&to.shape); i < n; i++)
		tensor_set(&to, i, tensor_get(from, i));
	enum status status = variable_write(vars, v, to.data, err);
	free(to.data);
	return status;
}

enum status variables_get(struct variables *vars, const char *name, const struct tensor *first,
			  const struct tensor *from, struct variable **out, struct error *err)
{
	struct variable *v = variables_find(vars, name);
	if (v && (v->t.dtype != first->dtype || !shape_equal(&v->t.shape, &first->shape)))
		return fail(err, ERR_INTERNAL, "'%s' is two different variables", name);
	if (v) {
		*out = v;
		return OK;
	}
	size_t bytes;
	void *memory;
	TRY(tensor_size(first->dtype, &first->shape, &bytes, err));
	TRY(vars->backend->alloc(vars->device, bytes, &memory, err));
	uint32_t at = vars->list.n;
	v = array_push(&vars->list);
	*v = (struct variable){ arena_strdup(&vars->arena, name), *first, bytes };
	v->t.data = memory;
	map_set(&vars->names, v->name, at);
	TRY(write_first(vars, v, first, from, err));
	*out = v;
	return OK;
}

enum status variable_read(const struct variables *vars, const struct variable *v, void *host,
			  struct error *err)
{
	if (vars->backend->copy_out(vars->stream, host, v->t.data, v->bytes) != OK)
		return backend_fail(vars->backend, vars->device, err, ERR_INTERNAL,
				    "'%s' could not be copied from the device", v->name);
	return vars->backend->stream_wait(vars->stream, err);
}

enum status variable_write(const struct variables *vars, const struct variable *v, const void *host,
			   struct error *err)
{
	if (vars->backend->copy_in(vars->stream, v->t.data, host, v->bytes) != OK)
		return backend_fail(vars->backend, vars->device, err, ERR_INTERNAL,
				    "'%s' could not be copied to the device", v->name);
	return vars->backend->stream_wait(vars->stream, err);
}
