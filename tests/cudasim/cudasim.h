/*
 * cudasim.h - look-alikes of CUDA's libraries for machines without a GPU, and how tests steer them.
 * The backend's own sources and kernels run on it; its headers are in include/, kernels see shim.h.
 *
 * Like tests/mockdev it takes every freedom that CUDA leaves to a device:
 *  - Nothing runs before the host waits. Then streams run in an order drawn at random, as events
 *    allow: perhaps only what the wait is for, perhaps everything else before it.
 *  - Threads of a block run in random order between barriers. Shared memory is full of NaNs when a
 *    block starts, so is new memory of the device and of cudaMallocHost, and host memory between a
 *    copy out and the wait. Lanes that take no part in an exchange of a warp give NaNs.
 *  - Device memory can be touched only by simulated work: for the host it is not accessible. A block
 *    ends at an inaccessible page (but for the bytes up to a multiple of 256, which are checked after
 *    each kernel) and its addresses are never given out again.
 *  - Captured work runs with the arguments that it had when it was captured.
 *
 * Wrong use that CUDA reports gets CUDA's error. Wrong use that CUDA leaves undefined ends the
 * process with one line on stderr that starts with "cudasim: " and says which kernel did it:
 *  - access to memory that is freed, was never allocated or lies over an end; misaligned access;
 *  - barriers and exchanges that some threads of a block or warp do not reach, or reach elsewhere;
 *  - host memory of a copy that changes before the stream has run the copy;
 *  - work on the default stream, which the backend never uses;
 *  - what is left at the end of the process: memory, streams, events, graphs, handles.
 *
 * Stricter than CUDA: memory must not be freed while queued work uses it, and streams that capture
 * take no events.
 */
#ifndef ONNXTUNE_TESTS_CUDASIM_H
#define ONNXTUNE_TESTS_CUDASIM_H

#include <stddef.h>
#include <stdint.h>

/* The order of streams and threads from now on (the environment's CUDASIM_SEED, or 0, before). */
void cudasim_seed(uint64_t seed);

/* What cudaGetDeviceCount and cudaGetDeviceProperties tell. Preset: 1 device 8.0 with 1 GiB. */
struct cudasim_devices {
	int count;
	int major, minor;
	size_t memory; /* of each device */
};
void cudasim_set_devices(const struct cudasim_devices *devices);

/* What the simulated cuDNN has for a graph: all in the heuristic's list, in this order but that
 * ENGINE_UNSUPPORTED is the first, and ENGINE_PLAIN before ENGINE_WORKSPACE for depthwise ones. */
enum {
	ENGINE_WORKSPACE,        /* wants a workspace */
	ENGINE_PLAIN,            /* does not, has no tensor cores, and its ReLU hands a NaN on */
	ENGINE_NONDETERMINISTIC, /* of gradients: last bits differ from run to run */
	ENGINE_UNSUPPORTED,      /* no plan can be made */
	ENGINES,
};
/* And cuBLASLt for a product. */
enum { ALGORITHM_WORKSPACE, ALGORITHM_PLAIN, ALGORITHMS };

struct cudasim_counts {
	uint64_t kernels;   /* kernels that ran, of kernels/ and compiled at run time */
	uint64_t libraries; /* calls of cuBLASLt and cuDNN that ran */
	uint64_t engines[ENGINES], algorithms[ALGORITHMS]; /* the same by what computed them */
	uint64_t timings;  /* times that were asked for (cudaEventElapsedTime) */
	uint64_t copies;   /* copies and fills that ran */
	uint64_t hosts;    /* host functions that ran */
	uint64_t captures; /* graphs that were made ready for launches */
	uint64_t graphs;   /* launches of graphs */
	uint64_t direct;   /* kernels, calls and host functions that ran outside graphs */
	uint64_t streams;  /* times that the host waited for a stream */
	uint64_t events;   /* and for an event */
	uint64_t compiled; /* programs that the compiler ran for, not found in the cache */
};
struct cudasim_counts cudasim_counts(void);

/*
 * The milliseconds that calls of cuDNN and cuBLASLt take; nothing else takes time. Below 0: they are
 * refused when they are made. Preset: 0.
 */
struct cudasim_costs {
	float engines[ENGINES], algorithms[ALGORITHMS];
};
void cudasim_set_costs(const struct cudasim_costs *costs);

/*
 * Lets calls of CUDA's libraries fail that are right: of those that start, allocate, queue or wait, not
 * of those that give back, set attributes or tell something.
 */
enum cudasim_failing {
	CUDASIM_NONE,
	CUDASIM_CALL, /* one call, which then does nothing */
	CUDASIM_LOST, /* the device is lost: all later calls fail too, nothing that is queued runs */
	CUDASIM_MEMORY, /* one call that allocates memory: there is none */
};
/* Number n of these calls from now on fails (1: the next one). */
void cudasim_fail(enum cudasim_failing failing, uint64_t n);
/* The function whose call failed since cudasim_fail, the first one, or NULL. */
const char *cudasim_failed(void);

/* Things that are not given back now: memory, streams, handles and what else CUDA makes. */
int cudasim_left(void);

/* The bytes of device memory that are allocated now. */
size_t cudasim_memory_used(void);

#endif
