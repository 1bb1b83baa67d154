/*
 * events.h - files of events that TensorBoard shows: scalars and histograms over steps.
 *
 * A file is a sequence of records: u64 length, u32 check of the length, the Event, u32 check of the
 * Event, all little-endian; a check is the masked CRC-32C. The first event names the version.
 * Source: TensorFlow's record_writer and event.proto; histograms are those of PyTorch's
 * SummaryWriter.add_histogram with its default bins.
 */
#ifndef ONNXTUNE_EVAL_EVENTS_H
#define ONNXTUNE_EVAL_EVENTS_H

#include "base/text.h"

/* How many numbers lie between limits that grow by a tenth, from 1e-12 to 1e20, on both sides of 0. */
struct histogram {
	double min, max, sum, sum_squares;
	uint64_t n;
	uint32_t buckets; /* from the first to the last with numbers, and an empty one in front */
	double *limit, *count; /* [buckets]: where each ends, and how many numbers it has */
};

/* Counts the n numbers, one at least, of which those that are not finite are left out. */
void histogram_init(struct histogram *h, const float *x, size_t n);
void histogram_release(struct histogram *h);

/* One tag of an event: a scalar, or a histogram where there is one. */
struct event_value {
	const char *tag;
	float scalar;
	const struct histogram *histogram;
};

/* Appends the record that begins a file. wall_time: seconds since 1970. */
void event_add_version(struct text *out, double wall_time);

/*
 * Appends the record of a run that goes on: readers drop what earlier files have for `step` and later
 * ones (TensorBoard's rule for a SessionLog START, as PyTorch's purge_step writes it).
 */
void event_add_start(struct text *out, double wall_time, int64_t step);

/* Appends the record of one event. */
void event_add(struct text *out, double wall_time, int64_t step, const struct event_value *values,
	       size_t n);

/* An event file being written. */
struct events;

/*
 * A new file in the folder, which is made with its parents where it is missing. Its name holds time,
 * host and process, so that runs may share a folder.
 */
enum status MUST_CHECK events_open(const char *folder, struct events **out, struct error *err);

/* Says that the run goes on with this step, before its first event (event_add_start). */
enum status MUST_CHECK events_start(struct events *events, int64_t step, struct error *err);

/* Adds an event of now; readers see it at once. */
enum status MUST_CHECK events_write(struct events *events, int64_t step,
				    const struct event_value *values, size_t n, struct error *err);

/* NULL is allowed. The file stays, whatever the status. */
enum status MUST_CHECK events_close(struct events *events, struct error *err);

#endif
