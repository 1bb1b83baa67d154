/*
 * queue.c - streams, events and captures of the mock device (see mockdev.h). Jobs wait in queues
 * until the host waits; then streams take turns by priorities that are drawn anew now and then: one
 * may run long before or long after another, as far as events allow.
 */
#include "mockdev/internal.h"

#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

struct event {
	struct device *device;
	struct record *record; /* the newest, NULL: none yet */
};

struct capture {
	struct device *device;
	ARRAY(struct job *) jobs;
};

/* ---- jobs ---- */

static void job_drop(struct job *job)
{
	if (--job->refs)
		return;
	if (job->kind == JOB_KERNEL)
		kernel_job_free(job);
	free(job);
}

struct job *queue_push(struct stream *s, enum job_kind kind)
{
	struct job *job = mem_alloc(sizeof *job);
	job->kind = kind;
	job->refs = 1;
	if (s->capture)
		*array_push(&s->capture->jobs) = job;
	else
		*array_push(&s->jobs) = job;
	return job;
}

static const void *host_of(const struct job *job)
{
	return job->kind == JOB_COPY_IN ? job->src : job->kind == JOB_COPY_OUT ? job->dst : NULL;
}

bool queue_uses_host(const struct device *d, const void *host, size_t bytes)
{
	uintptr_t a = (uintptr_t)host;
	for (uint32_t i = 0; i < d->streams.n; i++) {
		const struct stream *s = d->streams.v[i];
		for (uint32_t k = s->at; k < s->jobs.n; k++) {
			uintptr_t b = (uintptr_t)host_of(s->jobs.v[k]);
			if (b && a < b + s->jobs.v[k]->bytes && b < a + bytes)
				return true;
		}
	}
	return false;
}

/* FNV-1a */
static uint64_t sum(const void *p, size_t n)
{
	uint64_t x = 0xcbf29ce484222325;
	for (const uint8_t *b = p; n; n--)
		x = (x ^ *b++) * 0x100000001b3;
	return x;
}

/* ---- running ---- */

static void copy_run(struct device *d, const struct job *job)
{
	if (!job->bytes)
		return;
	const void *host = host_of(job);
	void *dst = job->dst;
	const void *src = job->src;
	if (job->kind != JOB_COPY_OUT)
		dst = memory_at(d, dst, job->bytes, "destination of a copy or fill");
	if (job->kind == JOB_COPY_OUT || job->kind == JOB_COPY)
		src = memory_at(d, src, job->bytes, "source of a copy");
	if (!dst || (!src && job->kind != JOB_FILL))
		return;
	if (job->watched && sum(host, job->bytes) != job->sum)
		misuse(d, "host memory of a copy %s was changed before the stream had run it",
		       job->kind == JOB_COPY_IN ? "in" : "out");
	if (job->kind == JOB_FILL)
		memset(dst, job->byte, job->bytes);
	else if (job->kind == JOB_COPY &&
		 (const uint8_t *)dst < (const uint8_t *)src + job->bytes &&
		 (const uint8_t *)src < (uint8_t *)dst + job->bytes)
		misuse(d, "source and destination of a copy overlap");
	else
		memcpy(dst, src, job->bytes);
}

static void job_run(struct device *d, struct job *job)
{
	if (job->kind == JOB_KERNEL)
		kernel_job_run(d, job);
	else if (job->kind == JOB_RECORD)
		job->record->done = true;
	else if (job->kind != JOB_WAIT)
		copy_run(d, job);
}

static uint32_t draw(struct device *d)
{
	uint32_t words[4];
	philox(d->seed, 0, d->draws++, words);
	return words[0];
}

static void draw_priorities(struct device *d)
{
	for (uint32_t i = 0; i < d->streams.n; i++)
		d->streams.v[i]->priority = draw(d);
}

/* Runs one job of the stream of the highest priority that has one ready. */
static void run_one(struct device *d)
{
	struct stream *best = NULL;
	if (draw(d) % 8 == 0)
		draw_priorities(d);
	for (uint32_t i = 0; i < d->streams.n; i++) {
		struct stream *s = d->streams.v[i];
		if (s->at == s->jobs.n ||
		    (s->jobs.v[s->at]->kind == JOB_WAIT && !s->jobs.v[s->at]->record->done))
			continue;
		if (!best || s->priority > best->priority)
			best = s;
	}
	/* There is always one: a wait is queued after the record that it waits for. */
	struct job *job = best->jobs.v[best->at++];
	job_run(d, job);
	job_drop(job);
	if (best->at == best->jobs.n)
		best->at = best->jobs.n = 0;
}

static enum status waited(struct device *d, struct error *err)
{
	if (d->error.status == OK)
		return OK;
	return fail(err, d->error.status, "%s", d->error.text);
}

enum status mock_stream_wait(struct stream *s, struct error *err)
{
	struct device *d = s->device;
	if (s->capture)
		misuse(d, "the host waits for a stream that captures");
	draw_priorities(d);
	while (s->at < s->jobs.n)
		run_one(d);
	return waited(d, err);
}

/* ---- streams ---- */

