/*
 * events.c - event files (see events.h): Events are packed by protobuf-c, records and histograms are
 * made here.
 */
#include "eval/events.h"

#include "base/clock.h"
#include "base/crc32c.h"
#include "proto/event.pb-c.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_VERSION "brain.Event:2"

/* ---- records ---- */

/* A check sum of data that holds check sums would be weak: they are masked. */
static uint32_t masked(uint32_t crc)
{
	return (crc >> 15 | crc << 17) + 0xa282ead8U;
}

static void add_little(struct text *out, uint64_t x, int bytes)
{
	for (int i = 0; i < bytes; i++)
		text_add_bytes(out, (char[]){ (char)(x >> 8 * i & 0xff) }, 1);
}

static void add_record(struct text *out, const Tensorboard__Event *event)
{
	size_t n = tensorboard__event__get_packed_size(event);
	uint8_t *packed = mem_alloc(n);
	tensorboard__event__pack(event, packed);
	size_t length = out->n;
	add_little(out, n, 8);
	add_little(out, masked(crc32c(out->s + length, 8)), 4);
	text_add_bytes(out, (const char *)packed, n);
	add_little(out, masked(crc32c(packed, n)), 4);
	free(packed);
}

void event_add_version(struct text *out, double wall_time)
{
	Tensorboard__Event event = TENSORBOARD__EVENT__INIT;
	event.wall_time = wall_time;
	event.what_case = TENSORBOARD__EVENT__WHAT_FILE_VERSION;
	event.file_version = (char *)FILE_VERSION;
	add_record(out, &event);
}

void event_add_start(struct text *out, double wall_time, int64_t step)
{
	Tensorboard__Event event = TENSORBOARD__EVENT__INIT;
	Tensorboard__SessionLog start = TENSORBOARD__SESSION_LOG__INIT;
	start.status = TENSORBOARD__SESSION_LOG__SESSION_STATUS__START;
	event.wall_time = wall_time;
	event.step = step;
	event.what_case = TENSORBOARD__EVENT__WHAT_SESSION_LOG;
	event.session_log = &start;
	add_record(out, &event);
}

static Tensorboard__HistogramProto histogram_message(const struct histogram *h)
{
	Tensorboard__HistogramProto message = TENSORBOARD__HISTOGRAM_PROTO__INIT;
	message.min = h->min;
	message.max = h->max;
	message.num = (double)h->n;
	message.sum = h->sum;
	message.sum_squares = h->sum_squares;
	message.n_bucket_limit = message.n_bucket = h->buckets;
	message.bucket_limit = h->limit;
	message.bucket = h->count;
	return message;
}

void event_add(struct text *out, double wall_time, int64_t step, const struct event_value *values,
	       size_t n)
{
	Tensorboard__Event event = TENSORBOARD__EVENT__INIT;
	Tensorboard__Summary summary = TENSORBOARD__SUMMARY__INIT;
	struct item {
		Tensorboard__Summary__Value value;
		Tensorboard__HistogramProto histogram;
	} *items = mem_alloc(n * sizeof *items);
	summary.value = mem_alloc(n * sizeof(void *));
	summary.n_value = n;
	for (size_t i = 0; i < n; i++) {
		Tensorboard__Summary__Value *v = &items[i].value;
		tensorboard__summary__value__init(v);
		v->tag = (char *)values[i].tag;
		if (values[i].histogram) {
			items[i].histogram = histogram_message(values[i].histogram);
			v->value_case = TENSORBOARD__SUMMARY__VALUE__VALUE_HISTO;
			v->histo = &items[i].histogram;
		} else {
			v->value_case = TENSORBOARD__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
			v->simple_value = values[i].scalar;
		}
		summary.value[i] = v;
	}
	event.wall_time = wall_time;
	event.step = step;
	event.what_case = TENSORBOARD__EVENT__WHAT_SUMMARY;
	event.summary = &summary;
	add_record(out, &event);
	free(summary.value);
	free(items);
}

/* ---- histograms ---- */

#define LIMIT_FIRST 1e-12
#define LIMIT_LAST 1e20
#define LIMIT_GROWTH 1.1
#define SIDE_MAX 800 /* limits on one side of 0 */

/* All limits in order: negative ones, 0, positive ones. Returns how many there are. */
static uint32_t make_limits(double *limits)
{
	double side[SIDE_MAX];
	uint32_t n = 0;
	for (double x = LIMIT_FIRST; x < LIMIT_LAST; x *= LIMIT_GROWTH)
		side[n++] = x;
	for (uint32_t i = 0; i < n; i++) {
		limits[i] = -side[n - 1 - i];
		limits[n + 1 + i] = side[i];
	}
	limits[n] = 0;
	return 2 * n + 1;
}

