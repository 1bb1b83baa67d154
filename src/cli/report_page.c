/*
 * report_page.c - what the HTML report shows (see report_page.h): curves out of the run's record,
 * pictures of the worst mistakes, facts about the run, the settings.
 */
#include "cli/report_page.h"

#include "data/thumbnail.h"
#include "eval/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FACTS_MAX 64

struct collection {
	const struct project *project;
	struct arena arena;
	struct page page;
	struct page_fact run[FACTS_MAX];
	struct page_picture pictures[MISTAKES_MAX];
	struct chart charts[3];
};

/* ---- facts ---- */

static void add_fact(struct collection *c, const char *name, const char *value)
{
	if (c->page.n_run < FACTS_MAX)
		c->run[c->page.n_run++] = (struct page_fact){ name, value, NULL, false };
}

#define FACT(c, name, ...) add_fact(c, name, arena_printf(&(c)->arena, __VA_ARGS__))

static void add_project(struct collection *c)
{
	const struct project *p = c->project;
	const struct session *s = p->session;
	FACT(c, "model", "%s", p->config->model);
	FACT(c, "data", "%s", p->config->data);
	if (p->dataset.train.n)
		FACT(c, "training samples", "%u (%s)", p->dataset.train.n, p->dataset.train.name);
	FACT(c, "validation samples", "%u (%s)", p->dataset.validation.n,
	     p->dataset.validation.name);
	if (p->dataset.n_corrupt)
		FACT(c, "damaged images", "%u", p->dataset.n_corrupt);
	FACT(c, "loss", "%s", loss_name(p->loss));
	FACT(c, "computed on", "%s in %s", s->vars.backend->describe(s->device),
	     dtype_name(s->options.half));
}

static void add_run(struct collection *c, const struct tune_result *r)
{
	const struct project *p = c->project;
	FACT(c, "output", "%s", r->output);
	FACT(c, "trained", "%u tensors, %lld numbers", p->session->n_parameters,
	     (long long)p->session->n_elements);
	FACT(c, "steps", "%lld of %lld samples, %lld computed at a time", (long long)r->steps,
	     (long long)p->window, (long long)p->micro_batch);
	if (r->skipped)
		FACT(c, "skipped steps", "%lld", (long long)r->skipped);
	FACT(c, "time of the steps", "%.1f s", r->seconds);
	if (r->seconds > 0)
		FACT(c, "samples per second", "%.4g",
		     (double)r->steps * (double)p->window / r->seconds);
	FACT(c, "time of the evaluation before", "%.1f s", r->before.seconds);
}

static void add_preprocessing(struct collection *c)
{
	const struct project *p = c->project;
	for (int i = 0; i < SETTING_COUNT && p->dataset.images; i++) {
		char text[SETTING_TEXT];
		enum setting s = (enum setting)i;
		FACT(c, arena_printf(&c->arena, "images: %s", setting_name(s)), "%s (%s)",
		     preprocess_format(&p->preprocess, s, text),
		     setting_source_name(p->preprocess.source[i]));
	}
}

static void add_settings(struct collection *c)
{
	const struct config *config = c->project->config;
	struct page_fact *facts = arena_alloc(&c->arena, config->n_settings * sizeof *facts);
	for (uint32_t i = 0; i < config->n_settings; i++) {
		const struct config_setting *s = &config->settings[i];
		bool plain = !s->source;
		if (plain && !*s->value)
			continue; /* not set */
		facts[c->page.n_settings++] = (struct page_fact){
			arena_printf(&c->arena, "--%s", s->name), s->value,
			plain ? "default" : s->source, plain
		};
	}
	c->page.settings = facts;
}

/* ---- pictures ---- */

static void add_pictures(struct collection *c, const struct evaluated *e)
{
	const struct part *part = &c->project->dataset.validation;
	for (uint32_t i = 0; i < e->mistakes.n; i++) {
		struct page_picture *picture = &c->pictures[i];
		uint32_t sample = e->mistakes.worst[i].sample;
		uint8_t *data;
		picture->file = part->paths ? part->paths[sample] : NULL;
		if (!thumbnail_make(part, sample, &data, &picture->n))
			continue;
		picture->data = arena_dup(&c->arena, data, picture->n);
		free(data);
	}
	c->page.mistakes = &e->mistakes;
	c->page.pictures = c->pictures;
}

/* ---- curves ---- */

