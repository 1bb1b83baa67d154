/*
 * test_runtime.c - the simulated runtime: right use gives right results in every order of streams,
 * forbidden calls get CUDA's errors, and each planted fault is noticed.
 */
#include "cudasim/bed.h"
#include "cudasim/cudasim.h"
#include "cudasim/dies.h"
#include "cudasim/kernels.h"

#include <math.h>
#include <stdlib.h>

#define N 5
#define BYTES (N * sizeof(float))

static const float values[N] = { 1, 2, 3, 4, 5 };

static void test_devices(void **state)
{
	(void)state;
	struct cudaDeviceProp prop;
	struct cudasim_devices none = { .count = 0 }, one = { 1, 9, 0, 1000 };
	int count = -7;
	cudasim_set_devices(&none);
	assert_int_equal(cudaGetDeviceCount(&count), cudaErrorNoDevice);
	assert_int_equal(count, -7);
	assert_int_equal(cudaPeekAtLastError(), cudaErrorNoDevice);
	assert_int_equal(cudaGetLastError(), cudaErrorNoDevice);
	assert_int_equal(cudaGetLastError(), cudaSuccess);
	cudasim_set_devices(&one);
	assert_ok(cudaGetDeviceCount(&count));
	assert_int_equal(count, 1);
	assert_int_equal(cudaSetDevice(1), cudaErrorInvalidDevice);
	assert_ok(cudaGetDeviceProperties(&prop, 0));
	assert_int_equal(prop.major, 9);
	assert_string_equal(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory");
	/* and its 1000 bytes */
	void *p = bed_alloc(600), *q;
	assert_int_equal(cudaMalloc(&q, 401), cudaErrorMemoryAllocation);
	assert_int_equal(cudaGetLastError(), cudaErrorMemoryAllocation);
	assert_int_equal(cudasim_memory_used(), 600);
	assert_int_equal((uintptr_t)p % 256, 0);
	q = bed_alloc(400);
	assert_ok(cudaFree(p));
	assert_ok(cudaFree(q));
	assert_ok(cudaFree(NULL));
	one.memory = (size_t)1 << 30;
	cudasim_set_devices(&one);
}

/* What is queued runs at the wait, not before; results are those of the order in the stream. */
static void test_late(void **state)
{
	(void)state;
	float *pinned, out[N];
	cudaStream_t stream = bed_stream();
	float *x = bed_upload(values, BYTES, stream), *y = bed_alloc(BYTES);
	assert_ok(cudaMallocHost((void **)&pinned, BYTES));
	assert_true(isnan(pinned[4])); /* new memory */
	assert_ok(cudaMemsetAsync(y, 0, BYTES, stream));
	launch_axpy(2, x, y, N, stream);
	launch_axpy(1, y, y, N, stream);
	memset(pinned, 0, BYTES);
	assert_ok(cudaMemcpyAsync(pinned, y, BYTES, cudaMemcpyDeviceToHost, stream));
	assert_true(isnan(pinned[0])); /* not there yet */
	struct cudasim_counts before = cudasim_counts();
	assert_ok(cudaStreamSynchronize(stream));
	assert_int_equal(cudasim_counts().kernels - before.kernels, 2);
	for (int i = 0; i < N; i++)
		assert_near(pinned[i], 4 * values[i], 0);
	/* Pageable memory of a copy in is read at once. */
	float changing[N] = { 7 };
	assert_ok(cudaMemcpyAsync(x, changing, BYTES, cudaMemcpyHostToDevice, stream));
	changing[0] = 8;
	bed_download(out, x, BYTES, stream);
	assert_near(out[0], 7, 0);
	assert_ok(cudaFreeHost(pinned));
	assert_ok(cudaFree(x));
	assert_ok(cudaFree(y));
	assert_ok(cudaStreamDestroy(stream));
}

/* Without a wait between two streams, both orders come about; with one, only the right one. */
static void test_orders(void **state)
{
	(void)state;
	cudaStream_t a = bed_stream(), b = bed_stream();
	cudaEvent_t event;
	assert_ok(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
	for (int with_event = 0; with_event < 2; with_event++) {
		int seen[2] = { 0 };
		for (uint64_t seed = 0; seed < 40; seed++) {
			float out[N];
			cudasim_seed(seed);
			float *x = bed_upload(values, BYTES, a), *y = bed_alloc(BYTES);
			assert_ok(cudaMemsetAsync(y, 0, BYTES, a));
			assert_ok(cudaStreamSynchronize(a));
			assert_ok(cudaMemsetAsync(x, 0, BYTES, a)); /* a: x = 0, b: y += x */
			if (with_event) {
				assert_ok(cudaEventRecord(event, a));
				assert_ok(cudaStreamWaitEvent(b, event, 0));
			}
			launch_axpy(1, x, y, N, b);
			bed_download(out, y, BYTES, b);
			assert_ok(cudaStreamSynchronize(a));
			seen[out[1] == 2]++;
			assert_ok(cudaFree(x));
			assert_ok(cudaFree(y));
		}
		assert_true(seen[0] > 5);
		assert_true(with_event ? !seen[1] : seen[1] > 5);
	}
	/* The host's wait for an event runs no more than needed, in some order. */
	int late = 0;
	for (uint64_t seed = 0; seed < 40; seed++) {
		cudasim_seed(seed);
		float *x = bed_upload(values, BYTES, a);
		assert_ok(cudaStreamSynchronize(a));
		struct cudasim_counts before = cudasim_counts();
		assert_ok(cudaEventRecord(event, a));
		assert_ok(cudaMemsetAsync(x, 0, BYTES, b));
		assert_ok(cudaEventSynchronize(event));
		late += cudasim_counts().copies == before.copies;
		assert_ok(cudaStreamSynchronize(b));
		assert_ok(cudaFree(x));
	}
	assert_in_range(late, 5, 35);
	assert_ok(cudaEventDestroy(event));
	assert_ok(cudaStreamDestroy(a));
	assert_ok(cudaStreamDestroy(b));
}

/* Only calls of libraries take time. Events tell when they were reached, if they are for it. */
static void test_times(void **state)
{
	(void)state;
	cudaStream_t stream = bed_stream();
	cudaEvent_t from, to, untimed;
	float ms = -1;
	assert_ok(cudaEventCreateWithFlags(&from, 0));
	assert_ok(cudaEventCreateWithFlags(&to, 0));
	assert_ok(cudaEventCreateWithFlags(&untimed, cudaEventDisableTiming));
	assert_int_equal(cudaEventElapsedTime(&ms, from, to), cudaErrorInvalidResourceHandle);
	float *x = bed_upload(values, BYTES, stream);
	assert_ok(cudaEventRecord(from, stream));
	launch_axpy(2, x, x, N, stream);
	assert_ok(cudaEventRecord(to, stream));
	assert_ok(cudaEventRecord(untimed, stream));
	assert_int_equal(cudaEventElapsedTime(&ms, from, to), cudaErrorNotReady);
	assert_ok(cudaEventSynchronize(untimed));
	assert_int_equal(cudaEventElapsedTime(&ms, from, untimed), cudaErrorInvalidResourceHandle);
	assert_near(ms, -1, 0);
	uint64_t before = cudasim_counts().timings;
	assert_ok(cudaEventElapsedTime(&ms, from, to));
	assert_near(ms, 0, 0);
	assert_int_equal(cudasim_counts().timings - before, 1);
	(void)cudaGetLastError();
	assert_ok(cudaFree(x));
	assert_ok(cudaEventDestroy(from));
	assert_ok(cudaEventDestroy(to));
	assert_ok(cudaEventDestroy(untimed));
	assert_ok(cudaStreamDestroy(stream));
}

static void add_host(void *argument)
{
	float *x = argument;
	for (int i = 0; i < N; i++)
		x[i] += 10;
}

static void test_host_function(void **state)
{
	(void)state;
	float *pinned, out[N];
	cudaStream_t stream = bed_stream();
	float *x = bed_upload(values, BYTES, stream);
	assert_ok(cudaMallocHost((void **)&pinned, BYTES));
	assert_ok(cudaMemcpyAsync(pinned, x, BYTES, cudaMemcpyDeviceToHost, stream));
	assert_ok(cudaLaunchHostFunc(stream, add_host, pinned));
	assert_ok(cudaMemcpyAsync(x, pinned, BYTES, cudaMemcpyHostToDevice, stream));
	bed_download(out, x, BYTES, stream);
	for (int i = 0; i < N; i++)
		assert_near(out[i], values[i] + 10, 0);
	assert_ok(cudaFreeHost(pinned));
	assert_ok(cudaFree(x));
	assert_ok(cudaStreamDestroy(stream));
}

/* A graph replays what was captured, with the arguments of then and the memory of now. */
static void test_graph(void **state)
{
	(void)state;
	float *pinned, out[N], factor = 2;
	cudaStream_t stream = bed_stream();
	cudaGraph_t graph;
	cudaGraphExec_t exec;
	float *x = bed_upload(values, BYTES, stream), *y = bed_alloc(BYTES);
	assert_ok(cudaMallocHost((void **)&pinned, BYTES));
	assert_ok(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
	assert_ok(cudaMemcpyAsync(y, pinned, BYTES, cudaMemcpyHostToDevice, stream));
	launch_axpy(factor, x, y, N, stream);
	assert_ok(cudaLaunchHostFunc(stream, add_host, pinned));
	assert_ok(cudaStreamEndCapture(stream, &graph));
	factor = 100;
	assert_ok(cudaGraphInstantiate(&exec, graph, 0));
	assert_ok(cudaGraphDestroy(graph));
	for (int round = 0; round < 3; round++) {
		memset(pinned, 0, BYTES);
		assert_ok(cudaGraphLaunch(exec, stream));
		bed_download(out, y, BYTES, stream);
		assert_near(out[4], 2 * values[4], 0);
		assert_near(pinned[4], 10, 0);
	}
	assert_int_equal(cudasim_counts().graphs, 3);
	assert_ok(cudaGraphExecDestroy(exec));
	assert_ok(cudaFreeHost(pinned));
	assert_ok(cudaFree(x));
	assert_ok(cudaFree(y));
	assert_ok(cudaStreamDestroy(stream));
}

/* Calls that CUDA forbids during a capture fail and spoil it. */
static void test_forbidden(void **state)
{
	(void)state;
	cudaStream_t stream = bed_stream();
	cudaEvent_t event;
	cudaGraph_t graph;
	void *memory = bed_alloc(BYTES), *p;
	assert_ok(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
	for (int i = 0; i < 5; i++) {
		assert_ok(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
		assert_ok(cudaMemsetAsync(memory, 0, BYTES, stream));
		cudaError_t code = i == 0   ? cudaMalloc(&p, 1)
				   : i == 1 ? cudaFree(memory)
				   : i == 2 ? cudaStreamSynchronize(stream)
				   : i == 3 ? cudaMallocHost(&p, 1)
					    : cudaEventSynchronize(event);
		assert_int_equal(code, cudaErrorStreamCaptureUnsupported);
		assert_int_equal(cudaMemsetAsync(memory, 0, BYTES, stream),
				 cudaErrorStreamCaptureInvalidated);
		assert_int_equal(cudaStreamEndCapture(stream, &graph),
				 cudaErrorStreamCaptureInvalidated);
		assert_null(graph);
	}
	assert_int_equal(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureUnmatched);
	assert_ok(cudaMemsetAsync(memory, 0, BYTES, stream));
	assert_ok(cudaStreamSynchronize(stream));
	cudaGetLastError();
	assert_ok(cudaEventDestroy(event));
	assert_ok(cudaFree(memory));
	assert_ok(cudaStreamDestroy(stream));
}

/* Reads of what was never written give NaNs, in every block that is allocated. */
static void test_unwritten(void **state)
{
	(void)state;
	float out[N];
	cudaStream_t stream = bed_stream();
	for (int round = 0; round < 3; round++) {
		float *x = bed_alloc(BYTES), *y = bed_upload(values, BYTES, stream);
		launch_axpy(1, x, y, N, stream);
		bed_download(out, y, BYTES, stream);
		for (int i = 0; i < N; i++)
			assert_true(isnan(out[i]));
		assert_ok(cudaFree(y));
		assert_ok(cudaFree(x));
	}
	assert_int_equal(cudasim_memory_used(), 0);
	assert_ok(cudaStreamDestroy(stream));
}

/* ---- planted faults; each runs in a process of its own ---- */

static void touch_on_host(void *argument)
{
	(void)argument;
	float *x = bed_alloc(BYTES);
	x[0] = 1;
	abort();
}

static void touch_in_host_function(void *argument)
{
	(void)argument;
	cudaStream_t stream = bed_stream();
	assert_ok(cudaLaunchHostFunc(stream, add_host, bed_alloc(BYTES)));
	cudaStreamSynchronize(stream);
	abort();
}

static void copy_after_free(void *argument)
{
	float out[N];
	cudaStream_t stream = bed_stream();
	float *x = bed_upload(values, BYTES, stream);
	cudaFree(x);
	bed_download(out, x, BYTES, stream);
	(void)argument;
}

static void kernel_after_free(void *argument)
{
	cudaStream_t stream = bed_stream();
	float *x = bed_upload(values, BYTES, stream);
	assert_ok(cudaStreamSynchronize(stream));
	launch_axpy(1, x, x, N, stream);
	cudaFree(x);
	cudaStreamSynchronize(stream);
	(void)argument;
}

static void copy_over_the_end(void *argument)
{
	float out[N];
	cudaStream_t stream = bed_stream();
	float *x = bed_upload(values, BYTES, stream);
	bed_download(out, x + 1, BYTES, stream);
	(void)argument;
}

static void change_before_the_copy(void *argument)
{
	float *pinned;
	cudaStream_t stream = bed_stream();
	float *x = bed_alloc(BYTES);
	assert_ok(cudaMallocHost((void **)&pinned, BYTES));
	assert_ok(cudaMemcpyAsync(x, pinned, BYTES, cudaMemcpyHostToDevice, stream));
	pinned[0] = 1;
	cudaStreamSynchronize(stream);
	(void)argument;
}

static void free_host_in_use(void *argument)
{
	float *pinned;
	cudaStream_t stream = bed_stream();
	float *x = bed_alloc(BYTES);
	assert_ok(cudaMallocHost((void **)&pinned, BYTES));
	assert_ok(cudaMemcpyAsync(x, pinned, BYTES, cudaMemcpyHostToDevice, stream));
	cudaFreeHost(pinned);
	(void)argument;
}

static void wrong_direction(void *argument)
{
	cudaStream_t stream = bed_stream();
	float *x = bed_alloc(BYTES);
	assert_ok(cudaMemcpyAsync(x, values, BYTES, cudaMemcpyDeviceToDevice, stream));
	cudaStreamSynchronize(stream);
	(void)argument;
}

static void free_twice(void *argument)
{
	float *x = bed_alloc(BYTES);
	cudaFree(x);
	cudaFree(x);
	(void)argument;
}

static void default_stream(void *argument)
{
	cudaMemsetAsync(bed_alloc(BYTES), 0, BYTES, NULL);
	(void)argument;
}

static void leave_memory(void *argument)
{
	bed_alloc(BYTES);
	(void)argument;
}

static void leave_stream(void *argument)
{
	bed_stream();
	(void)argument;
}

static void test_faults(void **state)
{
	(void)state;
	static const struct {
		void (*function)(void *argument);
		const char *text;
	} cases[] = {
		{ touch_in_host_function, "no message" },
		{ copy_after_free, "memory that was freed" },
		{ kernel_after_free, "memory that was freed, in axpy, block (0,0,0)" },
		{ copy_over_the_end, "3 bytes over the end of 20 bytes of device memory" },
		{ change_before_the_copy, "was changed before the stream ran it" },
		{ free_host_in_use, "freed while a queued copy uses it" },
		{ wrong_direction, "direction" },
		{ free_twice, "freed twice" },
		{ default_stream, "default stream" },
		{ leave_memory, "1 blocks of memory, 20 bytes" },
		{ leave_stream, "1 streams" },
		{ touch_on_host, "no message" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_dies(cases[i].function, NULL, cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_devices),       cmocka_unit_test(test_late),
		cmocka_unit_test(test_times),         cmocka_unit_test(test_orders),
		cmocka_unit_test(test_host_function), cmocka_unit_test(test_graph),
		cmocka_unit_test(test_forbidden),     cmocka_unit_test(test_unwritten),
		cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