/* The bin of x: limits[bin] <= x < limits[bin + 1], the last one with its end; bins when outside. */
static uint32_t find_bin(const double *limits, uint32_t n, double x)
{
	uint32_t low = 0, high = n - 1;
	if (!(x >= limits[0] && x <= limits[n - 1]))
		return n - 1;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (x < limits[middle])
			high = middle;
		else
			low = middle;
	}
	return low;
}

void histogram_init(struct histogram *h, const float *x, size_t n)
{
	double limits[2 * SIDE_MAX + 1];
	uint32_t n_limits = make_limits(limits), bins = n_limits - 1, first = bins, last = 0;
	double *counts = mem_alloc((bins + 1) * sizeof *counts);
	*h = (struct histogram){ .min = INFINITY, .max = -INFINITY };
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(x[i]))
			continue;
		uint32_t bin = find_bin(limits, n_limits, x[i]);
		h->min = fmin(h->min, x[i]);
		h->max = fmax(h->max, x[i]);
		h->sum += x[i];
		h->sum_squares += (double)x[i] * x[i];
		h->n++;
		counts[bin]++;
		if (bin < bins) {
			first = bin < first ? bin : first;
			last = bin > last ? bin : last;
		}
	}
	if (!h->n)
		h->min = h->max = 0;
	if (first < bins) {
		/* limits end buckets: an empty one in front says where the first begins */
		h->buckets = last - first + 2;
		h->limit = mem_alloc(h->buckets * sizeof *h->limit);
		h->count = mem_alloc(h->buckets * sizeof *h->count);
		memcpy(h->limit, limits + first, h->buckets * sizeof *h->limit);
		memcpy(h->count + 1, counts + first, (h->buckets - 1) * sizeof *h->count);
	}
	free(counts);
}

void histogram_release(struct histogram *h)
{
	free(h->limit);
	free(h->count);
	h->limit = h->count = NULL;
}

/* ---- files ---- */

struct events {
	char *path;
	FILE *file;
};

static enum status make_folders(const char *folder, struct error *err)
{
	char *path = mem_strdup(folder);
	enum status status = OK;
	for (char *end = path + 1; status == OK; end++) {
		char was = *end;
		if (was && was != '/')
			continue;
		*end = 0;
		if (mkdir(path, 0777) && errno != EEXIST)
			status = fail(err, ERR_IO, "%s: can't make this folder: %s", path,
				      strerror(errno));
		*end = was;
		if (!was)
			break;
	}
	free(path);
	return status;
}

static enum status write_bytes(struct events *events, const struct text *bytes, struct error *err)
{
	if (fwrite(bytes->s, 1, bytes->n, events->file) == bytes->n && !fflush(events->file))
		return OK;
	return fail(err, ERR_IO, "%s: can't write: %s", events->path, strerror(errno));
}

enum status events_open(const char *folder, struct events **out, struct error *err)
{
	char host[256] = "";
	struct text bytes = { 0 };
	double time = clock_wall();
	TRY(make_folders(folder, err));
	if (gethostname(host, sizeof host - 1) || !*host)
		strcpy(host, "localhost");
	struct events *events = mem_alloc(sizeof *events);
	/* several runs of one process: the last number tells them apart */
	for (int i = 0; i < 1000 && !events->file; i++) {
		free(events->path);
		events->path = mem_printf("%s/events.out.tfevents.%010lld.%s.%d.%d", folder,
					  (long long)time, host, (int)getpid(), i);
		events->file = fopen(events->path, "wxe");
		if (!events->file && errno != EEXIST)
			break;
	}
	enum status status = OK;
	if (!events->file)
		status = fail(err, ERR_IO, "%s: can't write: %s", events->path, strerror(errno));
	event_add_version(&bytes, time);
	if (status == OK)
		status = write_bytes(events, &bytes, err);
	text_release(&bytes);
	if (status == OK) {
		*out = events;
		return OK;
	}
	struct error ignored;
	if (events_close(events, &ignored) != OK)
		return status; /* the first error is the one to tell */
	return status;
}

enum status events_start(struct events *events, int64_t step, struct error *err)
{
	struct text bytes = { 0 };
	event_add_start(&bytes, clock_wall(), step);
	enum status status = write_bytes(events, &bytes, err);
	text_release(&bytes);
	return status;
}

enum status events_write(struct events *events, int64_t step, const struct event_value *values,
			 size_t n, struct error *err)
{
	struct text bytes = { 0 };
	event_add(&bytes, clock_wall(), step, values, n);
	enum status status = write_bytes(events, &bytes, err);
	text_release(&bytes);
	return status;
}

enum status events_close(struct events *events, struct error *err)
{
	enum status status = OK;
	if (!events)
		return OK;
	if (events->file && fclose(events->file))
		status = fail(err, ERR_IO, "%s: can't write: %s", events->path, strerror(errno));
	free(events->path);
	free(events);
	return status;
}
