/* class_weights.c - reads or computes the weights of classes (see class_weights.h). */
#include "api/class_weights.h"

#include "base/file.h"
#include "base/number.h"
#include "base/text.h"
#include "data/balance.h"

#include <float.h>
#include <string.h>

#define FILE_MAX (16 << 20)
#define NOTED_MAX 20 /* classes that the note names */

/* One NAME=WEIGHT. */
static enum status set_one(struct project *p, char *text, float *weights, struct error *err)
{
	const struct label_map *map = &p->dataset.labels;
	char *equals = strrchr(text, '=');
	double w;
	if (!equals || !number_parse(equals + 1, &w) || w < 0 || w > FLT_MAX)
		return fail(err, ERR_USAGE, "'%s' is not NAME=WEIGHT with a weight of at least 0",
			    text);
	*equals = 0;
	for (uint32_t k = 0; k < map->n; k++)
		if (!strcmp(map->names[k], text)) {
			weights[k] = (float)w;
			return OK;
		}
	return fail(err, ERR_USAGE, "there is no class '%s'", text);
}

/* All entries of a text; those of a file stand on lines, with comments. */
static enum status set_all(struct project *p, char *text, const char *between, float *weights,
			   struct error *err)
{
	char *entry;
	while ((entry = strsep(&text, between))) {
		size_t n = strlen(entry);
		while (n && strchr(" \t\r", entry[n - 1]))
			entry[--n] = 0;
		entry += strspn(entry, " \t");
		if (*between == '\n' && (!*entry || *entry == '#'))
			continue;
		TRY(set_one(p, entry, weights, err));
	}
	return OK;
}

static enum status read_file(struct project *p, const char *path, float *weights, struct error *err)
{
	struct file_map map;
	TRY(file_map(path, &map, err));
	enum status status = OK;
	if (map.size > FILE_MAX)
		status = fail(err, ERR_USAGE, "%s: too large for weights of classes", path);
	else if (memchr(map.data, 0, map.size))
		status = fail(err, ERR_USAGE, "%s: not a text file", path);
	else if (set_all(p, arena_strndup(&p->arena, (const char *)map.data, map.size), "\n",
			 weights, err) != OK)
		status = fail_context(err, "%s", path);
	file_unmap(&map);
	return status;
}

/* A run whose every sample counts nothing would learn nothing. */
static enum status check_some(struct project *p, const float *weights, struct error *err)
{
	const struct dataset *ds = &p->dataset;
	const uint32_t *counts = balance_counts(&ds->train.targets, ds->n_classes, &p->arena);
	for (uint32_t k = 0; k < ds->n_classes; k++)
		if (counts[k] && weights[k] > 0)
			return OK;
	return fail(err, ERR_USAGE, "every class of the training data has the weight 0");
}

static void note(const struct project *p, const float *weights)
{
	const struct label_map *map = &p->dataset.labels;
	struct text text = { 0 };
	uint32_t n = p->dataset.n_classes;
	for (uint32_t k = 0; k < n && k < NOTED_MAX; k++)
		text_add(&text, "%s %s = %.4g", k ? "," : "", map->names[k], (double)weights[k]);
	log_note(&p->ui->log, "class weights:%s%s", text.s ? text.s : "",
		 n > NOTED_MAX ? ", ..." : "");
	text_release(&text);
}

enum status class_weights_make(struct project *project, const float **out, struct error *err)
{
	const char *given = project->config->class_weights;
	const struct dataset *ds = &project->dataset;
	*out = NULL;
	if (!given)
		return OK;
	if (ds->targets != TARGETS_CLASSES)
		return fail(err, ERR_INPUT, "%s: --class-weights is for classes, not for values",
			    project->config->data);
	float *weights;
	enum status status = OK;
	if (!strcmp(given, "auto")) {
		weights = balance_weights(&ds->train.targets, ds->n_classes, &project->arena);
	} else {
		weights = arena_alloc(&project->arena, (ds->n_classes + 1) * sizeof *weights);
		for (uint32_t k = 0; k < ds->n_classes; k++)
			weights[k] = 1;
		status = strchr(given, '=') ? set_all(project, arena_strdup(&project->arena, given),
						      ",", weights, err)
					    : read_file(project, given, weights, err);
	}
	if (status == OK)
		status = check_some(project, weights, err);
	if (status != OK)
		return fail_context(err, "--class-weights");
	note(project, weights);
	*out = weights;
	return OK;
}
