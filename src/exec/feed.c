/*
 * feed.c - parcels of inputs (see feed.h). For each of the two, in turn:
 *
 *  1. the host waits until its last contents have arrived on the device, and fills it;
 *  2. the feed's stream waits until they were unpacked, and copies it to the device;
 *  3. the programs' stream waits until it has arrived, and unpacks it.
 */
#include "exec/feed.h"

#include <stdlib.h>
#include <string.h>

#define ALIGN 256 /* of parts: that of device memory */
#define PARTS 32

static size_t aligned(size_t bytes)
{
	return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t capacity_for(size_t bytes)
{
	return aligned(bytes) + PARTS * ALIGN;
}

size_t feed_memory(const struct backend *backend, size_t bytes)
{
	return backend->host_visible ? 0 : FEED_PARCELS * capacity_for(bytes);
}

enum status feed_open(struct feed *feed, struct variables *vars, size_t bytes, struct error *err)
{
	const struct backend *backend = vars->backend;
	*feed = (struct feed){ .vars = vars, .capacity = capacity_for(bytes) };
	if (backend->host_visible)
		return OK;
	TRY(backend->stream_new(vars->device, &feed->stream, err));
	for (int i = 0; i < FEED_PARCELS; i++) {
		struct feed_parcel *p = &feed->parcels[i];
		TRY(backend->alloc_host(vars->device, feed->capacity, &p->host, err));
		TRY(backend->alloc(vars->device, feed->capacity, &p->device, err));
		TRY(backend->event_new(vars->device, &p->arrived, err));
		TRY(backend->event_new(vars->device, &p->unpacked, err));
	}
	return OK;
}

void feed_close(struct feed *feed)
{
	const struct backend *backend = feed->vars ? feed->vars->backend : NULL;
	struct error ignored;
	if (feed->stream && (backend->stream_wait(feed->stream, &ignored) != OK ||
			     backend->stream_wait(feed->vars->stream, &ignored) != OK))
		ignored.status = OK; /* whoever queued the work was told, or will be */
	for (int i = 0; i < FEED_PARCELS; i++) {
		struct feed_parcel *p = &feed->parcels[i];
		if (p->host)
			backend->free_host(feed->vars->device, p->host);
		if (p->device)
			backend->free(feed->vars->device, p->device);
		if (p->arrived)
			backend->event_free(p->arrived);
		if (p->unpacked)
			backend->event_free(p->unpacked);
	}
	if (feed->stream)
		backend->stream_free(feed->stream);
	array_release(&feed->parts);
	*feed = (struct feed){ 0 };
}

enum status feed_begin(struct feed *feed, struct error *err)
{
	struct feed_parcel *p;
	if (!feed->stream)
		return OK;
	feed->current = (feed->current + 1) % FEED_PARCELS;
	feed->bytes = feed->parts.n = 0;
	p = &feed->parcels[feed->current];
	return p->sent ? feed->vars->backend->event_wait(p->arrived, err) : OK;
}

enum status feed_add(struct feed *feed, struct runner *runner, const char *name,
		     const struct tensor *t, struct error *err)
{
	const struct resident *to;
	if (!feed->stream)
		return runner_input(runner, name, t, err);
	TRY(runner_place(runner, name, t, &to, err));
	if (!to)
		return OK;
	if (feed->bytes + to->bytes > feed->capacity)
		return fail(err, ERR_INTERNAL, "input '%s' does not fit into its parcel", name);
	memcpy((char *)feed->parcels[feed->current].host + feed->bytes, t->data, to->bytes);
	*array_push(&feed->parts) = (struct feed_part){ to->memory, feed->bytes, to->bytes };
	feed->bytes = aligned(feed->bytes + to->bytes);
	return OK;
}

static enum status send(struct feed *feed, struct feed_parcel *p)
{
	const struct backend *backend = feed->vars->backend;
	if (p->sent)
		TRY(backend->stream_wait_event(feed->stream, p->unpacked));
	TRY(backend->copy_in(feed->stream, p->device, p->host, feed->bytes));
	p->sent = true;
	return backend->event_record(p->arrived, feed->stream);
}

static enum status unpack(struct feed *feed, const struct feed_parcel *p)
{
	const struct backend *backend = feed->vars->backend;
	struct stream *stream = feed->vars->stream;
	TRY(backend->stream_wait_event(stream, p->arrived));
	for (uint32_t i = 0; i < feed->parts.n; i++) {
		const struct feed_part *part = &feed->parts.v[i];
		TRY(backend->copy(stream, part->to, (char *)p->device + part->at, part->bytes));
	}
	return backend->event_record(p->unpacked, stream);
}

enum status feed_end(struct feed *feed, struct error *err)
{
	struct feed_parcel *p = &feed->parcels[feed->current];
	if (!feed->stream || !feed->parts.n)
		return OK;
	if (send(feed, p) != OK || unpack(feed, p) != OK)
		return backend_fail(feed->vars->backend, feed->vars->device, err, ERR_INTERNAL,
				    "inputs could not be copied");
	return OK;
}
