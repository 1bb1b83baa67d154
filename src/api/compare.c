/*
 * compare.c - two models on the same data (see compare.h). The first one's outputs are kept in their
 * own type while the second is evaluated: the models never run side by side.
 */
#include "api/compare.h"

#include "base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- elements ---- */

static double tolerance(double given)
{
	return given == CONFIG_AUTO ? 0 : given;
}

static void compare_element(struct parity *parity, const struct config *c, uint32_t sample,
			    double a, double b)
{
	bool same = a == b || (isnan(a) && isnan(b));
	double difference = same ? 0 : fabs(a - b);
	if (isnan(difference))
		difference = INFINITY;
	double relative = difference > 0 ? difference / fabs(b) : 0;
	if (isnan(relative))
		relative = INFINITY;
	parity->elements++;
	/* written so that an infinite or missing b does not hide a difference */
	if (!same && !(difference <= tolerance(c->atol) + tolerance(c->rtol) * fabs(b) &&
		       isfinite(difference)))
		parity->beyond++;
	if (difference > parity->max_absolute) {
		parity->max_absolute = difference;
		parity->worst_sample = sample;
	}
	parity->max_relative = fmax(parity->max_relative, relative);
}

/* ---- the first model ---- */

/* Prepares to keep an output of n samples, if it is by samples and there is memory. */
static enum status keep(struct project *p, uint32_t k, uint32_t n, struct kept_output *out,
			struct error *err)
{
	struct tensor type = *session_output_type(p->session, k);
	size_t bytes;
	char size[SIZE_TEXT];
	bool needed = k == p->output;
	out->name = graph_value(p->model->graph, p->model->graph->outputs.v[k])->name;
	if (!type.shape.rank || type.shape.dim[0] != p->micro_batch || !dtype_bits(type.dtype))
		return OK;
	type.shape.dim[0] = 1;
	bool fits = size_mul(tensor_bytes(&type), n, &bytes);
	if (!fits && needed)
		return fail(err, ERR_MEMORY, "the outputs of %u samples are too large", n);
	if (!needed && (!fits || bytes > p->cache_limit)) {
		log_note(&p->ui->log, "output '%s' is not compared: %s of memory would be needed",
			 out->name, fits ? size_format(bytes, size) : "too much");
		return OK;
	}
	TRY(mem_try_alloc(bytes, (void **)&out->data, err));
	out->type = type;
	p->cache_limit -= bytes < p->cache_limit ? bytes : p->cache_limit;
	return OK;
}

static enum status keep_batch(void *ctx, const struct batch *batch, const struct tensor *y,
			      struct error *err)
{
	struct outputs *o = ctx;
	(void)err;
	for (uint32_t i = 0; i < batch->n; i++)
		o->seen[batch->samples[i]] = true;
	for (uint32_t k = 0; k < o->n; k++) {
		size_t bytes = o->v[k].data ? tensor_bytes(&o->v[k].type) : 0;
		for (uint32_t i = 0; bytes && i < batch->n; i++)
			memcpy(o->v[k].data + batch->samples[i] * bytes,
			       (const uint8_t *)y[k].data + i * bytes, bytes);
	}
	return OK;
}

/* An evaluation of which all outputs are looked at. */
static enum status evaluate(struct project *project, const char *description,
			    enum status (*observe)(void *ctx, const struct batch *batch,
						   const struct tensor *y, struct error *err),
			    void *ctx, struct evaluated *out, struct error *err)
{
	project->observe = observe;
	project->observe_ctx = ctx;
	enum status status = project_evaluate(project, description, out, err);
	project->observe = NULL;
	return status;
}

enum status compare_first(struct project *project, struct outputs *outputs, struct evaluated *out,
			  struct error *err)
{
	uint32_t samples = project->dataset.validation.n, n = project->model->graph->outputs.n;
	*outputs = (struct outputs){ .project = project, .n = n };
	outputs->seen = mem_alloc(samples);
	outputs->v = mem_alloc(n * sizeof *outputs->v);
	TRY(keep(project, project->output, samples, &outputs->v[project->output], err));
	for (uint32_t k = 0; k < n; k++)
		if (k != project->output)
			TRY(keep(project, k, samples, &outputs->v[k], err));
	return evaluate(project, "evaluate", keep_batch, outputs, out, err);
}

