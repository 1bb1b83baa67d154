/*
 * device.c - the mock device itself: opening, closing, what it supports, the memory of misuses (see
 * mockdev.h).
 */
#include "mockdev/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MEMORY ((uint64_t)1 << 30)

/* ---- misuses ---- */

enum status misuse(struct device *d, const char *fmt, ...)
{
	char text[sizeof d->error.text];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (!d->misused)
		fail(&d->error, ERR_INTERNAL, "misuse of the device: %s", text);
	d->misused = true;
	return ERR_INTERNAL;
}

void work_failed(struct device *d, enum status status, const char *what)
{
	if (d->error.status == OK)
		fail(&d->error, status, "%s: its kernel failed", what);
}

bool mock_misused(struct device *d, struct error *err)
{
	bool misused = d->misused;
	if (misused && err)
		*err = d->error;
	if (misused)
		d->error = (struct error){ 0 };
	d->misused = false;
	return misused;
}

/* ---- what it can ---- */

static const struct kernel *find_kernel(struct device *d, const struct op_call *call,
					const char **why)
{
	const char *reason = NULL;
	(void)d;
	return mock_kernel.supports(call, why ? why : &reason) ? &mock_kernel : NULL;
}

static const char *target_kernel(const struct target *target, const struct op_call *call,
				 const char **why)
{
	(void)target, (void)call;
	if (why)
		*why = "the mock device has no other";
	return NULL;
}

static void target_propose(const struct target *target, const struct op_call *call, enum layout *in,
			   enum layout *out)
{
	(void)target;
	memset(in, 0, call->n_in * sizeof *in);
	memset(out, 0, call->n_out * sizeof *out);
}

static const struct target *get_target(struct device *d)
{
	return &d->target;
}

static const char *describe(struct device *d)
{
	(void)d;
	return "mock device";
}

static uint64_t memory_total(struct device *d)
{
	(void)d;
	return MEMORY;
}

void mock_use_kernel(struct device *d, const struct kernel *kernel)
{
	d->kernel = kernel;
}

struct mock_counts mock_counts(const struct device *d)
{
	return d->counts;
}

/* ---- opening and closing ---- */

static enum status usable(int ordinal, struct error *err)
{
	(void)ordinal, (void)err;
	return OK;
}

static enum status open_device(const struct backend_options *options, struct device **out,
			       struct error *err)
{
	(void)err;
	struct device *d = mem_alloc(sizeof *d);
	d->seed = (uint64_t)options->ordinal;
	d->kernel = &kernel_reference;
	d->target = (struct target){ .kernel = target_kernel, .propose = target_propose };
	*out = d;
	return OK;
}

static void close_device(struct device *d)
{
	const struct {
		uint32_t n;
		const char *what;
	} left[] = {
		{ memory_live(d), "blocks of memory" },
		{ d->host_blocks.n, "blocks of host memory" },
		{ d->streams.n, "streams" },
		{ d->events, "events" },
		{ d->captures, "captures" },
		{ d->kernels, "kernels" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		if (left[i].n)
			misuse(d, "%u %s are left when it is closed", left[i].n, left[i].what);
	if (d->misused) {
		fprintf(stderr, "%s\n", d->error.text);
		abort();
	}
	if (d->space)
		munmap(d->space, DEVICE_SPACE);
	for (uint32_t i = 0; i < d->records.n; i++)
		free(d->records.v[i]);
	array_release(&d->records);
	array_release(&d->blocks);
	array_release(&d->host_blocks);
	array_release(&d->streams);
	free(d);
}

const struct backend backend_mock = {
	.name = "mock",
	.half = DT_F32,
	.usable = usable,
	.host_visible = false,
	.early_updates = true,
	.open = open_device,
	.close = close_device,
	.target = get_target,
	.describe = describe,
	.memory_total = memory_total,
	.kernel = find_kernel,
	.alloc = mock_alloc,
	.free = mock_free,
	.alloc_host = mock_alloc_host,
	.free_host = mock_free_host,
	.stream_new = mock_stream_new,
	.stream_free = mock_stream_free,
	.copy_in = mock_copy_in,
	.copy_out = mock_copy_out,
	.copy = mock_copy,
	.fill = mock_fill,
	.stream_wait = mock_stream_wait,
	.event_new = mock_event_new,
	.event_free = mock_event_free,
	.event_record = mock_event_record,
	.stream_wait_event = mock_stream_wait_event,
	.event_wait = mock_event_wait,
	.capture_begin = mock_capture_begin,
	.capture_end = mock_capture_end,
	.capture_launch = mock_capture_launch,
	.capture_free = mock_capture_free,
};
