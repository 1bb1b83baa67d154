/* results.c - the ring of step blocks (see results.h). */
#include "train/results.h"

#include <assert.h>

enum status results_open(struct results *results, struct variables *vars, struct error *err)
{
	const struct backend *backend = vars->backend;
	size_t bytes = 2 * RESULTS_MAX * sizeof *results->blocks;
	*results = (struct results){ .vars = vars };
	TRY(backend->alloc_host(vars->device, bytes, (void **)&results->blocks, err));
	for (uint32_t i = 0; i < RESULTS_MAX; i++)
		TRY(backend->event_new(vars->device, &results->events[i], err));
	return OK;
}

void results_close(struct results *results)
{
	if (!results->vars)
		return;
	const struct backend *backend = results->vars->backend;
	for (uint32_t i = 0; i < RESULTS_MAX; i++)
		if (results->events[i])
			backend->event_free(results->events[i]);
	if (results->blocks)
		backend->free_host(results->vars->device, results->blocks);
	*results = (struct results){ 0 };
}

/* Where the step after those that are pending goes. */
static uint32_t place(const struct results *results)
{
	assert(results->pending < RESULTS_MAX);
	return (results->first + results->pending) % RESULTS_MAX;
}

static enum status copy(struct results *results, struct step_block *to, struct error *err)
{
	const struct variables *vars = results->vars;
	const struct variable *step = variables_find(vars, STEP_NAME);
	if (vars->backend->copy_out(vars->stream, to, step->t.data, step->bytes) != OK)
		return backend_fail(vars->backend, vars->device, err, ERR_INTERNAL,
				    "the step's results could not be copied");
	return OK;
}

enum status results_before(struct results *results, struct error *err)
{
	return copy(results, &results->blocks[2 * place(results)], err);
}

enum status results_after(struct results *results, struct error *err)
{
	const struct variables *vars = results->vars;
	uint32_t i = place(results);
	TRY(copy(results, &results->blocks[2 * i + 1], err));
	if (vars->backend->event_record(results->events[i], vars->stream) != OK)
		return backend_fail(vars->backend, vars->device, err, ERR_INTERNAL,
				    "the end of a step could not be marked");
	results->pending++;
	return OK;
}

enum status results_take(struct results *results, struct step_block *before,
			 struct step_block *after, struct error *err)
{
	uint32_t i = results->first;
	assert(results->pending);
	TRY(results->vars->backend->event_wait(results->events[i], err));
	*before = results->blocks[2 * i];
	*after = results->blocks[2 * i + 1];
	results->first = (i + 1) % RESULTS_MAX;
	results->pending--;
	return OK;
}