static void add_charts(struct collection *c, const struct record *record)
{
	size_t n = record->points.n, m = record->validations.n;
	double *x = arena_alloc(&c->arena, (n + 1) * sizeof *x);
	double *loss = arena_alloc(&c->arena, (n + 1) * sizeof *loss);
	double *rate = arena_alloc(&c->arena, (n + 1) * sizeof *rate);
	double *scale = arena_alloc(&c->arena, (n + 1) * sizeof *scale);
	double *at = arena_alloc(&c->arena, (m + 1) * sizeof *at);
	double *validation = arena_alloc(&c->arena, (m + 1) * sizeof *validation);
	bool scaled = false;
	for (size_t i = 0; i < n; i++) {
		const struct record_point *point = &record->points.v[i];
		x[i] = point->step;
		loss[i] = point->loss;
		rate[i] = point->rate;
		scale[i] = point->scale;
		scaled |= point->scale != 1;
	}
	for (size_t i = 0; i < m; i++) {
		at[i] = record->validations.v[i].step;
		validation[i] = record->validations.v[i].loss;
	}
	c->charts[0] = (struct chart){ "loss by step",
				       { { "training", x, loss, n, false },
					 { "validation", at, validation, m, true } },
				       2,
				       false };
	c->charts[1] = (struct chart){ "learning rate", { { "", x, rate, n, false } }, 1, true };
	c->charts[2] = (struct chart){ "loss scale", { { "", x, scale, n, false } }, 1, true };
	c->page.charts = c->charts;
	c->page.n_charts = scaled ? 3 : 2;
}

/* ---- pages ---- */

static const char *name_of(const struct project *p)
{
	const char *slash = strrchr(p->config->model, '/');
	return slash ? slash + 1 : p->config->model;
}

static void begin(struct collection *c, const struct project *project)
{
	*c = (struct collection){ .project = project };
	arena_init(&c->arena);
	c->page.names = project->dataset.labels.names;
	add_project(c);
}

static char *finish(struct collection *c)
{
	add_preprocessing(c);
	add_settings(c);
	c->page.run = c->run;
	char *text = page_format(&c->page);
	arena_release(&c->arena);
	return text;
}

char *report_page_tune(const struct tune_result *result)
{
	struct collection c;
	bool whole = !result->signal;
	begin(&c, &result->project);
	add_run(&c, result);
	c.page.title = arena_printf(&c.arena, "%s, fine-tuned", name_of(&result->project));
	c.page.subtitle =
		whole ? arena_printf(&c.arena, "on %s, by onnxtune " PACKAGE_VERSION,
				     result->project.config->data)
		      : "Stopped by a signal: the evaluation is that of the untuned model.";
	c.page.before = whole ? &result->before.evaluation : NULL;
	c.page.after = whole ? &result->after.evaluation : &result->before.evaluation;
	if (whole)
		FACT(&c, "time of the evaluation after", "%.1f s", result->after.seconds);
	add_charts(&c, &result->record);
	add_pictures(&c, whole ? &result->after : &result->before);
	return finish(&c);
}

static void add_comparison(struct collection *c, const struct evaluation *e,
			   const struct comparison *other)
{
	const struct parity *parity = &other->parity;
	FACT(c, "compared with", "%s", other->config.model);
	for (const struct metric *m = metrics; m->name; m++) {
		double x = m->value(e), y = m->value(&other->evaluated.evaluation);
		if (!isnan(x) || !isnan(y))
			FACT(c, arena_printf(&c->arena, "%s, there, difference", m->name),
			     "%.4f, %.4f, %+.4f", x, y, x - y);
	}
	if (parity->comparable)
		FACT(c, "outputs, largest difference", "absolute %.6g (sample %u), relative %.6g",
		     parity->max_absolute, parity->worst_sample, parity->max_relative);
	for (uint32_t k = 0; other->n > 1 && k < other->n; k++) {
		parity = &other->each[k];
		if (parity->comparable)
			FACT(c,
			     arena_printf(&c->arena, "output %s, largest difference", parity->name),
			     "absolute %.6g (sample %u), relative %.6g", parity->max_absolute,
			     parity->worst_sample, parity->max_relative);
	}
}

char *report_page_evaluate(const struct project *project, const struct evaluated *evaluated,
			   const struct comparison *comparison)
{
	struct collection c;
	begin(&c, project);
	c.page.title = name_of(project);
	c.page.subtitle = arena_printf(&c.arena, "on %s, by onnxtune " PACKAGE_VERSION,
				       project->config->data);
	c.page.after = &evaluated->evaluation;
	FACT(&c, "time of the evaluation", "%.1f s", evaluated->seconds);
	if (comparison)
		add_comparison(&c, &evaluated->evaluation, comparison);
	add_pictures(&c, evaluated);
	return finish(&c);
}
