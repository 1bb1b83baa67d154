/*
 * internal.h - the parts of the simulated CUDA (see cudasim.h): memory.c has the addresses, queue.c
 * streams and events, graph.c captures, fiber.c runs kernels, fault.c explains faults, device.c is
 * the rest of the runtime. cublas.c, cudnn_*.c and nvrtc.c are the other libraries; they queue their
 * work as calls.
 *
 * There is one state for the process, as in CUDA, and no lock: the project queues work from one
 * thread.
 */
#ifndef ONNXTUNE_TESTS_CUDASIM_INTERNAL_H
#define ONNXTUNE_TESTS_CUDASIM_INTERNAL_H

#include "cudasim/cudasim.h"

#include <cuda_runtime_api.h>

#include <stdbool.h>
#include <stdint.h>

#define POISON 0xFF /* bytes of NaNs in every floating type, of -1 in integers */

struct sim_record; /* one call of cudaEventRecord */

enum job_kind {
	JOB_KERNEL,
	JOB_CALL, /* of a library: run on the host, on device memory */
	JOB_HOST, /* cudaLaunchHostFunc: device memory is out of reach */
	JOB_COPY,
	JOB_FILL,
	JOB_RECORD,
	JOB_WAIT,
};

/* What is queued; shared by graphs and the queues that they were launched into. */
struct job {
	enum job_kind kind;
	uint32_t refs;
	bool captured;
	char name[96]; /* for people: kernel, library call */
	/* JOB_KERNEL, JOB_CALL, JOB_HOST: run(argument), for a kernel once a thread. */
	void (*run)(void *argument);
	void *argument;
	void (*drop)(void *argument); /* NULL: argument is none of the job's */
	dim3 grid, block;
	size_t shared;
	/* JOB_COPY, JOB_FILL */
	void *dst;
	const void *src;
	size_t bytes;
	enum cudaMemcpyKind direction;
	int byte;
	void *staged;      /* copy of pageable memory, which src points to */
	const void *watch; /* host memory that must not change until the job runs, or NULL */
	uint64_t sum;      /* of that memory */
	struct sim_record *record;
};

struct job_list {
	struct job **v;
	size_t n, at, room; /* at: the next to run */
};

/* ---- device.c ---- */

/* Says what was done wrong, and by which work, and ends the process. */
_Noreturn void sim_fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Remembers an error for cudaGetLastError; returns it. */
cudaError_t sim_error(cudaError_t code);
uint32_t sim_draw(void);       /* random */
void *sim_alloc(size_t bytes); /* zeroed metadata; never NULL */
extern struct cudasim_counts sim_counts;
extern struct cudasim_costs sim_costs;
/* Whether a call has to fail (cudasim_fail): asked by each that can for reasons of the device. */
bool sim_fails(const char *function, bool allocates);
#define SIM_FAILS() sim_fails(__func__, false)
/* Counts things that must be given back before the process ends. */
enum sim_thing {
	THING_STREAM,
	THING_EVENT,
	THING_GRAPH,
	THING_GRAPH_EXEC,
	THING_LIBRARY,
	THING_CUBLAS,
	THING_CUBLAS_DESCRIPTOR,
	THING_CUDNN,
	THING_CUDNN_DESCRIPTOR,
	THING_PROGRAM,
	THING_COUNT,
};
void sim_made(enum sim_thing thing);
void sim_gone(enum sim_thing thing);

/* ---- memory.c ---- */

enum memory_kind { MEMORY_DEVICE, MEMORY_PINNED, MEMORY_OTHER };
/* What p[0..bytes) is. Bytes that leave a block of device or pinned memory are fatal. */
enum memory_kind sim_memory_kind(const void *p, size_t bytes, const char *what);
/* Fatal unless p[0..bytes) is live device memory. */
void sim_memory_check(const void *p, size_t bytes, const char *what);
/* Device memory can be touched between these. */
void sim_memory_open(void);
void sim_memory_close(void);
/* After work: fatal if it wrote into the gap at the end of a block. */
void sim_memory_check_gaps(void);
/* Explains an address for a fault: "3 bytes over the end of 20 bytes of device memory". */
void sim_memory_describe(const void *p, char *text, size_t size);
size_t sim_memory_limit(void);
/* Number and bytes of live blocks, of device and pinned memory. */
void sim_memory_left(size_t *blocks, size_t *bytes);

/* ---- queue.c ---- */

/* Whether any stream captures. */
bool sim_queue_capturing(void);
/* Any stream's capture ends in an error, as after a call that is forbidden meanwhile. */
void sim_queue_spoil_captures(void);
/* A new zeroed job on the stream, or in its capture. NULL: *code says why not. */
struct job *sim_queue_push(cudaStream_t stream, enum job_kind kind, const char *name,
			   cudaError_t *code);
void sim_queue_append(cudaStream_t stream, struct job *job); /* takes over a reference */
void sim_job_drop(struct job *job);
void sim_job_list_push(struct job_list *list, struct job *job);
void sim_job_list_release(struct job_list *list); /* drops the jobs that have not run */
/* Whether queued work reads or writes the host memory. */
bool sim_queue_uses_host(const void *p, size_t bytes);
/* The work that runs now, or NULL. */
const struct job *sim_queue_current(void);
/* The device is lost: nothing that is queued runs. */
void sim_queue_lose(void);
/* Time passes: for work, while it runs. */
void sim_queue_spend(float ms);
/* Queues the call of a library. The argument is copied; cudaSuccess or why not. */
cudaError_t sim_queue_call(cudaStream_t stream, const char *name, void (*run)(void *argument),
			   const void *argument, size_t size);
/* A stream's capture: begin is false when it captures already; end gives NULL when spoilt. */
bool sim_queue_capture_begin(cudaStream_t stream);
enum capture_state { CAPTURE_NONE, CAPTURE_GOOD, CAPTURE_SPOILT };
enum capture_state sim_queue_capture_end(cudaStream_t stream, struct job_list *jobs);
bool sim_queue_stream_captures(cudaStream_t stream);

/* ---- fiber.c ---- */

/* A kernel that was loaded (library.c); cudaKernel_t points to one. */
struct sim_kernel {
	char name[96];
	void (*run)(void *argument);
	size_t size; /* of the argument */
};

/* Runs all threads of a kernel. */
void sim_fiber_run(const struct job *job);
/* "block (0,0,0), thread (3,0,0)" of the thread that runs, or an empty text. */
void sim_fiber_describe(char *text, size_t size);

/* ---- fault.c ---- */

/* While simulated work runs, faults are explained before they end the process. */
void sim_fault_watch(void);
void sim_fault_unwatch(void);

#endif
