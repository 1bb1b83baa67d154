/*
 * features.c - a session that runs the frozen beginning of its model once for each sample (see
 * session.h): planning the two parts, and giving a micro-batch's features to the rest.
 */
#include "train/features.h"

#include "base/rng.h"

#include <string.h>

enum status features_plan(struct session *s, struct graph *whole, struct graph *copy,
			  const struct prefix *prefix, struct error *err)
{
	struct feature_cache *c = &s->features;
	prefix_cut(whole, prefix);
	prefix_keep(copy, prefix);
	TRY(runner_plan(copy, &s->vars, &c->prefix, err));
	c->on = true;
	c->sample_bytes = 0;
	c->n = prefix->n;
	c->names = arena_alloc(&s->arena, c->n * sizeof *c->names);
	c->rows = arena_alloc(&s->arena, c->n * sizeof *c->rows);
	c->row_bytes = arena_alloc(&s->arena, c->n * sizeof *c->row_bytes);
	for (uint32_t k = 0; k < c->n; k++) {
		const struct tensor *t = &graph_value(whole, prefix->features[k])->t;
		c->names[k] = prefix_name(&s->arena, k);
		c->rows[k] = tensor_new(&s->arena, t->dtype, &t->shape);
		c->row_bytes[k] = tensor_bytes(t) / (size_t)t->shape.dim[0];
		c->sample_bytes += c->row_bytes[k];
	}
	return OK;
}

enum status session_cache_features(struct session *session, uint32_t samples, size_t budget,
				   struct error *err)
{
	struct feature_cache *c = &session->features;
	if (!c->on)
		return OK;
	return feature_cache_open(c, samples, budget, err);
}

/* ---- does the place matter? ---- */

/* Rows of t, moved `by` places on, in a circle. */
static void rotate(const struct tensor *t, int64_t by, struct tensor *out)
{
	size_t n = (size_t)t->shape.dim[0], row = tensor_bytes(t) / n, at = (size_t)by * row;
	memcpy((uint8_t *)out->data + at, t->data, n * row - at);
	memcpy(out->data, (const uint8_t *)t->data + n * row - at, at);
}

/* Integers, which may be indices of anything, are 0 or 1. */
static struct tensor random_input(struct arena *arena, const struct tensor *type, uint32_t stream)
{
	struct tensor t = tensor_new(arena, type->dtype, &type->shape);
	uint32_t word[4];
	for (int64_t i = 0, n = shape_elements(&t.shape); i < n; i++) {
		philox(0, stream, (uint64_t)i, word);
		double x = 2 * (double)rng_uniform(word[0]) - 1;
		tensor_set(&t, i, dtype_is_float(t.dtype) ? x : x > 0);
	}
	return t;
}

/* The features of inputs moved `by` places on, into out; `moved` is scratch memory. */
static enum status features_of(struct session *s, const struct tensor *inputs, int64_t by,
			       struct tensor *moved, struct tensor *out, struct error *err)
{
	struct runner *r = &s->features.prefix;
	for (uint32_t k = 0; k < s->model->graph->inputs.n; k++) {
		uint32_t id = s->model->graph->inputs.v[k];
		rotate(&inputs[k], by, &moved[k]);
		TRY(runner_input(r, graph_value(s->model->graph, id)->name, &moved[k], err));
	}
	TRY(runner_run(r, PROGRAM_FIRST, err));
	for (uint32_t k = 0; k < s->features.n; k++)
		TRY(runner_output(r, k, out[k].data, err));
	return s->vars.backend->stream_wait(s->stream, err);
}

static enum status compare_places(struct session *s, struct arena *arena, bool *out,
				  struct error *err)
{
	const struct feature_cache *c = &s->features;
	uint32_t n = s->model->graph->inputs.n;
	struct tensor *inputs = arena_alloc(arena, n * sizeof *inputs);
	struct tensor *moved = arena_alloc(arena, n * sizeof *moved);
	struct tensor *y[3];
	for (uint32_t k = 0; k < n; k++) {
		uint32_t id = s->model->graph->inputs.v[k];
		struct tensor type = { graph_value(s->model->graph, id)->t.dtype,
				       s->options.shapes[k], NULL };
		inputs[k] = random_input(arena, &type, k);
		moved[k] = tensor_new(arena, type.dtype, &type.shape);
	}
	for (int i = 0; i < 3; i++) {
		y[i] = arena_alloc(arena, c->n * sizeof *y[i]);
		for (uint32_t k = 0; k < c->n; k++)
			y[i][k] = tensor_new(arena, c->rows[k].dtype, &c->rows[k].shape);
	}
	TRY(features_of(s, inputs, 0, moved, y[0], err));
	*out = false;
	for (int64_t by = 1; by < s->options.micro_batch && !*out; by++) {
		TRY(features_of(s, inputs, by, moved, y[1], err));
		for (uint32_t k = 0; k < c->n; k++) {
			rotate(&y[0][k], by, &y[2][k]);
			*out |= memcmp(y[1][k].data, y[2][k].data, tensor_bytes(&y[1][k])) != 0;
		}
	}
	return OK;
}

enum status features_depend_on_place(struct session *s, bool *out, struct error *err)
{
	struct arena arena;
	arena_init(&arena);
	enum status status = compare_places(s, &arena, out, err);
	arena_release(&arena);
	return status;
}

/* ---- steps ---- */

/* Computes them; the rows of the first n samples are kept. */
static enum status compute(struct session *s, const struct tensor *inputs, const uint32_t *samples,
			   uint32_t n, struct error *err)
{
	struct feature_cache *c = &s->features;
	const struct graph *loaded = s->model->graph;
	for (uint32_t k = 0; k < loaded->inputs.n; k++)
		TRY(runner_input(&c->prefix, graph_value(loaded, loaded->inputs.v[k])->name,
				 &inputs[k], err));
	TRY(runner_run(&c->prefix, PROGRAM_FIRST, err));
	for (uint32_t k = 0; k < c->n; k++)
		TRY(runner_output(&c->prefix, k, c->rows[k].data, err));
	TRY(s->vars.backend->stream_wait(s->stream, err));
	if (samples && c->samples)
		feature_cache_put(c, samples, n);
	return OK;
}

enum status features_give(struct session *s, const struct tensor *inputs, int64_t real,
			  struct error *err)
{
	struct feature_cache *c = &s->features;
	const uint32_t *samples = s->samples;
	uint32_t n = (uint32_t)s->options.micro_batch;
	if (samples && c->samples && feature_cache_has(c, samples, n))
		feature_cache_get(c, samples, n);
	else
		TRY(compute(s, inputs, samples, (uint32_t)real, err));
	for (uint32_t k = 0; k < c->n; k++)
		TRY(feed_add(&s->feed, &s->training, c->names[k], &c->rows[k], err));
	return OK;
}
