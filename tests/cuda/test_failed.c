/*
 * test_failed.c - work on the GPU that met an index outside of its axis: it touches no memory for it,
 * and waiting for it, for its stream or an event, fails (kernels here, the reference on the host for
 * what has none).
 */
#include "backend/cuda/cuda.h"
#include "backend/module.h"
#include "ops/build.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N 4

struct bed {
	const struct backend *backend;
	struct device *device;
	struct stream *stream;
	struct arena arena;
};

static int open_bed(void **state)
{
	struct bed *bed = mem_alloc(sizeof *bed);
	struct error err;
	bed->backend = onnxtune_backend.backend;
	arena_init(&bed->arena);
	*state = bed;
	if (bed->backend->open(&(struct backend_options){ 0 }, &bed->device, &err) != OK)
		return 1;
	return bed->backend->stream_new(bed->device, &bed->stream, &err) != OK;
}

static int close_bed(void **state)
{
	struct bed *bed = *state;
	bed->backend->stream_free(bed->stream);
	bed->backend->close(bed->device);
	arena_release(&bed->arena);
	free(bed);
	return 0;
}

/* The call of an operator on [N,2] floats (f64: of a type without a kernel) and N indices. */
static struct op_call call_of(struct bed *bed, const char *op, enum dtype dtype)
{
	static const int64_t shape[] = { N, 2 };
	struct graph *graph = graph_new(&bed->arena);
	const struct op_def *def = op_find(strcmp(op, "Gather") ? "onnxtune" : "", op, INT_MAX);
	struct attr attrs[] = { attr_int("axis", 0), attr_ints("shape", shape, 2), { 0 } };
	struct error err;
	struct builder b = { .graph = graph, .err = &err, .name = "n", .op = op };
	uint32_t out, in[] = {
		graph_add_value(graph, "x", VALUE_INPUT, (struct tensor){ dtype, SHAPE(N, 2), 0 }),
		graph_add_value(graph, "i", VALUE_INPUT, (struct tensor){ DT_I64, SHAPE(N), 0 }),
	};
	if (!strcmp(op, "Gather"))
		attrs[1] = (struct attr){ 0 };
	build_def(&b, def, (struct inputs){ in, 2 }, attrs, NULL, NULL, &out, 1);
	assert_int_equal(b.status, OK);
	return op_call_of(graph, graph_node(graph, graph->order.v[0]), &bed->arena);
}

static void *upload(struct bed *bed, const void *host, size_t bytes)
{
	struct error err;
	void *p;
	assert_int_equal(bed->backend->alloc(bed->device, bytes, &p, &err), OK);
	assert_int_equal(bed->backend->copy_in(bed->stream, p, host, bytes), OK);
	return p;
}

/* Runs the call on ones; y gets the output. Returns what waiting for it gives. */
static enum status run(struct bed *bed, const struct op_call *call, const int64_t *indices, void *y)
{
	const char *why;
	const struct kernel *kernel = bed->backend->kernel(bed->device, call, &why);
	double x64[2 * N] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	float x32[2 * N] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	size_t bytes = tensor_bytes(&call->in[0].t), workspace_bytes = 0;
	struct error err;
	void *state, *workspace;
	const void *x = call->in[0].t.dtype == DT_F64 ? (void *)x64 : (void *)x32;
	void *in[] = { upload(bed, x, bytes), upload(bed, indices, N * sizeof *indices) };
	void *out[] = { upload(bed, x, bytes) };
	assert_int_equal(kernel->create(bed->device, call, &state, &workspace_bytes, &err), OK);
	assert_int_equal(bed->backend->alloc(bed->device, workspace_bytes, &workspace, &err), OK);
	struct kernel_io io = { in, out, workspace };
	assert_int_equal(kernel->run(state, &io, bed->stream), OK);
	assert_int_equal(bed->backend->copy_out(bed->stream, y, out[0], bytes), OK);
	struct event *event;
	assert_int_equal(bed->backend->event_new(bed->device, &event, &err), OK);
	assert_int_equal(bed->backend->event_record(event, bed->stream), OK);
	enum status status = bed->backend->event_wait(event, &err);
	assert_int_equal(bed->backend->stream_wait(bed->stream, &err), status);
	bed->backend->event_free(event);
	bed->backend->free(bed->device, in[0]);
	bed->backend->free(bed->device, in[1]);
	bed->backend->free(bed->device, out[0]);
	bed->backend->free(bed->device, workspace);
	kernel->destroy(state);
	return status;
}

static const int64_t inside[N] = { 3, -4, 3, 1 }, outside[N] = { 3, N, -N - 1, 1 };

static void test_gather(void **state)
{
	struct op_call call = call_of(*state, "Gather", DT_F32);
	float y[2 * N];
	assert_int_equal(run(*state, &call, inside, y), OK);
	assert_int_equal(run(*state, &call, outside, y), ERR_INPUT);
	assert_memory_equal(y, ((float[]){ 1, 1, 0, 0, 0, 0, 1, 1 }), sizeof y);
	assert_int_equal(run(*state, &call, inside, y), ERR_INPUT); /* once and for all */
}

static void test_gather_grad(void **state)
{
	struct op_call call = call_of(*state, "GatherGrad", DT_F32);
	float y[2 * N];
	assert_int_equal(run(*state, &call, inside, y), OK);
	assert_memory_equal(y, ((float[]){ 1, 1, 1, 1, 0, 0, 2, 2 }), sizeof y);
	assert_int_equal(run(*state, &call, outside, y), ERR_INPUT);
	assert_memory_equal(y, ((float[]){ 0, 0, 1, 1, 0, 0, 1, 1 }), sizeof y);
}

static void test_host(void **state)
{
	struct op_call call = call_of(*state, "GatherGrad", DT_F64);
	double y[2 * N];
	assert_int_equal(run(*state, &call, inside, y), OK);
	assert_int_equal(run(*state, &call, outside, y), ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_gather, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(test_gather_grad, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(test_host, open_bed, close_bed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