void outputs_release(struct outputs *outputs)
{
	for (uint32_t k = 0; k < outputs->n; k++)
		free(outputs->v[k].data);
	free(outputs->v);
	free(outputs->seen);
	*outputs = (struct outputs){ 0 };
}

/* ---- the second model ---- */

struct comparing {
	const struct outputs *first;
	struct comparison *out;
	uint32_t *partner; /* of the first model's outputs: the second's, UINT32_MAX: none */
};

static uint32_t find_partner(const struct comparing *c, uint32_t k)
{
	const struct project *other = &c->out->other;
	const struct graph *g = other->model->graph;
	if (k == c->first->project->output)
		return other->output;
	for (uint32_t i = 0; i < g->outputs.n; i++)
		if (i != other->output &&
		    !strcmp(graph_value(g, g->outputs.v[i])->name, c->first->v[k].name))
			return i;
	return UINT32_MAX;
}

static void find_pairs(struct comparing *c)
{
	const struct outputs *first = c->first;
	const struct project *other = &c->out->other;
	struct comparison *out = c->out;
	bool same = first->project->dataset.validation.n == other->dataset.validation.n;
	out->n = first->n;
	out->each = mem_alloc(out->n * sizeof *out->each);
	out->parity = (struct parity){ .paired = true, .comparable = true };
	for (uint32_t k = 0; k < out->n; k++) {
		struct parity *p = &out->each[k];
		uint32_t i = c->partner[k] = find_partner(c, k);
		const struct kept_output *kept = &first->v[k];
		*p = (struct parity){ .name = arena_strdup(&out->other.arena, kept->name),
				      .paired = i != UINT32_MAX && kept->data };
		if (!p->paired)
			continue;
		struct tensor type = *session_output_type(other->session, i);
		p->comparable = same && type.shape.rank &&
				type.shape.dim[0] == other->micro_batch &&
				shape_elements(&kept->type.shape) * other->micro_batch ==
					shape_elements(&type.shape);
		out->parity.comparable &= p->comparable;
	}
}

static enum status compare_batch(void *ctx, const struct batch *batch, const struct tensor *y,
				 struct error *err)
{
	const struct comparing *c = ctx;
	const struct config *config = c->first->project->config;
	(void)err;
	for (uint32_t k = 0; k < c->out->n; k++) {
		struct parity *p = &c->out->each[k];
		struct tensor a = c->first->v[k].type;
		int64_t n = p->comparable ? shape_elements(&a.shape) : 0;
		for (uint32_t i = 0; n && i < batch->n; i++) {
			uint32_t sample = batch->samples[i];
			if (!c->first->seen[sample])
				continue;
			a.data = c->first->v[k].data + sample * tensor_bytes(&a);
			for (int64_t j = 0; j < n; j++)
				compare_element(p, config, sample, tensor_get(&a, j),
						tensor_get(&y[c->partner[k]], i * n + j));
		}
	}
	return OK;
}

static void add_up(struct comparison *c)
{
	for (uint32_t k = 0; k < c->n && c->parity.comparable; k++) {
		const struct parity *p = &c->each[k];
		c->parity.elements += p->elements;
		c->parity.beyond += p->beyond;
		c->parity.max_relative = fmax(c->parity.max_relative, p->max_relative);
		if (p->max_absolute <= c->parity.max_absolute)
			continue;
		c->parity.max_absolute = p->max_absolute;
		c->parity.worst_sample = p->worst_sample;
	}
}

enum status compare_second(const struct project *project, const struct outputs *first,
			   struct comparison *out, struct problems *problems, struct error *err)
{
	*out = (struct comparison){ .config = *project->config };
	out->config.model = project->config->compare;
	TRY(project_open(&out->config, project->ui, false, &out->other, problems, err));
	struct comparing c = { first, out, mem_alloc(first->n * sizeof *c.partner) };
	find_pairs(&c);
	enum status status = evaluate(&out->other, "compare", compare_batch, &c, &out->evaluated,
				      err);
	free(c.partner);
	add_up(out);
	if (status == OK)
		return OK;
	problems_add(problems, err);
	free(out->each);
	project_release(&out->other);
	return status;
}

void compare_release(struct comparison *comparison)
{
	free(comparison->each);
	evaluated_release(&comparison->evaluated);
	project_release(&comparison->other);
}

bool compare_is_beyond(const struct config *config, const struct parity *parity)
{
	bool asked = config->atol != CONFIG_AUTO || config->rtol != CONFIG_AUTO;
	return asked && (!parity->comparable || parity->beyond);
}
