/*
 * helper_schema.c - whether JSON documents are of a JSON Schema (see helper.h). Knows the keywords
 * that docs/schema.json uses, and refuses others.
 */
#include "helper.h"

#include "base/text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
	json_t *root;     /* the whole schema */
	struct text *why; /* the first problem */
};

static bool is_valid(const struct check *c, json_t *schema, json_t *x, const char *path);

static bool wrong(const struct check *c, const char *path, const char *what)
{
	if (!c->why->n)
		text_add(c->why, "%s: %s", *path ? path : "the document", what);
	return false;
}

static bool is_type(const json_t *x, const char *type)
{
	switch (json_typeof(x)) {
	case JSON_OBJECT:
		return !strcmp(type, "object");
	case JSON_ARRAY:
		return !strcmp(type, "array");
	case JSON_STRING:
		return !strcmp(type, "string");
	case JSON_INTEGER:
		return !strcmp(type, "integer") || !strcmp(type, "number");
	case JSON_REAL:
		return !strcmp(type, "number");
	case JSON_NULL:
		return !strcmp(type, "null");
	default:
		return !strcmp(type, "boolean");
	}
}

static bool check_type(const struct check *c, json_t *types, json_t *schema, json_t *x,
		       const char *path)
{
	(void)schema;
	if (json_is_string(types))
		return is_type(x, json_string_value(types)) || wrong(c, path, "of another type");
	size_t i;
	json_t *type;
	json_array_foreach(types, i, type) if (is_type(x, json_string_value(type))) return true;
	return wrong(c, path, "of another type");
}

static bool check_const(const struct check *c, json_t *want, json_t *schema, json_t *x,
			const char *path)
{
	(void)schema;
	return json_equal(want, x) || wrong(c, path, "another value");
}

static bool check_minimum(const struct check *c, json_t *limit, json_t *schema, json_t *x,
			  const char *path)
{
	(void)schema;
	return !json_is_number(x) || json_number_value(x) >= json_number_value(limit) ||
	       wrong(c, path, "too small");
}

static bool check_maximum(const struct check *c, json_t *limit, json_t *schema, json_t *x,
			  const char *path)
{
	(void)schema;
	return !json_is_number(x) || json_number_value(x) <= json_number_value(limit) ||
	       wrong(c, path, "too large");
}

static bool check_required(const struct check *c, json_t *keys, json_t *schema, json_t *x,
			   const char *path)
{
	(void)schema;
	size_t i;
	json_t *key;
	json_array_foreach(keys, i, key)
	{
		char *what = mem_printf("no %s", json_string_value(key));
		bool good = !json_is_object(x) || json_object_get(x, json_string_value(key)) ||
			    wrong(c, path, what);
		free(what);
		if (!good)
			return false;
	}
	return true;
}

/* The members that have a schema of their own, or, for the keyword additionalProperties, the others. */
static bool check_members(const struct check *c, json_t *properties, json_t *rest, json_t *x,
			  const char *path)
{
	const char *key;
	json_t *member;
	bool good = true;
	json_object_foreach(x, key, member)
	{
		json_t *own = json_object_get(properties, key), *schema = rest ? rest : own;
		char *place = mem_printf("%s.%s", path, key);
		if (rest && own)
			schema = NULL;
		if (schema && json_is_false(schema))
			good = wrong(c, place, "not in the schema");
		else if (schema)
			good = is_valid(c, schema, member, place);
		free(place);
		if (!good)
			break;
	}
	return good;
}

static bool check_properties(const struct check *c, json_t *properties, json_t *schema, json_t *x,
			     const char *path)
{
	(void)schema;
	return check_members(c, properties, NULL, x, path);
}

static bool check_rest(const struct check *c, json_t *rest, json_t *schema, json_t *x,
		       const char *path)
{
	return check_members(c, json_object_get(schema, "properties"), rest, x, path);
}

static bool check_items(const struct check *c, json_t *items, json_t *schema, json_t *x,
			const char *path)
{
	(void)schema;
	size_t i;
	json_t *item;
	json_array_foreach(x, i, item)
	{
		char *place = mem_printf("%s.%zu", path, i);
		bool good = is_valid(c, items, item, place);
		free(place);
		if (!good)
			return false;
	}
	return true;
}

static int count_valid(const struct check *c, json_t *schemas, json_t *x, const char *path)
{
	size_t i;
	json_t *schema;
	int n = 0;
	struct text all = { 0 };
	json_array_foreach(schemas, i, schema)
	{
		struct text why = { 0 };
		n += is_valid(&(struct check){ c->root, &why }, schema, x, path);
		text_add(&all, "%s%s", i ? "; or " : "", why.s ? why.s : "");
		text_release(&why);
	}
	if (n == 0)
		wrong(c, path, all.s);
	text_release(&all);
	return n;
}

static bool check_any(const struct check *c, json_t *schemas, json_t *schema, json_t *x,
		      const char *path)
{
	(void)schema;
	return count_valid(c, schemas, x, path) > 0;
}

static bool check_one(const struct check *c, json_t *schemas, json_t *schema, json_t *x,
		      const char *path)
{
	(void)schema;
	return count_valid(c, schemas, x, path) == 1 || wrong(c, path, "of several kinds");
}

static bool check_reference(const struct check *c, json_t *ref, json_t *schema, json_t *x,
			    const char *path)
{
	(void)schema;
	static const char start[] = "#/$defs/";
	const char *name = json_string_value(ref);
	json_t *target = strncmp(name, start, sizeof start - 1)
				 ? NULL
				 : json_object_get(json_object_get(c->root, "$defs"),
						   name + sizeof start - 1);
	if (!target)
		helper_die("the schema has no %s", name);
	return is_valid(c, target, x, path);
}

static const struct {
	const char *name;
	bool (*check)(const struct check *c, json_t *keyword, json_t *schema, json_t *x,
		      const char *path); /* NULL: says nothing of documents */
} keywords[] = {
	{ "type", check_type },
	{ "const", check_const },
	{ "minimum", check_minimum },
	{ "maximum", check_maximum },
	{ "required", check_required },
	{ "properties", check_properties },
	{ "additionalProperties", check_rest },
	{ "items", check_items },
	{ "anyOf", check_any },
	{ "oneOf", check_one },
	{ "$ref", check_reference },
	{ "$schema", NULL },
	{ "$id", NULL },
	{ "$defs", NULL },
	{ "title", NULL },
	{ "description", NULL },
};

static bool is_valid(const struct check *c, json_t *schema, json_t *x, const char *path)
{
	const char *name;
	json_t *keyword;
	json_object_foreach(schema, name, keyword)
	{
		size_t i = 0;
		while (i < ARRAY_SIZE(keywords) && strcmp(keywords[i].name, name))
			i++;
		if (i == ARRAY_SIZE(keywords))
			helper_die("the schema has an unknown keyword %s", name);
		if (keywords[i].check && !keywords[i].check(c, keyword, schema, x, path))
			return false;
	}
	return true;
}

static json_t *load(const char *path)
{
	json_error_t error;
	json_t *o = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!o)
		helper_die("%s:%d: %s", path, error.line, error.text);
	return o;
}

int helper_schema(int argc, char **argv)
{
	struct text why = { 0 };
	struct check check = { load(argv[0]), &why };
	for (int i = 1; i < argc; i++) {
		json_t *document = load(argv[i]);
		if (!is_valid(&check, check.root, document, ""))
			helper_die("%s: %s", argv[i], why.s);
		json_decref(document);
	}
	json_decref(check.root);
	return 0;
}
