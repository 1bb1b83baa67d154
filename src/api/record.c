/*
 * record.c - event files and curves of a run (see record.h). Tags of scalars are PART/NAME, as the
 * fields of --log are named.
 */
#include "api/record.h"

#include <math.h>
#include <stdlib.h>

enum status record_open(struct project *project, struct record *out, struct error *err)
{
	const struct config *c = project->config;
	*out = (struct record){ .project = project, .per_point = 1 };
	return c->log_dir ? events_open(c->log_dir, &out->events, err) : OK;
}

enum status record_resume(struct record *record, int64_t steps, bool begun, struct error *err)
{
	record->goes_on = begun;
	return record->events ? events_start(record->events, steps + 1, err) : OK;
}

/* ---- curves ---- */

static struct record_point join(const struct record_point *a, const struct record_point *b)
{
	return (struct record_point){ b->step, (a->loss + b->loss) / 2, (a->rate + b->rate) / 2,
				      (a->scale + b->scale) / 2 };
}

static void add_point(struct record *record, const struct step_result *r)
{
	struct record_point *open = &record->open;
	double n = (double)record->per_point;
	open->step = (double)r->step;
	open->loss += r->loss / n;
	open->rate += r->rate / n;
	open->scale += r->scale / n;
	if (++record->n_open < record->per_point)
		return;
	*array_push(&record->points) = *open;
	*open = (struct record_point){ 0 };
	record->n_open = 0;
	if (record->points.n < RECORD_POINTS_MAX)
		return;
	record->points.n /= 2;
	for (uint32_t i = 0; i < record->points.n; i++)
		record->points.v[i] = join(&record->points.v[2 * (size_t)i],
					   &record->points.v[2 * (size_t)i + 1]);
	record->per_point *= 2;
}

/* ---- events ---- */

enum status record_step(struct record *record, const struct step_result *r,
			double samples_per_second, struct error *err)
{
	const struct event_value values[] = {
		{ "train/loss", (float)r->loss, NULL },
		{ "train/lr", (float)r->rate, NULL },
		{ "train/loss_scale", r->scale, NULL },
		{ "train/grad_norm", (float)r->norm, NULL },
		{ "train/samples_per_second", (float)samples_per_second, NULL },
	};
	add_point(record, r);
	if (!record->events)
		return OK;
	return events_write(record->events, r->step, values, ARRAY_SIZE(values), err);
}

enum status record_evaluation(struct record *record, int64_t step, const struct evaluation *e,
			      struct error *err)
{
	struct event_value values[METRICS_MAX];
	char *tags[METRICS_MAX];
	size_t n = 0;
	enum status status = OK;
	*array_push(&record->validations) = (struct record_validation){
		(double)step, e->loss, metric_find("accuracy")->value(e)
	};
	if (!record->events || (!step && record->goes_on))
		return OK;
	for (const struct metric *m = metrics; m->name; m++) {
		double value = m->value(e);
		if (isnan(value) && m->value != metric_find("loss")->value)
			continue; /* it does not apply */
		tags[n] = mem_printf("validation/%s", m->name);
		values[n] = (struct event_value){ tags[n], (float)value, NULL };
		n++;
	}
	status = events_write(record->events, step, values, n, err);
	while (n > 0)
		free(tags[--n]);
	return status;
}

bool record_wants_epochs(const struct record *record)
{
	return record->events && record->project->dataset.validation.n;
}

/* The elements as single precision (arena), and their L2 norm. */
static float *floats_of(const struct tensor *t, struct arena *arena, size_t *n, double *norm)
{
	double sum = 0;
	*n = (size_t)shape_elements(&t->shape);
	float *x = arena_alloc(arena, *n * sizeof *x);
	for (size_t i = 0; i < *n; i++) {
		double value = tensor_get(t, (int64_t)i);
		x[i] = (float)value;
		sum += value * value;
	}
	*norm = sqrt(sum);
	return x;
}

static enum status write_tensor(struct record *record, int64_t step, const char *name,
				struct arena *arena, struct error *err)
{
	struct session *session = record->project->session;
	struct tensor weight, gradient;
	struct histogram of_weight, of_gradient;
	double weight_norm, gradient_norm;
	size_t n;
	TRY(session_variable(session, name, arena, &weight, err));
	TRY(session_gradient(session, name, arena, &gradient, err));
	float *x = floats_of(&weight, arena, &n, &weight_norm);
	histogram_init(&of_weight, x, n);
	x = floats_of(&gradient, arena, &n, &gradient_norm);
	histogram_init(&of_gradient, x, n);
	const struct event_value values[] = {
		{ arena_printf(arena, "weights/%s", name), 0, &of_weight },
		{ arena_printf(arena, "gradients/%s", name), 0, &of_gradient },
		{ arena_printf(arena, "weight_norm/%s", name), (float)weight_norm, NULL },
		{ arena_printf(arena, "grad_norm/%s", name), (float)gradient_norm, NULL },
	};
	enum status status = events_write(record->events, step, values, ARRAY_SIZE(values), err);
	histogram_release(&of_weight);
	histogram_release(&of_gradient);
	return status;
}

enum status record_tensors(struct record *record, int64_t step, struct error *err)
{
	const struct session *session = record->project->session;
	enum status status = OK;
	if (!record->events || !record->project->config->histograms)
		return OK;
	for (uint32_t i = 0; i < session->n_parameters && status == OK; i++) {
		struct arena
			arena; /* for one tensor at a time: all of them are as large as the model */
		arena_init(&arena);
		status = write_tensor(record, step, session->parameters[i], &arena, err);
		arena_release(&arena);
	}
	return status;
}

enum status record_close(struct record *record, struct error *err)
{
	struct events *events = record->events;
	record->events = NULL;
	return events_close(events, err);
}

void record_release(struct record *record)
{
	struct error ignored;
	if (record_close(record, &ignored) != OK)
		record->events = NULL; /* the run has failed of something else */
	array_release(&record->points);
	array_release(&record->validations);
}
