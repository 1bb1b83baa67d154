/*
 * feed.h - the inputs of micro-batches on their way to a device, while it still computes the one
 * before.
 *
 * What is added to a parcel is copied to host memory of the feed at once. It travels to the device
 * whole, on a stream of its own; the stream of the programs waits for it there, on the device, and
 * puts everything in its place. There are two such parcels: the host waits only where the one before
 * the last has not left its memory yet. Where the host may write device memory nothing of this is
 * needed, and inputs are written to their places.
 */
#ifndef ONNXTUNE_EXEC_FEED_H
#define ONNXTUNE_EXEC_FEED_H

#include "exec/runner.h"

enum { FEED_PARCELS = 2 };

struct feed_parcel {
	void *host, *device;
	struct event *arrived; /* in device memory: the host's is free */
	struct event *unpacked;
	bool sent;
};

struct feed_part {
	void *to;
	size_t at, bytes;
};

struct feed {
	struct variables *vars; /* whose stream runs the programs; not owned */
	struct stream *stream;  /* NULL: the host writes device memory */
	size_t capacity, bytes; /* of a parcel; in the one that is filled */
	struct feed_parcel parcels[FEED_PARCELS];
	unsigned current;
	ARRAY(struct feed_part) parts;
};

/* Device memory that a feed for inputs of that many bytes takes. */
size_t feed_memory(const struct backend *backend, size_t bytes);

/* For parcels of up to `bytes` in up to 32 parts. A failed feed is still to be closed. */
enum status MUST_CHECK feed_open(struct feed *feed, struct variables *vars, size_t bytes,
				 struct error *err);
void feed_close(struct feed *feed); /* also a zeroed one; waits for it */

/* A new parcel. */
enum status MUST_CHECK feed_begin(struct feed *feed, struct error *err);
/* As runner_input, but the tensor is the caller's again. */
enum status MUST_CHECK feed_add(struct feed *feed, struct runner *runner, const char *name,
				const struct tensor *t, struct error *err);
/* Sends it: programs that are queued from now on see the inputs. */
enum status MUST_CHECK feed_end(struct feed *feed, struct error *err);

#endif
