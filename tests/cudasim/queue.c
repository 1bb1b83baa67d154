/*
 * queue.c - streams and events of the simulated runtime. Jobs wait in queues until the host waits;
 * then streams take turns by priorities that are drawn anew now and then: one may run long before or
 * long after another, as far as events allow.
 */
#include "cudasim/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_record {
	uint32_t refs;
	bool done;
	double ms; /* when it was */
};

struct CUstream_st {
	struct job_list jobs, captured;
	bool capturing, spoilt;
	uint32_t priority;
};

struct CUevent_st {
	struct sim_record *record; /* the newest, NULL: none yet */
	bool timed;
};

static struct {
	struct CUstream_st **v;
	size_t n, room;
	size_t host_jobs; /* host functions that wait to run */
	double ms;        /* that work has taken so far */
	const struct job *current;
} streams;

/* ---- jobs ---- */

static void record_drop(struct sim_record *record)
{
	if (record && !--record->refs)
		free(record);
}

void sim_job_drop(struct job *job)
{
	if (--job->refs)
		return;
	record_drop(job->record);
	if (job->drop)
		job->drop(job->argument);
	free(job->staged);
	free(job);
}

void sim_job_list_push(struct job_list *list, struct job *job)
{
	if (list->n == list->room) {
		list->room = list->room ? 2 * list->room : 64;
		list->v = realloc(list->v, list->room * sizeof(*list->v));
		if (!list->v)
			sim_fatal("no memory");
	}
	list->v[list->n++] = job;
}

void sim_job_list_release(struct job_list *list)
{
	while (list->at < list->n)
		sim_job_drop(list->v[list->at++]);
	free(list->v);
	*list = (struct job_list){ 0 };
}

static bool is_stream(cudaStream_t stream)
{
	for (size_t i = 0; i < streams.n; i++)
		if (streams.v[i] == stream)
			return true;
	return false;
}

static void check_stream(cudaStream_t stream)
{
	if (!stream)
		sim_fatal("work on the default stream");
	if (!is_stream(stream))
		sim_fatal("work on a stream that does not exist");
}

static bool can_capture(enum job_kind kind)
{
	return kind != JOB_RECORD && kind != JOB_WAIT;
}

struct job *sim_queue_push(cudaStream_t stream, enum job_kind kind, const char *name,
			   cudaError_t *code)
{
	check_stream(stream);
	if (stream->spoilt || (stream->capturing && !can_capture(kind))) {
		*code = sim_error(stream->spoilt ? cudaErrorStreamCaptureInvalidated
						 : cudaErrorStreamCaptureUnsupported);
		stream->spoilt = true;
		return NULL;
	}
	struct job *job = sim_alloc(sizeof *job);
	job->kind = kind;
	job->refs = 1;
	snprintf(job->name, sizeof job->name, "%s", name);
	job->captured = stream->capturing;
	if (job->captured)
		sim_job_list_push(&stream->captured, job);
	else
		sim_queue_append(stream, job);
	return job;
}

void sim_queue_append(cudaStream_t stream, struct job *job)
{
	streams.host_jobs += job->kind == JOB_HOST;
	sim_job_list_push(&stream->jobs, job);
}

cudaError_t sim_queue_call(cudaStream_t stream, const char *name, void (*run)(void *argument),
			   const void *argument, size_t size)
{
	cudaError_t code;
	struct job *job = sim_queue_push(stream, JOB_CALL, name, &code);
	if (!job)
		return code;
	job->run = run;
	job->argument = sim_alloc(size);
	memcpy(job->argument, argument, size);
	job->drop = free;
	return cudaSuccess;
}

/* The host memory of a copy, or NULL. */
static const void *host_of(const struct job *job)
{
	if (job->kind != JOB_COPY)
		return NULL;
	return job->direction == cudaMemcpyHostToDevice   ? job->src
	       : job->direction == cudaMemcpyDeviceToHost ? job->dst
							  : NULL;
}

