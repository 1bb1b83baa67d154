/*
 * device.c - the CPU as a device (see cpu.h). Memory is host memory, a stream runs what is queued
 * at once, so events have nothing to wait for and captures nothing to record.
 */
#include "backend/cpu/dnn.h"
#include "backend/cpu/loop.h"
#include "backend/cpu/pointwise.h"
#include "base/machine.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bytes that are worth asking the system for their pages, and worth another thread for that. */
#define PAGES_WORTH (1 << 16)
#define PAGES_GRAIN (1 << 20)
#define LARGE_PAGE ((size_t)2 << 20)

struct stream {
	struct device *device;
};

struct event {
	char unused;
};

static const struct kernel *find_kernel(const struct op_call *call, const char **why)
{
	const struct kernel *k = kernel_find(cpu_kernel_table, call, why);
	if (k)
		return k;
	const char *reason;
	return kernel_reference.supports(call, why ? why : &reason) ? &kernel_reference : NULL;
}

static enum fusible target_fusible(const struct target *target, const struct op_call *call)
{
	(void)target;
	return pointwise_fusible(call);
}

static const char *target_kernel(const struct target *target, const struct op_call *call,
				 const char **why)
{
	(void)target;
	const struct kernel *k = kernel_find(cpu_kernel_table, call, why);
	return k ? k->name : NULL;
}

static void target_propose(const struct target *target, const struct op_call *call, enum layout *in,
			   enum layout *out)
{
	(void)target;
	kernel_propose(cpu_kernel_table, call, in, out);
}

static enum status cpu_usable(int ordinal, struct error *err)
{
	(void)ordinal, (void)err;
	return OK;
}

static enum status cpu_open(const struct backend_options *options, struct device **out,
			    struct error *err)
{
	struct dnn *dnn;
	TRY(dnn_open(&dnn, err));
	struct device *d = mem_alloc(sizeof *d);
	*d = (struct device){ .threads = options->threads, .dnn = dnn };
	if (d->threads <= 0)
		d->threads = omp_get_num_procs();
	omp_set_num_threads(d->threads);
	d->target = (struct target){ .kernel = target_kernel,
				     .propose = target_propose,
				     .fusible = target_fusible };
	const char *simd = __builtin_cpu_supports("avx512f") ? "AVX-512"
			   : __builtin_cpu_supports("avx2")  ? "AVX2"
							     : "SSE2";
	snprintf(d->description, sizeof d->description, "CPU, %d thread%s, %s%s", d->threads,
		 d->threads == 1 ? "" : "s", simd, dnn_supports(DT_BF16) ? ", bfloat16" : "");
	*out = d;
	return OK;
}

static void cpu_close(struct device *device)
{
	dnn_close(device->dnn);
	free(device);
}

static const struct target *cpu_target(struct device *device)
{
	return &device->target;
}

static const char *cpu_describe(struct device *device)
{
	return device->description;
}

static uint64_t cpu_memory_total(struct device *device)
{
	(void)device;
	return machine_memory();
}

static const struct kernel *cpu_kernel(struct device *device, const struct op_call *call,
				       const char **why)
{
	(void)device;
	return find_kernel(call, why);
}

#ifdef MADV_POPULATE_WRITE /* Linux 5.14 */
static void take_pages(const void *ctx, int64_t begin, int64_t end)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)ctx + (size_t)begin) & ~(page - 1);
	uintptr_t to = ((uintptr_t)ctx + (size_t)end) & ~(page - 1);
	madvise((void *)from, to - from, MADV_POPULATE_WRITE);
}
#endif

/*
 * Large blocks are asked for in large pages: to look up the place of small ones takes up to a quarter of
 * a step on a virtual machine.
 */
static enum status take_block(size_t bytes, void **out, struct error *err)
{
	if (bytes < LARGE_PAGE || bytes > SIZE_MAX - LARGE_PAGE)
		return mem_try_alloc(bytes, out, err);
	*out = aligned_alloc(LARGE_PAGE, (bytes + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1));
	if (!*out)
		return fail(err, ERR_MEMORY, "no memory for %zu bytes", bytes);
#ifdef MADV_HUGEPAGE
	madvise(*out, bytes & ~(LARGE_PAGE - 1), MADV_HUGEPAGE);
#endif
	return OK;
}

/*
 * All of it will be written: the system gives its pages now, many at a time, which takes half as long
 * as one by one when they are first touched. Where it can't, it does so then.
 */
