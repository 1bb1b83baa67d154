/* project_head.c - whose classes the model has, and a new head for others (see project_head.h). */
#include "api/project_head.h"

#include "passes/head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the data is held against ---- */

/* Classes that the declared type of the output tells apart, 0 when it doesn't say. */
static uint32_t declared_classes(const struct project *p)
{
	const struct graph *g = p->model->graph;
	const struct shape *shape = &graph_value(g, g->outputs.v[p->output])->t.shape;
	if (shape->rank != 2 || shape->dim[1] < 1 || shape->dim[1] > UINT32_MAX)
		return 0;
	return shape->dim[1] == 1 ? 2 : (uint32_t)shape->dim[1];
}

bool project_trains_values(const struct config *c)
{
	return c->loss == CONFIG_MSE || c->loss == CONFIG_L1 || c->loss == CONFIG_HUBER;
}

void project_expect_classes(struct project *p, bool train, struct dataset_options *options)
{
	const struct config *c = p->config;
	const struct graph *g = p->model->graph;
	struct head head;
	struct error why;
	if (p->wish.on || p->wish.classes) {
		/* classes of the model's own, which are no more */
		if (!options->names.given && !p->wish.names.n)
			options->names.n = 0;
		options->classes = p->wish.classes;
		return;
	}
	options->classes = project_trains_values(c) ? 0 : declared_classes(p);
	if (!train || c->new_head == CONFIG_HEAD_OFF || project_trains_values(c) ||
	    c->loss == CONFIG_BCE)
		return;
	bool found = head_find(g, g->outputs.v[p->output], &head, &why) == OK;
	if (!found)
		snprintf(p->no_head, sizeof p->no_head, "; no new head: %.280s", why.text);
	if (!options->classes && found && head.classes > 1)
		options->classes = (uint32_t)head.classes;
	options->adapt = found ? head.classes > 1 : options->classes > 2;
}

/* ---- the head ---- */

enum status project_wish_head(struct project *p, const struct adapter *adapter, struct error *err)
{
	const struct config *c = p->config;
	p->wish.on = c->head_on;
	p->wish.classes = c->new_head > 0 ? (uint32_t)c->new_head : 0;
	if (!adapter->classes)
		return OK;
	if (p->wish.on || p->wish.classes)
		return fail(err, ERR_USAGE, "--adapter: %s has a head of its own: leave --%s out",
			    c->adapter, p->wish.on ? "head-on" : "new-head");
	if (!class_names_parse(adapter->classes, &p->arena, &p->wish.names) || !p->wish.names.n)
		return fail(err, ERR_INPUT, "%s: its classes are no list of names", c->adapter);
	p->wish.classes = p->wish.names.n;
	if (adapter->head_on)
		p->wish.on = arena_strdup(&p->arena, adapter->head_on);
	return OK;
}

/* Labels that leave most numbers out are no classes: pixels' masks with 255 for "none", ids. */
static enum status check_occurring(const struct project *p, struct error *err)
{
	const struct dataset *ds = &p->dataset;
	const struct tensor *t = &ds->train.targets;
	uint32_t occur = 0;
	if (ds->labels.n_folders || p->names.given)
		return OK;
	bool *seen = mem_alloc(ds->n_classes);
	for (int64_t i = 0, n = shape_elements(&t->shape); i < n; i++) {
		int64_t class = ((const int64_t *)t->data)[i];
		occur += class >= 0 && !seen[class];
		if (class >= 0)
			seen[class] = true;
	}
	free(seen);
	if (occur * 2 >= ds->n_classes)
		return OK;
	return fail(
		err, ERR_INPUT,
		"%s: labels go up to %u, but only %u of these numbers occur; --new-head %u makes a "
		"classifier for them all",
		p->config->data, ds->n_classes - 1, occur, ds->n_classes);
}

enum status project_fit_head(struct project *p, struct problems *problems, struct error *err)
{
	const struct config *c = p->config;
	const struct dataset *ds = &p->dataset;
	const struct shape *shapes;
	struct new_head_made made;
	if (ds->targets != TARGETS_CLASSES && p->wish.classes)
		return fail(err, ERR_INPUT, "%s: %s is for classes, but the labels are values",
			    c->data, p->wish.names.n ? "the head of --adapter" : "--new-head");
	if (ds->targets != TARGETS_CLASSES ||
	    (!p->wish.classes && !p->wish.on && !ds->labels.foreign))
		return OK;
	if (c->distill.share > 0)
		return fail(err, ERR_USAGE,
			    "--distill: the model gets a new head, of which the untuned model, the "
			    "teacher, knows nothing; tune the new head first, without --distill");
	if (!p->wish.classes)
		TRY(check_occurring(p, err));
	TRY(project_shapes(p, p->micro_batch, &shapes, err));
	struct new_head head = {
		.model = p->model,
		.shapes = shapes,
		.on = p->wish.on,
		.output = p->output,
		.classes = ds->n_classes,
		.names = ds->labels.names,
		.known = p->known,
		.seed = (uint64_t)c->seed,
		.from = p->wish.names.n ? c->adapter : NULL,
		.arena = &p->arena,
		.log = &p->ui->log,
	};
	TRY(new_head_make(&head, &made, problems, err));
	p->original = p->model;
	p->model = made.model;
	p->head_tensors = made.tensors;
	p->n_head_tensors = made.n;
	p->names = (struct class_names){ ds->labels.names, ds->n_classes, c->data, false };
	project_describe_inputs(p);
	return OK;
}

/* ---- beside factors ---- */

/* A pattern that matches the name alone. */
static const char *literal(const char *name, struct arena *arena)
{
	char *pattern = arena_alloc(arena, 2 * strlen(name) + 1), *to = pattern;
	for (; *name; name++) {
		if (strchr("*?[\\", *name))
			*to++ = '\\';
		*to++ = *name;
	}
	return pattern;
}

void project_train_head(struct project *p, struct session_options *options)
{
	const char *const *given = options->train_only;
	uint32_t n = 0;
	if (!options->lora.rank || !p->n_head_tensors)
		return;
	while (given && given[n])
		n++;
	const char **all = arena_alloc(&p->arena, (n + p->n_head_tensors + 1) * sizeof *all);
	for (uint32_t i = 0; i < n; i++)
		all[i] = given[i];
	for (uint32_t i = 0; i < p->n_head_tensors; i++)
		all[n + i] = literal(p->head_tensors[i], &p->arena);
	options->train_only = all;
}

enum status project_check_factors(const struct project *p, struct error *err)
{
	const struct graph *g = p->model->graph;
	for (uint32_t i = 1; i < g->values.n; i++)
		for (uint32_t k = 0; p->session->lora[i].on && k < p->n_head_tensors; k++)
			if (!strcmp(graph_value(g, i)->name, p->head_tensors[k]))
				return fail(err, ERR_USAGE,
					    "--lora-on: '%s' is of the new head, which is trained "
					    "as a whole",
					    p->head_tensors[k]);
	return OK;
}
