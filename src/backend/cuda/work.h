/* work.h - streams, events, copies and captures of CUDA: the entries of struct backend. */
#ifndef ONNXTUNE_BACKEND_CUDA_WORK_H
#define ONNXTUNE_BACKEND_CUDA_WORK_H

#include "backend/backend.h"

#include <cuda_runtime_api.h>

/* What kernels are launched on. */
cudaStream_t work_handle(struct stream *stream);

/* Where a kernel, or work on the host, writes 1 when its input can't be: an index outside of its axis.
 * It must not touch memory for it; waiting for a stream or an event fails from then on. */
int *work_failed(struct stream *stream);

enum status work_stream_new(struct device *device, struct stream **out, struct error *err);
void work_stream_free(struct stream *stream);
enum status work_copy_in(struct stream *stream, void *dst, const void *host, size_t bytes);
enum status work_copy_out(struct stream *stream, void *host, const void *src, size_t bytes);
enum status work_copy(struct stream *stream, void *dst, const void *src, size_t bytes);
enum status work_fill(struct stream *stream, void *dst, int byte, size_t bytes);
enum status work_wait(struct stream *stream, struct error *err);
enum status work_event_new(struct device *device, struct event **out, struct error *err);
void work_event_free(struct event *event);
enum status work_event_record(struct event *event, struct stream *stream);
enum status work_wait_event(struct stream *stream, struct event *event);
enum status work_event_wait(struct event *event, struct error *err);
enum status work_capture_begin(struct stream *stream);
enum status work_capture_end(struct stream *stream, struct capture **out, struct error *err);
enum status work_capture_launch(struct capture *capture, struct stream *stream);
void work_capture_free(struct capture *capture);

#endif
