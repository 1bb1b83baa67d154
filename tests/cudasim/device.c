/*
 * device.c - the simulated runtime's devices and errors, the random numbers of the
 * simulation, and the report at the end of the process of what was not given back.
 */
#include "cudasim/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cudasim_devices devices = { .count = 1, .major = 8, .memory = (size_t)1 << 30 };
static cudaError_t last_error;
static uint64_t random_state;
static bool random_set;
static int things[THING_COUNT];
static struct {
	enum cudasim_failing failing;
	uint64_t left; /* calls until the one that fails */
	const char *failed;
} failures;
struct cudasim_counts sim_counts;
struct cudasim_costs sim_costs;

void sim_fatal(const char *fmt, ...)
{
	const struct job *job = sim_queue_current();
	char where[128] = "";
	va_list args;
	fprintf(stderr, "cudasim: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	sim_fiber_describe(where, sizeof where);
	if (job)
		fprintf(stderr, ", in %s%s%s", job->name, *where ? ", " : "", where);
	fputc('\n', stderr);
	sim_fault_unwatch();
	abort();
}

cudaError_t sim_error(cudaError_t code)
{
	if (code != cudaSuccess)
		last_error = code;
	return code;
}

void *sim_alloc(size_t bytes)
{
	void *p = calloc(1, bytes ? bytes : 1);
	if (!p)
		sim_fatal("no memory");
	return p;
}

/* ---- random numbers: splitmix64 ---- */

void cudasim_seed(uint64_t seed)
{
	random_state = seed;
	random_set = true;
}

uint32_t sim_draw(void)
{
	if (!random_set) {
		const char *seed = getenv("CUDASIM_SEED");
		cudasim_seed(seed ? strtoull(seed, NULL, 0) : 0);
	}
	uint64_t x = random_state += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return (uint32_t)(x >> 32);
}

/* ---- what is left at the end ---- */

static void report_left(void)
{
	static const char *const names[THING_COUNT] = {
		[THING_STREAM] = "streams",
		[THING_EVENT] = "events",
		[THING_GRAPH] = "graphs",
		[THING_GRAPH_EXEC] = "executable graphs",
		[THING_LIBRARY] = "libraries of kernels",
		[THING_CUBLAS] = "cuBLASLt handles",
		[THING_CUBLAS_DESCRIPTOR] = "cuBLASLt descriptors",
		[THING_CUDNN] = "cuDNN handles",
		[THING_CUDNN_DESCRIPTOR] = "cuDNN descriptors",
		[THING_PROGRAM] = "NVRTC programs",
	};
	size_t blocks, bytes;
	bool left = false;
	sim_memory_left(&blocks, &bytes);
	if (blocks) {
		fprintf(stderr, "cudasim: left at the end: %zu blocks of memory, %zu bytes\n",
			blocks, bytes);
		left = true;
	}
	for (int i = 0; i < THING_COUNT; i++)
		if (things[i]) {
			fprintf(stderr, "cudasim: left at the end: %d %s\n", things[i], names[i]);
			left = true;
		}
	if (left) {
		fflush(NULL);
		_exit(98);
	}
}

int cudasim_left(void)
{
	size_t blocks, bytes;
	sim_memory_left(&blocks, &bytes);
	int left = (int)blocks;
	for (int i = 0; i < THING_COUNT; i++)
		left += things[i];
	return left;
}

void sim_made(enum sim_thing thing)
{
	static bool registered;
	if (!registered)
		registered = atexit(report_left) == 0;
	if (thing != THING_COUNT)
		things[thing]++;
}

void sim_gone(enum sim_thing thing)
{
	things[thing]--;
}

/* ---- failures ---- */

void cudasim_fail(enum cudasim_failing failing, uint64_t n)
{
	failures.failing = failing;
	failures.left = n;
	failures.failed = NULL;
}

const char *cudasim_failed(void)
{
	return failures.failed;
}

bool sim_fails(const char *function, bool allocates)
{
	if (failures.failed)
		return failures.failing == CUDASIM_LOST;
	if (failures.failing == CUDASIM_NONE ||
	    (failures.failing == CUDASIM_MEMORY && !allocates) || --failures.left)
		return false;
	failures.failed = function;
	if (failures.failing == CUDASIM_LOST)
		sim_queue_lose();
	return true;
}

/* ---- the runtime's functions ---- */

void cudasim_set_devices(const struct cudasim_devices *new_devices)
{
	devices = *new_devices;
}

void cudasim_set_costs(const struct cudasim_costs *costs)
{
	sim_costs = *costs;
}

struct cudasim_counts cudasim_counts(void)
{
	return sim_counts;
}

size_t sim_memory_limit(void)
{
	return devices.memory;
}

cudaError_t cudaGetDeviceCount(int *count)
{
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	if (!devices.count) /* and the count stays unwritten */
		return sim_error(cudaErrorNoDevice);
	*count = devices.count;
	return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	return sim_error(device < 0 || device >= devices.count ? cudaErrorInvalidDevice
							       : cudaSuccess);
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *prop, int device)
{
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	if (device < 0 || device >= devices.count)
		return sim_error(cudaErrorInvalidDevice);
	*prop = (struct cudaDeviceProp){
		.name = "simulated GPU",
		.major = devices.major,
		.minor = devices.minor,
		.multiProcessorCount = 4,
		.totalGlobalMem = devices.memory,
		.sharedMemPerBlock = 48 << 10,
	};
	return cudaSuccess;
}

cudaError_t cudaGetLastError(void)
{
	cudaError_t code = last_error;
	last_error = cudaSuccess;
	return code;
}

cudaError_t cudaPeekAtLastError(void)
{
	return last_error;
}

#define ERRORS(X)                                                                                  \
	X(cudaSuccess, "no error")                                                                 \
	X(cudaErrorInvalidValue, "invalid argument")                                               \
	X(cudaErrorMemoryAllocation, "out of memory")                                              \
	X(cudaErrorInvalidConfiguration, "invalid configuration argument")                         \
	X(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy")                    \
	X(cudaErrorNoDevice, "no CUDA-capable device is detected")                                 \
	X(cudaErrorInvalidDevice, "invalid device ordinal")                                        \
	X(cudaErrorInvalidKernelImage, "device kernel image is invalid")                           \
	X(cudaErrorInvalidResourceHandle, "invalid resource handle")                               \
	X(cudaErrorSymbolNotFound, "named symbol not found")                                       \
	X(cudaErrorLaunchFailure, "unspecified launch failure")                                    \
	X(cudaErrorNotReady, "device not ready")                                                   \
	X(cudaErrorNotSupported, "operation not supported")                                        \
	X(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing")   \
	X(cudaErrorStreamCaptureInvalidated,                                                       \
	  "operation failed due to a previous error during capture")                               \
	X(cudaErrorStreamCaptureUnmatched, "capture was not initiated in this stream")             \
	X(cudaErrorStreamCaptureImplicit,                                                          \
	  "operation would make the legacy stream depend on a capturing blocking stream")

#define AS_ENTRY(code, text) { code, text },
static const struct {
	cudaError_t code;
	const char *text;
} errors[] = { ERRORS(AS_ENTRY) };

const char *cudaGetErrorString(cudaError_t error)
{
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].code == error)
			return errors[i].text;
	return "unrecognized error code";
}
