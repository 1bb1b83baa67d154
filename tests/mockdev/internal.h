/*
 * internal.h - the parts of the mock device (see mockdev.h): memory.c has the address space,
 * queue.c streams, events and captures, kernel.c runs kernels, device.c the rest.
 */
#ifndef ONNXTUNE_TESTS_MOCKDEV_INTERNAL_H
#define ONNXTUNE_TESTS_MOCKDEV_INTERNAL_H

#include "mockdev/mockdev.h"

#define DEVICE_SPACE ((size_t)4 << 30) /* range of device addresses */
#define POISON 0xFF                    /* bytes of NaNs in every floating type, of -1 in integers */

struct block {
	uintptr_t address; /* that the user sees */
	size_t bytes;
	uint8_t *memory; /* NULL: freed */
};

struct host_block {
	void *memory;
	size_t bytes;
};

struct device {
	uint64_t seed, draws;
	uint8_t *space; /* addresses without memory */
	size_t space_used;
	ARRAY(struct block) blocks; /* by rising address, freed ones too */
	ARRAY(struct host_block) host_blocks;
	ARRAY(struct stream *) streams;
	ARRAY(struct record *) records; /* until close: jobs and events point to them */
	uint32_t capturing;             /* streams that capture now */
	uint32_t events, captures, kernels;
	const struct kernel *kernel;
	struct target target;
	struct mock_counts counts;
	bool misused;
	struct error error; /* of the first misuse, or kernel that failed */
};

/* One call of event_record. */
struct record {
	bool done;
};

enum job_kind {
	JOB_COPY_IN,
	JOB_COPY_OUT,
	JOB_COPY,
	JOB_FILL,
	JOB_KERNEL,
	JOB_RECORD,
	JOB_WAIT,
};

/* What is queued; shared by a capture and the queues that it was launched into. */
struct job {
	enum job_kind kind;
	uint32_t refs;
	void *dst;
	const void *src;
	size_t bytes;
	int byte;     /* of a fill */
	bool watched; /* its host memory must not change until it runs */
	uint64_t sum; /* of that memory */
	struct record *record;
	struct mock_kernel *kernel;
	void **operands; /* inputs, outputs */
	void *workspace;
};

struct stream {
	struct device *device;
	struct capture *capture; /* being recorded */
	ARRAY(struct job *) jobs;
	uint32_t at; /* the next job to run */
	uint32_t priority;
};

/* Remembers the first misuse; returns ERR_INTERNAL. */
enum status misuse(struct device *device, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Remembers that work failed that was queued rightly. */
void work_failed(struct device *device, enum status status, const char *what);

/* ---- memory.c ---- */

enum status mock_alloc(struct device *device, size_t bytes, void **out, struct error *err);
void mock_free(struct device *device, void *p);
enum status mock_alloc_host(struct device *device, size_t bytes, void **out, struct error *err);
void mock_free_host(struct device *device, void *p);
/* The memory behind device addresses p[0..bytes), or NULL: a misuse. bytes > 0. */
uint8_t *memory_at(struct device *device, const void *p, size_t bytes, const char *what);
/* Whether it is a device address, allocated or not. */
bool memory_is_device(const struct device *device, const void *p);
uint32_t memory_live(const struct device *device);

/* ---- kernel.c ---- */

extern const struct kernel mock_kernel;
void kernel_job_run(struct device *device, const struct job *job);
void kernel_job_free(struct job *job);

/* ---- queue.c ---- */

/* Queues a zeroed job of that kind, or records it in the capture. */
struct job *queue_push(struct stream *stream, enum job_kind kind);
/* Whether queued work reads or writes the host memory. */
bool queue_uses_host(const struct device *device, const void *host, size_t bytes);

enum status mock_stream_new(struct device *device, struct stream **out, struct error *err);
void mock_stream_free(struct stream *stream);
enum status mock_copy_in(struct stream *stream, void *dst, const void *host, size_t bytes);
enum status mock_copy_out(struct stream *stream, void *host, const void *src, size_t bytes);
enum status mock_copy(struct stream *stream, void *dst, const void *src, size_t bytes);
enum status mock_fill(struct stream *stream, void *dst, int byte, size_t bytes);
enum status mock_stream_wait(struct stream *stream, struct error *err);
enum status mock_event_new(struct device *device, struct event **out, struct error *err);
void mock_event_free(struct event *event);
enum status mock_event_record(struct event *event, struct stream *stream);
enum status mock_stream_wait_event(struct stream *stream, struct event *event);
enum status mock_event_wait(struct event *event, struct error *err);
enum status mock_capture_begin(struct stream *stream);
enum status mock_capture_end(struct stream *stream, struct capture **out, struct error *err);
enum status mock_capture_launch(struct capture *capture, struct stream *stream);
void mock_capture_free(struct capture *capture);

#endif
