/* op.c - the operator table: finding a form, checking a node against its rows (see op.h). */
#include "ops/op.h"

#include <string.h>

const struct op_def *op_find(const char *domain, const char *name, int opset)
{
	const struct op_def *best = NULL;
	if (!strcmp(domain, "ai.onnx"))
		domain = "";
	for (const struct op_def *const *p = op_table; *p; p++)
		if (!strcmp((*p)->name, name) && !strcmp((*p)->domain, domain) &&
		    (*p)->since <= opset && (!best || (*p)->since > best->since))
			best = *p;
	return best;
}

static const struct op_arg *row(const struct op_arg *args, uint32_t k)
{
	for (uint32_t i = 0; args && args[i].name; i++)
		if (i == k || (args[i].flags & ARG_VARIADIC))
			return &args[i];
	return NULL;
}

const struct op_arg *op_input(const struct op_def *def, uint32_t k)
{
	return row(def->in, k);
}

const struct op_arg *op_output(const struct op_def *def, uint32_t k)
{
	return row(def->out, k);
}

static const struct attr *find(const struct attr *attrs, const char *name)
{
	for (; attrs && attrs->kind != ATTR_END; attrs++)
		if (!strcmp(attrs->name, name))
			return attrs;
	return NULL;
}

static bool has_row(const struct op_def *def, const char *name)
{
	for (const struct op_attr *r = def->attrs; r && r->name; r++)
		if (!strcmp(r->name, name))
			return true;
	return false;
}

enum status op_attributes(const struct op_def *def, const struct attr *given, struct arena *arena,
			  const struct attr **out, struct error *err)
{
	uint32_t n = 0, rows = 0;
	while (def->attrs && def->attrs[rows].name)
		rows++;
	struct attr *attrs = arena_alloc(arena, (rows + 1) * sizeof *attrs);
	for (const struct attr *g = given; g && g->kind != ATTR_END; g++)
		if (!has_row(def, g->name))
			return fail(err, ERR_UNSUPPORTED, "attribute '%s' is not known", g->name);
	for (uint32_t i = 0; i < rows; i++) {
		const struct op_attr *r = &def->attrs[i];
		const struct attr *g = find(given, r->name);
		if (g && g->kind != r->kind)
			return fail(err, ERR_INPUT, "attribute '%s' has the wrong type", r->name);
		if (g) {
			attrs[n++] = *g;
		} else if (r->flags & ATTR_REQUIRED) {
			return fail(err, ERR_INPUT, "attribute '%s' is missing", r->name);
		} else if (!(r->flags & ATTR_OPTIONAL)) {
			attrs[n] = (struct attr){ .name = r->name, .kind = r->kind };
			if (r->kind == ATTR_INT)
				attrs[n].i = r->i;
			else if (r->kind == ATTR_FLOAT)
				attrs[n].f = (float)r->f;
			else if (r->kind == ATTR_DOUBLE)
				attrs[n].d = r->f;
			else if (r->kind == ATTR_STRING)
				attrs[n].s = r->s;
			n++;
		}
	}
	*out = attrs;
	return OK;
}