bool sim_queue_uses_host(const void *p, size_t bytes)
{
	uintptr_t a = (uintptr_t)p;
	for (size_t i = 0; i < streams.n; i++) {
		const struct job_list *jobs = &streams.v[i]->jobs;
		for (size_t k = jobs->at; k < jobs->n; k++) {
			uintptr_t b = (uintptr_t)host_of(jobs->v[k]);
			if (b && a < b + jobs->v[k]->bytes && b < a + bytes)
				return true;
		}
	}
	return false;
}

void sim_queue_spend(float ms)
{
	streams.ms += (double)ms;
}

const struct job *sim_queue_current(void)
{
	return streams.current;
}

/* ---- running ---- */

/* FNV-1a */
static uint64_t sum(const void *p, size_t n)
{
	uint64_t x = 0xcbf29ce484222325;
	for (const uint8_t *b = p; n; n--)
		x = (x ^ *b++) * 0x100000001b3;
	return x;
}

static void copy_run(const struct job *job)
{
	enum memory_kind dst = sim_memory_kind(job->dst, job->bytes, "destination of a copy"),
			 src = sim_memory_kind(job->src, job->bytes, "source of a copy");
	bool to_device = job->direction == cudaMemcpyHostToDevice ||
			 job->direction == cudaMemcpyDeviceToDevice,
	     from_device = job->direction == cudaMemcpyDeviceToHost ||
			   job->direction == cudaMemcpyDeviceToDevice;
	if ((dst == MEMORY_DEVICE) != to_device || (src == MEMORY_DEVICE) != from_device)
		sim_fatal("a copy's direction is not that of its memory");
	if (job->watch && sum(job->watch, job->bytes) != job->sum)
		sim_fatal(
			"host memory of a copy %s the device was changed before the stream ran it",
			to_device ? "to" : "from");
	uintptr_t a = (uintptr_t)job->dst, b = (uintptr_t)job->src;
	if (a < b + job->bytes && b < a + job->bytes)
		sim_fatal("source and destination of a copy overlap");
	memcpy(job->dst, job->src, job->bytes);
	sim_counts.copies++;
}

static void job_run(struct job *job)
{
	bool computes = job->kind == JOB_KERNEL || job->kind == JOB_CALL || job->kind == JOB_HOST;
	sim_counts.direct += computes && !job->captured;
	streams.current = job;
	switch (job->kind) {
	case JOB_KERNEL:
		sim_fiber_run(job);
		sim_memory_check_gaps();
		sim_counts.kernels++;
		break;
	case JOB_CALL:
		job->run(job->argument);
		sim_memory_check_gaps();
		sim_counts.libraries++;
		break;
	case JOB_HOST:
		sim_memory_close();
		sim_fault_unwatch();
		job->run(job->argument);
		sim_fault_watch();
		sim_memory_open();
		streams.host_jobs--;
		sim_counts.hosts++;
		break;
	case JOB_COPY:
		copy_run(job);
		break;
	case JOB_FILL:
		sim_memory_check(job->dst, job->bytes, "destination of a fill");
		memset(job->dst, job->byte, job->bytes);
		sim_counts.copies++;
		break;
	case JOB_RECORD:
		job->record->done = true;
		job->record->ms = streams.ms;
		break;
	case JOB_WAIT:
		break;
	}
	streams.current = NULL;
}

static void draw_priorities(void)
{
	for (size_t i = 0; i < streams.n; i++)
		streams.v[i]->priority = sim_draw();
}

/* Forgets all work; captures end in errors. */
void sim_queue_lose(void)
{
	sim_queue_spoil_captures();
	for (size_t i = 0; i < streams.n; i++)
		sim_job_list_release(&streams.v[i]->jobs);
	streams.host_jobs = 0;
}

static bool ready(const struct CUstream_st *s)
{
	if (s->jobs.at == s->jobs.n)
		return false;
	const struct job *job = s->jobs.v[s->jobs.at];
	return job->kind != JOB_WAIT || job->record->done;
}