static enum status cpu_alloc(struct device *device, size_t bytes, void **out, struct error *err)
{
	(void)device;
	TRY(take_block(bytes, out, err));
#ifdef MADV_POPULATE_WRITE
	if (bytes >= PAGES_WORTH)
		parallel_for((int64_t)bytes, PAGES_GRAIN, take_pages, *out);
#endif
	return OK;
}

static void cpu_free(struct device *device, void *p)
{
	(void)device;
	free(p);
}

static enum status cpu_stream_new(struct device *device, struct stream **out, struct error *err)
{
	(void)err;
	*out = mem_alloc(sizeof **out);
	(*out)->device = device;
	return OK;
}

static void cpu_stream_free(struct stream *stream)
{
	free(stream);
}

/* Bytes that are worth another thread. Memory that was never touched costs more than the copy. */
#define COPY_GRAIN (1 << 20)

struct copy {
	char *dst;
	const char *src;
	int byte;
};

static void copy_part(const void *ctx, int64_t begin, int64_t end)
{
	const struct copy *c = ctx;
	memcpy(c->dst + begin, c->src + begin, (size_t)(end - begin));
}

static void fill_part(const void *ctx, int64_t begin, int64_t end)
{
	const struct copy *c = ctx;
	memset(c->dst + begin, c->byte, (size_t)(end - begin));
}

static enum status cpu_copy(struct stream *stream, void *dst, const void *src, size_t bytes)
{
	(void)stream;
	struct copy copy = { .dst = dst, .src = src };
	if (bytes)
		parallel_for((int64_t)bytes, COPY_GRAIN, copy_part, &copy);
	return OK;
}

static enum status cpu_fill(struct stream *stream, void *dst, int byte, size_t bytes)
{
	(void)stream;
	struct copy fill = { .dst = dst, .byte = byte };
	if (bytes)
		parallel_for((int64_t)bytes, COPY_GRAIN, fill_part, &fill);
	return OK;
}

static enum status cpu_stream_wait(struct stream *stream, struct error *err)
{
	(void)stream, (void)err;
	return OK;
}

static enum status cpu_event_new(struct device *device, struct event **out, struct error *err)
{
	(void)device, (void)err;
	*out = mem_alloc(sizeof **out);
	return OK;
}

static void cpu_event_free(struct event *event)
{
	free(event);
}

static enum status cpu_event_record(struct event *event, struct stream *stream)
{
	(void)event, (void)stream;
	return OK;
}

static enum status cpu_stream_wait_event(struct stream *stream, struct event *event)
{
	(void)stream, (void)event;
	return OK;
}

static enum status cpu_event_wait(struct event *event, struct error *err)
{
	(void)event, (void)err;
	return OK;
}

static enum status cpu_capture_begin(struct stream *stream)
{
	(void)stream;
	return ERR_UNSUPPORTED;
}

static enum status cpu_capture_end(struct stream *stream, struct capture **out, struct error *err)
{
	(void)stream, (void)out;
	return fail(err, ERR_UNSUPPORTED, "the CPU does not capture");
}

static enum status cpu_capture_launch(struct capture *capture, struct stream *stream)
{
	(void)capture, (void)stream;
	return ERR_UNSUPPORTED;
}

static void cpu_capture_free(struct capture *capture)
{
	(void)capture;
}

const struct backend backend_cpu = {
	.name = "cpu",
	.half = DT_F32,
	.usable = cpu_usable,
	.host_visible = true,
	.early_updates = true,
	.open = cpu_open,
	.close = cpu_close,
	.target = cpu_target,
	.describe = cpu_describe,
	.memory_total = cpu_memory_total,
	.kernel = cpu_kernel,
	.alloc = cpu_alloc,
	.free = cpu_free,
	.alloc_host = cpu_alloc,
	.free_host = cpu_free,
	.stream_new = cpu_stream_new,
	.stream_free = cpu_stream_free,
	.copy_in = cpu_copy,
	.copy_out = cpu_copy,
	.copy = cpu_copy,
	.fill = cpu_fill,
	.stream_wait = cpu_stream_wait,
	.event_new = cpu_event_new,
	.event_free = cpu_event_free,
	.event_record = cpu_event_record,
	.stream_wait_event = cpu_stream_wait_event,
	.event_wait = cpu_event_wait,
	.capture_begin = cpu_capture_begin,
	.capture_end = cpu_capture_end,
	.capture_launch = cpu_capture_launch,
	.capture_free = cpu_capture_free,
};
