/*
 * work.c - streams, events, copies and captures (see work.h), each one call of the runtime. A
 * captured program is a CUDA graph: kernels, copies and calls on the host are launched as one.
 */
#include "backend/cuda/work.h"
#include "backend/cuda/cuda.h"

#include <stdlib.h>

cudaStream_t work_handle(struct stream *stream)
{
	return stream->handle;
}

int *work_failed(struct stream *stream)
{
	return stream->device->failed;
}

struct event {
	struct device *device;
	cudaEvent_t handle;
};

struct capture {
	cudaGraphExec_t exec;
};

enum status work_stream_new(struct device *device, struct stream **out, struct error *err)
{
	cudaStream_t handle;
	cudaError_t code = cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking);
	if (code != cudaSuccess)
		return cuda_failed(err, code, "a stream");
	*out = mem_alloc(sizeof **out);
	**out = (struct stream){ .device = device, .handle = handle };
	return OK;
}

void work_stream_free(struct stream *stream)
{
	cudaStreamDestroy(stream->handle);
	free(stream);
}

static enum status copy(struct stream *stream, void *dst, const void *src, size_t bytes,
			enum cudaMemcpyKind kind)
{
	return bytes ? cuda_status(cudaMemcpyAsync(dst, src, bytes, kind, stream->handle)) : OK;
}

enum status work_copy_in(struct stream *stream, void *dst, const void *host, size_t bytes)
{
	return copy(stream, dst, host, bytes, cudaMemcpyHostToDevice);
}

enum status work_copy_out(struct stream *stream, void *host, const void *src, size_t bytes)
{
	return copy(stream, host, src, bytes, cudaMemcpyDeviceToHost);
}

enum status work_copy(struct stream *stream, void *dst, const void *src, size_t bytes)
{
	return copy(stream, dst, src, bytes, cudaMemcpyDeviceToDevice);
}

enum status work_fill(struct stream *stream, void *dst, int byte, size_t bytes)
{
	return bytes ? cuda_status(cudaMemsetAsync(dst, byte, bytes, stream->handle)) : OK;
}

/* The status of having waited for work of the device. */
static enum status waited(const struct device *device, cudaError_t code, struct error *err)
{
	if (code != cudaSuccess)
		return cuda_failed(err, code, "work on the GPU");
	if (*(volatile int *)device->failed)
		return fail(err, ERR_INPUT,
			    "an operator met what it can't take: an index outside of its range?");
	return OK;
}

enum status work_wait(struct stream *stream, struct error *err)
{
	return waited(stream->device, cudaStreamSynchronize(stream->handle), err);
}

enum status work_event_new(struct device *device, struct event **out, struct error *err)
{
	cudaEvent_t handle;
	cudaError_t code = cudaEventCreateWithFlags(&handle, cudaEventDisableTiming);
	if (code != cudaSuccess)
		return cuda_failed(err, code, "an event");
	*out = mem_alloc(sizeof **out);
	**out = (struct event){ .device = device, .handle = handle };
	return OK;
}

void work_event_free(struct event *event)
{
	cudaEventDestroy(event->handle);
	free(event);
}

enum status work_event_record(struct event *event, struct stream *stream)
{
	return cuda_status(cudaEventRecord(event->handle, stream->handle));
}

enum status work_wait_event(struct stream *stream, struct event *event)
{
	return cuda_status(cudaStreamWaitEvent(stream->handle, event->handle, 0));
}

enum status work_event_wait(struct event *event, struct error *err)
{
	return waited(event->device, cudaEventSynchronize(event->handle), err);
}

enum status work_capture_begin(struct stream *stream)
{
	/* relaxed: libraries may load their code when it is first used */
	cudaError_t code = cudaStreamBeginCapture(stream->handle, cudaStreamCaptureModeRelaxed);
	if (code != cudaSuccess)
		(void)cudaGetLastError(); /* the caller goes on without a capture */
	return cuda_status(code);
}

enum status work_capture_end(struct stream *stream, struct capture **out, struct error *err)
{
	cudaGraph_t graph;
	cudaGraphExec_t exec;
	cudaError_t code = cudaStreamEndCapture(stream->handle, &graph);
	if (code == cudaSuccess) {
		code = cudaGraphInstantiate(&exec, graph, 0);
		cudaGraphDestroy(graph);
	}
	if (code != cudaSuccess)
		return cuda_failed(err, code, "a program can't be captured");
	*out = mem_alloc(sizeof **out);
	(*out)->exec = exec;
	return OK;
}

enum status work_capture_launch(struct capture *capture, struct stream *stream)
{
	return cuda_status(cudaGraphLaunch(capture->exec, stream->handle));
}

void work_capture_free(struct capture *capture)
{
	cudaGraphExecDestroy(capture->exec);
	free(capture);
}