/* Runs one job of the stream of the highest priority that has one ready. */
static void run_one(void)
{
	struct CUstream_st *best = NULL;
	if (sim_draw() % 8 == 0)
		draw_priorities();
	for (size_t i = 0; i < streams.n; i++)
		if (ready(streams.v[i]) && (!best || streams.v[i]->priority > best->priority))
			best = streams.v[i];
	/* There is always one: a wait is queued after the record that it waits for. */
	if (!best)
		sim_fatal("streams wait for each other");
	struct job *job = best->jobs.v[best->jobs.at++];
	if (best->jobs.at == best->jobs.n)
		best->jobs.at = best->jobs.n = 0;
	job_run(job);
	sim_job_drop(job);
}

/* Runs work until the stream is empty, or the record done. */
static void run_until(const struct CUstream_st *stream, const struct sim_record *record)
{
	if (streams.current)
		sim_fatal("a host function waits for the device");
	if (stream ? stream->jobs.at == stream->jobs.n : record->done)
		return;
	draw_priorities();
	sim_memory_open();
	sim_fault_watch();
	while (stream ? stream->jobs.at < stream->jobs.n : !record->done)
		run_one();
	sim_fault_unwatch();
	sim_memory_close();
}

/* ---- captures (graph.c) ---- */

bool sim_queue_capturing(void)
{
	for (size_t i = 0; i < streams.n; i++)
		if (streams.v[i]->capturing)
			return true;
	return false;
}

void sim_queue_spoil_captures(void)
{
	for (size_t i = 0; i < streams.n; i++)
		streams.v[i]->spoilt = streams.v[i]->capturing;
}

bool sim_queue_stream_captures(cudaStream_t stream)
{
	check_stream(stream);
	return stream->capturing;
}

bool sim_queue_capture_begin(cudaStream_t stream)
{
	check_stream(stream);
	if (stream->capturing)
		return false;
	stream->capturing = true;
	return true;
}

enum capture_state sim_queue_capture_end(cudaStream_t stream, struct job_list *jobs)
{
	check_stream(stream);
	if (!stream->capturing)
		return CAPTURE_NONE;
	bool spoilt = stream->spoilt;
	stream->capturing = stream->spoilt = false;
	*jobs = stream->captured;
	stream->captured = (struct job_list){ 0 };
	return spoilt ? CAPTURE_SPOILT : CAPTURE_GOOD;
}

/* ---- the runtime's functions ---- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	if (flags != cudaStreamNonBlocking)
		sim_fatal("a stream that is not cudaStreamNonBlocking");
	struct CUstream_st *s = sim_alloc(sizeof *s);
	if (streams.n == streams.room) {
		streams.room = streams.room ? 2 * streams.room : 16;
		streams.v = realloc(streams.v, streams.room * sizeof(*streams.v));
		if (!streams.v)
			sim_fatal("no memory");
	}
	streams.v[streams.n++] = s;
	sim_made(THING_STREAM);
	*stream = s;
	return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
	check_stream(stream);
	if (stream->capturing)
		sim_fatal("a stream is destroyed while it captures");
	run_until(stream, NULL); /* CUDA destroys a stream once its work has run */
	sim_job_list_release(&stream->jobs);
	for (size_t i = 0; i < streams.n; i++)
		if (streams.v[i] == stream)
			streams.v[i] = streams.v[--streams.n];
	free(stream);
	if (!streams.n) {
		free(streams.v);
		streams.v = NULL;
		streams.room = 0;
	}
	sim_gone(THING_STREAM);
	return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
	check_stream(stream);
	if (SIM_FAILS()) {
		sim_queue_lose(); /* it was the work that failed */
		return sim_error(cudaErrorLaunchFailure);
	}
	if (stream->capturing) {
		stream->spoilt = true;
		return sim_error(cudaErrorStreamCaptureUnsupported);
	}
	sim_counts.streams++;
	run_until(stream, NULL);
	return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags)
{
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	if (flags & ~(unsigned)cudaEventDisableTiming)
		return sim_error(cudaErrorInvalidValue);
	*event = sim_alloc(sizeof **event);
	(*event)->timed = !(flags & cudaEventDisableTiming);
	sim_made(THING_EVENT);
	return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
	if (!event)
		return sim_error(cudaErrorInvalidResourceHandle);
	record_drop(event->record);
	free(event);
	sim_gone(THING_EVENT);
	return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
	cudaError_t code;
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	struct job *job = sim_queue_push(stream, JOB_RECORD, "cudaEventRecord", &code);
	if (!job)
		return code;
	record_drop(event->record);
	event->record = job->record = sim_alloc(sizeof *job->record);
	job->record->refs = 2;
	return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags)
{
	cudaError_t code;
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	if (flags)
		return sim_error(cudaErrorInvalidValue);
	if (!event->record)
		return cudaSuccess;
	struct job *job = sim_queue_push(stream, JOB_WAIT, "cudaStreamWaitEvent", &code);
	if (!job)
		return code;
	job->record = event->record;
	job->record->refs++;
	return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
	if (SIM_FAILS()) {
		sim_queue_lose(); /* it was the work that failed */
		return sim_error(cudaErrorLaunchFailure);
	}
	if (sim_queue_capturing()) {
		sim_queue_spoil_captures();
		return sim_error(cudaErrorStreamCaptureUnsupported);
	}
	sim_counts.events++;
	if (event->record)
		run_until(NULL, event->record);
	return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end)
{
	if (!start->timed || !end->timed || !start->record || !end->record)
		return sim_error(cudaErrorInvalidResourceHandle);
	if (!start->record->done || !end->record->done)
		return sim_error(cudaErrorNotReady);
	*ms = (float)(end->record->ms - start->record->ms);
	sim_counts.timings++;
	return cudaSuccess;
}

