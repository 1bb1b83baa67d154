/* print.c - a graph as text (see print.h). Names come from files: control characters become '?'. */
#include "ops/print.h"

#include "ops/op.h"

#include <string.h>

/* Constants up to this many elements are shown. */
#define SHOWN_ELEMENTS 8

static const char *const kind_names[] = {
	[VALUE_TEMP] = "temp",   [VALUE_INPUT] = "input", [VALUE_CONSTANT] = "const",
	[VALUE_PARAM] = "param", [VALUE_STATE] = "state",
};

static const char *const phase_names[PHASE_COUNT] = {
	[PHASE_INIT] = "INIT",
	[PHASE_UPDATE] = "UPDATE",
	[PHASE_MICRO] = "MICRO",
	[PHASE_APPLY] = "APPLY",
};

static void add_name(struct text *out, const char *name)
{
	for (; *name; name++)
		text_add(out, "%c", (unsigned char)*name < ' ' || *name == 127 ? '?' : *name);
}

static void add_value(struct text *out, const struct graph *graph, uint32_t id)
{
	const char *name = id ? graph_value(graph, id)->name : "-";
	if (*name && *name != '%') /* names with % were made, maybe in another graph */
		add_name(out, name);
	else
		text_add(out, "%%%u", id);
}

static void add_type(struct text *out, const struct tensor *t)
{
	char shape[SHAPE_TEXT];
	text_add(out, " %s %s", dtype_name(t->dtype), shape_format(&t->shape, shape));
}

static void add_elements(struct text *out, const struct tensor *t)
{
	if (!t->data || t->dtype == DT_STRING || t->dtype == DT_C64 || t->dtype == DT_C128)
		return;
	int64_t n = shape_elements(&t->shape);
	if (n > SHOWN_ELEMENTS)
		return;
	text_add(out, " [");
	for (int64_t i = 0; i < n; i++)
		if (dtype_is_float(t->dtype))
			text_add(out, "%s%.6g", i ? ", " : "", tensor_get(t, i));
		else
			text_add(out, "%s%lld", i ? ", " : "", (long long)tensor_get_int(t, i));
	text_add(out, "]");
}

static bool is_default(const struct op_def *def, const struct attr *a)
{
	for (const struct op_attr *r = def ? def->attrs : NULL; r && r->name; r++) {
		if (strcmp(r->name, a->name) || r->flags)
			continue;
		return (a->kind == ATTR_INT && a->i == r->i) ||
		       (a->kind == ATTR_FLOAT && a->f == (float)r->f) ||
		       (a->kind == ATTR_DOUBLE && a->d == r->f) ||
		       (a->kind == ATTR_STRING && !strcmp(a->s, r->s));
	}
	return false;
}

static void add_attr(struct text *out, const struct attr *a)
{
	text_add(out, " ");
	add_name(out, a->name);
	text_add(out, "=");
	switch (a->kind) {
	case ATTR_FLOAT:
		text_add(out, "%.6g", a->f);
		break;
	case ATTR_DOUBLE:
		text_add(out, "%.6g", a->d);
		break;
	case ATTR_INT:
		text_add(out, "%lld", (long long)a->i);
		break;
	case ATTR_STRING:
		add_name(out, a->s);
		break;
	case ATTR_FLOATS:
		for (uint32_t i = 0; i < a->n; i++)
			text_add(out, "%s%.6g", i ? "," : "", a->floats[i]);
		break;
	case ATTR_INTS:
		for (uint32_t i = 0; i < a->n; i++)
			text_add(out, "%s%lld", i ? "," : "", (long long)a->ints[i]);
		break;
	case ATTR_GRAPH:
		for (uint32_t i = 0; i < a->graph->order.n; i++)
			text_add(out, "%s%s", i ? "," : "",
				 graph_node(a->graph, a->graph->order.v[i])->def->name);
		break;
	default:
		text_add(out, "...");
	}
}

static void add_node(struct text *out, const struct graph *graph, const struct node *node)
{
	const char *op = node->def ? node->def->name : node->op;
	enum layout layout = LAYOUT_PLAIN;
	for (uint32_t k = 0; k < node->n_out; k++) {
		text_add(out, "%s", k ? ", " : "");
		add_value(out, graph, node->out[k]);
		if (!node->out[k])
			continue;
		add_type(out, &graph_value(graph, node->out[k])->t);
		if (k == 0)
			layout = graph_value(graph, node->out[k])->layout;
	}
	text_add(out, " = ");
	add_name(out, op);
	text_add(out, "(");
	for (uint32_t k = 0; k < node->n_in; k++) {
		text_add(out, "%s", k ? ", " : "");
		add_value(out, graph, node->in[k]);
	}
	text_add(out, ")");
	for (const struct attr *a = node->attrs; a->kind != ATTR_END; a++)
		if (!is_default(node->def, a))
			add_attr(out, a);
	text_add(out, " phase=%s%s  # node '", phase_names[node->phase],
		 layout == LAYOUT_LAST ? " layout=last" : "");
	add_name(out, node->name);
	text_add(out, "'");
	if (strcmp(op, node->op)) {
		text_add(out, " (");
		add_name(out, node->op);
		text_add(out, ")");
	}
	text_add(out, "\n");
}

void graph_print(const struct graph *graph, struct text *out)
{
	for (uint32_t id = 1; id < graph->values.n; id++) {
		const struct value *v = graph_value(graph, id);
		if (v->kind == VALUE_TEMP)
			continue;
		text_add(out, "%s ", kind_names[v->kind]);
		add_value(out, graph, id);
		add_type(out, &v->t);
		if (v->kind == VALUE_CONSTANT)
			add_elements(out, &v->t);
		text_add(out, "\n");
	}
	for (uint32_t i = 0; i < graph->order.n; i++)
		add_node(out, graph, graph_node(graph, graph->order.v[i]));
	text_add(out, "return");
	for (uint32_t k = 0; k < graph->outputs.n; k++) {
		text_add(out, "%s", k ? ", " : " ");
		add_value(out, graph, graph->outputs.v[k]);
	}
	text_add(out, "\n");
}