enum status mock_stream_new(struct device *d, struct stream **out, struct error *err)
{
	(void)err;
	struct stream *s = mem_alloc(sizeof *s);
	s->device = d;
	*array_push(&d->streams) = s;
	*out = s;
	return OK;
}

void mock_stream_free(struct stream *s)
{
	struct device *d = s->device;
	if (s->capture) {
		misuse(d, "a stream is freed while it captures");
		d->capturing--;
		mock_capture_free(s->capture);
	}
	if (s->at < s->jobs.n)
		misuse(d, "a stream is freed before its work has run");
	while (s->at < s->jobs.n) {
		/* Others may wait for it. */
		if (s->jobs.v[s->at]->kind == JOB_RECORD)
			s->jobs.v[s->at]->record->done = true;
		job_drop(s->jobs.v[s->at++]);
	}
	for (uint32_t i = 0; i < d->streams.n; i++)
		if (d->streams.v[i] == s)
			d->streams.v[i] = d->streams.v[--d->streams.n];
	array_release(&s->jobs);
	free(s);
}

enum status mock_copy_in(struct stream *s, void *dst, const void *host, size_t bytes)
{
	if (memory_is_device(s->device, host))
		return misuse(s->device, "copy_in from device memory");
	bool watched = !s->capture && !queue_uses_host(s->device, host, bytes);
	struct job *job = queue_push(s, JOB_COPY_IN);
	job->dst = dst;
	job->src = host;
	job->bytes = bytes;
	job->watched = watched;
	job->sum = watched ? sum(host, bytes) : 0;
	return OK;
}

enum status mock_copy_out(struct stream *s, void *host, const void *src, size_t bytes)
{
	if (memory_is_device(s->device, host))
		return misuse(s->device, "copy_out to device memory");
	bool watched = !s->capture && !queue_uses_host(s->device, host, bytes);
	if (watched && bytes)
		memset(host, POISON, bytes);
	struct job *job = queue_push(s, JOB_COPY_OUT);
	job->dst = host;
	job->src = src;
	job->bytes = bytes;
	job->watched = watched;
	job->sum = watched ? sum(host, bytes) : 0;
	return OK;
}

enum status mock_copy(struct stream *s, void *dst, const void *src, size_t bytes)
{
	struct job *job = queue_push(s, JOB_COPY);
	job->dst = dst;
	job->src = src;
	job->bytes = bytes;
	return OK;
}

enum status mock_fill(struct stream *s, void *dst, int byte, size_t bytes)
{
	struct job *job = queue_push(s, JOB_FILL);
	job->dst = dst;
	job->byte = byte;
	job->bytes = bytes;
	return OK;
}

/* ---- events ---- */

enum status mock_event_new(struct device *d, struct event **out, struct error *err)
{
	(void)err;
	*out = mem_alloc(sizeof **out);
	(*out)->device = d;
	d->events++;
	return OK;
}

void mock_event_free(struct event *event)
{
	event->device->events--;
	free(event);
}

enum status mock_event_record(struct event *event, struct stream *s)
{
	if (s->capture)
		return misuse(s->device, "an event is recorded during a capture");
	struct record *record = mem_alloc(sizeof *record);
	*array_push(&s->device->records) = record;
	event->record = record;
	queue_push(s, JOB_RECORD)->record = record;
	return OK;
}

enum status mock_stream_wait_event(struct stream *s, struct event *event)
{
	if (s->capture)
		return misuse(s->device, "a stream waits for an event during a capture");
	if (event->record)
		queue_push(s, JOB_WAIT)->record = event->record;
	return OK;
}

enum status mock_event_wait(struct event *event, struct error *err)
{
	struct device *d = event->device;
	draw_priorities(d);
	while (event->record && !event->record->done)
		run_one(d);
	return waited(d, err);
}

/* ---- captures ---- */

enum status mock_capture_begin(struct stream *s)
{
	if (s->capture)
		return misuse(s->device, "a capture begins within another");
	s->capture = mem_alloc(sizeof *s->capture);
	s->capture->device = s->device;
	s->device->captures++;
	s->device->capturing++;
	s->device->counts.captures++;
	return OK;
}

enum status mock_capture_end(struct stream *s, struct capture **out, struct error *err)
{
	if (!s->capture) {
		misuse(s->device, "a capture ends that never began");
		return fail(err, ERR_INTERNAL, "a capture ends that never began");
	}
	*out = s->capture;
	s->capture = NULL;
	s->device->capturing--;
	return OK;
}

enum status mock_capture_launch(struct capture *capture, struct stream *s)
{
	if (s->capture)
		return misuse(s->device, "a capture is launched during a capture");
	for (uint32_t i = 0; i < capture->jobs.n; i++) {
		capture->jobs.v[i]->refs++;
		*array_push(&s->jobs) = capture->jobs.v[i];
	}
	s->device->counts.launches++;
	return OK;
}

void mock_capture_free(struct capture *capture)
{
	if (!capture)
		return;
	for (uint32_t i = 0; i < capture->jobs.n; i++) {
		if (capture->jobs.v[i]->refs > 1)
			misuse(capture->device, "a capture is freed before it has run");
		job_drop(capture->jobs.v[i]);
	}
	capture->device->captures--;
	array_release(&capture->jobs);
	free(capture);
}
