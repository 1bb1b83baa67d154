/* optimizer.c - one node for each parameter, from a table of optimizers (see optimizer.h). */
#include "passes/optimizer.h"

#include "ops/optimizer.h"

#include <stddef.h>
#include <string.h>

enum moment {
	MOMENT_NONE,
	MOMENT_MEAN,
	MOMENT_MOMENTUM, /* with a momentum only */
	MOMENT_SQUARE,
	MOMENT_AVERAGE, /* centered only */
	MOMENT_PRODUCT, /* a scalar in F64 */
	MOMENT_ROW,     /* Adafactor's; the whole square of a vector */
	MOMENT_COLUMN,  /* not of a vector */
};

#define MOMENTS_MAX 3
#define ATTRS_MAX 5

struct attr_of {
	const char *name;
	size_t field; /* a double of struct optimizer_options */
};

#define OPTION(name, member)                                                                       \
	{                                                                                          \
		name, offsetof(struct optimizer_options, member)                                   \
	}
#define ADAM_ATTRS OPTION("beta1", beta1), OPTION("beta2", beta2), OPTION("epsilon", epsilon)

static const struct row {
	const char *op;
	enum moment moments[MOMENTS_MAX];
	struct attr_of attrs[ATTRS_MAX];
} rows[] = {
	[OPTIMIZER_SGD] = { "SGD", { MOMENT_MOMENTUM }, { OPTION("momentum", momentum) } },
	[OPTIMIZER_ADAM] = { "Adam", { MOMENT_MEAN, MOMENT_SQUARE }, { ADAM_ATTRS } },
	[OPTIMIZER_ADAMW] = { "Adam", { MOMENT_MEAN, MOMENT_SQUARE }, { ADAM_ATTRS } },
	[OPTIMIZER_RMSPROP] = { "RMSprop",
				{ MOMENT_SQUARE, MOMENT_AVERAGE, MOMENT_MOMENTUM },
				{ OPTION("alpha", beta2), OPTION("epsilon", epsilon),
				  OPTION("momentum", momentum) } },
	[OPTIMIZER_ADAGRAD] = { "Adagrad", { MOMENT_SQUARE }, { OPTION("epsilon", epsilon) } },
	[OPTIMIZER_NADAM] = { "NAdam",
			      { MOMENT_MEAN, MOMENT_SQUARE, MOMENT_PRODUCT },
			      { ADAM_ATTRS } },
	[OPTIMIZER_LAMB] = { "LAMB", { MOMENT_MEAN, MOMENT_SQUARE }, { ADAM_ATTRS } },
	[OPTIMIZER_LION] = { "Lion",
			     { MOMENT_MEAN },
			     { OPTION("beta1", beta1), OPTION("beta2", beta2) } },
	[OPTIMIZER_ADAFACTOR] = { "Adafactor",
				  { MOMENT_ROW, MOMENT_COLUMN },
				  { OPTION("epsilon", epsilon) } },
};

/* The moment's STATE value, 0 where this parameter has none. */
static uint32_t add_moment(struct graph *graph, const struct optimizer_options *o,
			   const struct value *p, enum moment moment)
{
	static const char *const prefixes[] = {
		[MOMENT_MEAN] = "m",          [MOMENT_MOMENTUM] = "m", [MOMENT_SQUARE] = "v",
		[MOMENT_PRODUCT] = "product", [MOMENT_ROW] = "row",    [MOMENT_COLUMN] = "column",
		[MOMENT_AVERAGE] = "average",
	};
	struct tensor t = { p->t.dtype, p->t.shape, NULL };
	struct adafactor_form form = adafactor_form(&p->t.shape);
	if (moment == MOMENT_MOMENTUM && o->momentum == 0)
		return 0;
	if (moment == MOMENT_AVERAGE && !o->centered)
		return 0;
	if (moment == MOMENT_COLUMN && !form.factored)
		return 0;
	if (moment == MOMENT_PRODUCT)
		t = (struct tensor){ DT_F64, SHAPE_SCALAR, NULL };
	else if (moment == MOMENT_ROW)
		t.shape = form.row;
	else if (moment == MOMENT_COLUMN)
		t.shape = form.column;
	return graph_add_value(graph,
			       arena_printf(graph->arena, "%s:%s", prefixes[moment], p->name),
			       VALUE_STATE, t);
}

static bool is_bias_or_norm(const struct shape *shape)
{
	int axes = 0;
	for (int i = 0; i < shape->rank; i++)
		axes += shape->dim[i] > 1;
	return axes <= 1;
}

uint32_t optimizer_build(struct builder *b, const struct optimizer_options *options,
			 enum group_decay decay, uint32_t step, uint32_t rates, uint32_t parameter,
			 uint32_t gradient)
{
	const struct row *row = &rows[options->optimizer];
	struct value p = *graph_value(b->graph, parameter);
	uint32_t in[4 + MOMENTS_MAX] = { step, rates, parameter, gradient }, n = 4;
	uint32_t out[1 + MOMENTS_MAX] = { 0 };
	struct attr attrs[ATTRS_MAX + 3] = { { 0 } };
	uint32_t a = 0;
	for (uint32_t k = 0; k < MOMENTS_MAX && row->moments[k]; k++) {
		uint32_t moment = add_moment(b->graph, options, &p, row->moments[k]);
		if (moment)
			in[n++] = moment;
	}
	for (; a < ATTRS_MAX && row->attrs[a].name; a++)
		attrs[a] = attr_double(row->attrs[a].name, *(const double *)((const char *)options +
									     row->attrs[a].field));
	bool decays = options->decay_all || !is_bias_or_norm(&p.t.shape);
	if (decay != GROUP_DECAY_BY_FORM)
		decays = decay == GROUP_DECAY_YES;
	attrs[a++] = attr_double("decay", decays ? options->decay : 0);
	if (options->optimizer == OPTIMIZER_SGD)
		attrs[a] = attr_int("nesterov", options->nesterov);
	else if (options->optimizer == OPTIMIZER_RMSPROP)
		attrs[a] = attr_int("centered", options->centered);
	else if (!strcmp(row->op, "Adam"))
		attrs[a] = attr_int("decoupled", options->optimizer == OPTIMIZER_ADAMW);
	b->name = p.name;
	build_outputs(b, row->op, (struct inputs){ in, n }, attrs, NULL, out, n - 3);
	return out[0];
}