/*
 * Copies out fill the host memory with NaNs until they run. The host must leave its side of a copy
 * alone until then, which is checked where nothing else that is queued could change it. Pageable
 * memory of a copy in is read at once, as CUDA does, unless the copy is captured.
 */
cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind,
			    cudaStream_t stream)
{
	cudaError_t code;
	static const char *const names[] = { "copy on the host", "copy to the device",
					     "copy from the device", "copy on the device" };
	if ((unsigned)kind > cudaMemcpyDeviceToDevice)
		return sim_error(cudaErrorInvalidMemcpyDirection);
	if (!bytes)
		return cudaSuccess;
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	const void *host = kind == cudaMemcpyHostToDevice   ? src
			   : kind == cudaMemcpyDeviceToHost ? dst
							    : NULL;
	enum memory_kind host_kind = MEMORY_OTHER;
	if (host)
		host_kind = sim_memory_kind(host, bytes, "host memory of a copy");
	if (host_kind == MEMORY_DEVICE)
		sim_fatal("a copy's direction is not that of its memory");
	bool watched = host && !sim_queue_stream_captures(stream) && !streams.host_jobs &&
		       !sim_queue_uses_host(host, bytes);
	struct job *job = sim_queue_push(stream, JOB_COPY, names[kind], &code);
	if (!job)
		return code;
	job->dst = dst;
	job->src = src;
	job->bytes = bytes;
	job->direction = kind;
	if (kind == cudaMemcpyHostToDevice && host_kind == MEMORY_OTHER && !stream->capturing) {
		job->staged = sim_alloc(bytes);
		memcpy(job->staged, src, bytes);
		job->src = job->staged;
		return cudaSuccess;
	}
	if (watched && kind == cudaMemcpyDeviceToHost)
		memset(dst, POISON, bytes);
	if (watched) {
		job->watch = host;
		job->sum = sum(host, bytes);
	}
	return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t stream)
{
	cudaError_t code;
	if (!bytes)
		return cudaSuccess;
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	struct job *job = sim_queue_push(stream, JOB_FILL, "fill", &code);
	if (!job)
		return code;
	job->dst = p;
	job->byte = value;
	job->bytes = bytes;
	return cudaSuccess;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t fn, void *argument)
{
	cudaError_t code;
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	struct job *job = sim_queue_push(stream, JOB_HOST, "host function", &code);
	if (!job)
		return code;
	job->run = fn;
	job->argument = argument;
	return cudaSuccess;
}
