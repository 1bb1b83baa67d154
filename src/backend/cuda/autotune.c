/*
 * autotune.c - the fastest way to run a call (see autotune.h):
 *
 *  1. each way is run once, which loads its code; what fails is out;
 *  2. in each of ROUNDS rounds every way is run CALLS times between two events, so that a clock of the
 *     GPU that changes meanwhile does so for all of them;
 *  3. the one with the smallest median is taken, of equal ones the first.
 *
 * What was found is remembered under a text of all that a call is determined by: operator, attributes,
 * types, shapes and layouts.
 */
#include "backend/cuda/autotune.h"

#include "backend/cuda/cuda.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 5
#define CALLS 4 /* one after the other, as in a step, so that the time to launch one is hidden */

struct entry {
	bool timed;
	uint32_t chosen;
};

struct tuning {
	struct arena arena;
	struct map calls; /* entries by the text of a call */
	ARRAY(struct entry) entries;
	uint32_t timed;
	double seconds;
	char text[80];
};

struct tuning *tuning_new(void)
{
	struct tuning *t = mem_alloc(sizeof *t);
	arena_init(&t->arena);
	return t;
}

void tuning_free(struct tuning *tuning)
{
	if (!tuning)
		return;
	map_release(&tuning->calls);
	array_release(&tuning->entries);
	arena_release(&tuning->arena);
	free(tuning);
}

const char *tuning_text(struct tuning *tuning)
{
	if (!tuning || !tuning->timed)
		return NULL;
	snprintf(tuning->text, sizeof tuning->text, "%u products and convolutions timed in %.2f s",
		 tuning->timed, tuning->seconds);
	return tuning->text;
}

/* ---- which calls are alike ---- */

static void add_operand(struct text *key, const struct op_operand *o)
{
	text_add(key, " %d.%d", (int)o->t.dtype, (int)o->layout);
	for (int i = 0; i < o->t.shape.rank; i++)
		text_add(key, ",%lld", (long long)o->t.shape.dim[i]);
}

/* Products and convolutions have numbers, lists of them and words. */
static void add_attr(struct text *key, const struct attr *a)
{
	text_add(key, " %s=", a->name);
	if (a->kind == ATTR_INT)
		text_add(key, "%lld", (long long)a->i);
	else if (a->kind == ATTR_FLOAT)
		text_add(key, "%a", (double)a->f);
	else if (a->kind == ATTR_STRING)
		text_add(key, "%s", a->s);
	for (uint32_t i = 0; a->kind == ATTR_INTS && i < a->n; i++)
		text_add(key, "%lld,", (long long)a->ints[i]);
}

static uint32_t find_entry(struct tuning *tuning, const struct op_call *call)
{
	struct text key = { 0 };
	uint32_t entry;
	text_add(&key, "%s %u", call->def->name, call->n_in);
	for (uint32_t k = 0; k < call->n_in; k++)
		add_operand(&key, &call->in[k]);
	for (uint32_t k = 0; k < call->n_out; k++)
		add_operand(&key, &call->out[k]);
	for (const struct attr *a = call->node->attrs; a && a->kind != ATTR_END; a++)
		add_attr(&key, a);
	if (!map_get(&tuning->calls, key.s, &entry)) {
		entry = tuning->entries.n;
		array_push(&tuning->entries);
		map_set(&tuning->calls, arena_strdup(&tuning->arena, key.s), entry);
	}
	text_release(&key);
	return entry;
}

/* ---- ways ---- */

uint32_t ways_wanted(const struct tuning *tuning)
{
	return tuning ? WAYS_MOST : 1;
}

void ways_init(struct ways *ways, struct tuning *tuning, const struct op_call *call, uint32_t n)
{
	*ways = (struct ways){ .n = n };
	if (n > 1)
		ways->entry = find_entry(tuning, call);
}

/* What is timed, and how. */
struct timer {
	struct ways *ways;
	enum status (*run)(void *state, const struct kernel_io *io, struct stream *stream);
	void *state;
	const struct kernel_io *io;
	struct stream *stream;
	cudaEvent_t from, to;
};

/* Queues way i n times; false where it can't be. */
static bool queue(struct timer *t, uint32_t i, int n)
{
	enum status status = OK;
	t->ways->chosen = i;
	for (int k = 0; k < n && status == OK; k++)
		status = t->run(t->state, t->io, t->stream);
	return status == OK;
}

/* The time of CALLS runs of way i, infinity where they can't be queued; an error is the device's. */
static cudaError_t measure(struct timer *t, uint32_t i, float *ms)
{
	cudaError_t code = cudaEventRecord(t->from, t->stream->handle);
	bool good = code == cudaSuccess && queue(t, i, CALLS);
	*ms = INFINITY;
	if (code == cudaSuccess)
		code = cudaEventRecord(t->to, t->stream->handle);
	if (code == cudaSuccess)
		code = cudaEventSynchronize(t->to);
	if (code == cudaSuccess && good)
		code = cudaEventElapsedTime(ms, t->from, t->to);
	return code;
}

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

static float median(float *times)
{
	qsort(times, ROUNDS, sizeof *times, compare);
	return times[ROUNDS / 2];
}

static cudaError_t find_fastest(struct timer *t, uint32_t *out)
{
	bool good[WAYS_MOST];
	float times[WAYS_MOST][ROUNDS], best = INFINITY;
	for (uint32_t i = 0; i < t->ways->n; i++)
		good[i] = queue(t, i, 1);
	cudaError_t code = cudaStreamSynchronize(t->stream->handle);
	for (int round = 0; round < ROUNDS; round++)
		for (uint32_t i = 0; i < t->ways->n && code == cudaSuccess; i++)
			if (good[i])
				code = measure(t, i, &times[i][round]);
	*out = 0;
	for (uint32_t i = 0; i < t->ways->n && code == cudaSuccess; i++) {
		float time = good[i] ? median(times[i]) : INFINITY;
		if (time < best) {
			best = time;
			*out = i;
		}
	}
	return code;
}

static cudaError_t time_ways(struct timer *t, uint32_t *out)
{
	cudaError_t code = cudaEventCreateWithFlags(&t->from, 0);
	if (code != cudaSuccess)
		return code;
	code = cudaEventCreateWithFlags(&t->to, 0);
	if (code == cudaSuccess) {
		code = find_fastest(t, out);
		cudaEventDestroy(t->to);
	}
	cudaEventDestroy(t->from);
	return code;
}

enum status ways_tune(struct ways *ways,
		      enum status (*run)(void *state, const struct kernel_io *io,
					 struct stream *stream),
		      void *state, const struct kernel_io *io, struct stream *stream)
{
	struct tuning *tuning = stream->device->tuning;
	struct timer t = { ways, run, state, io, stream, NULL, NULL };
	if (ways->n < 2)
		return OK;
	struct entry *e = &tuning->entries.v[ways->entry];
	if (!e->timed) {
		double from = clock_now();
		uint32_t chosen = ways->chosen;
		cudaError_t code = time_ways(&t, &chosen);
		ways->chosen = chosen;
		if (code != cudaSuccess)
			return cuda_status(code);
		(void)cudaGetLastError(); /* of ways that failed */
		*e = (struct entry){ true, chosen };
		tuning->timed++;
		tuning->seconds += clock_now() - from;
	}
	ways->chosen = e->chosen;
	return OK;
}
