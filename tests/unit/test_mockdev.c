/*
 * test_mockdev.c - the mock device bites: each freedom that it takes gives a careless user wrong
 * results, each misuse is noticed, and right use gives right results in every order of streams.
 */
#include "mockdev/mockdev.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define N 5 /* floats in a tensor: no multiple of 64 bytes */
#define BYTES (N * sizeof(float))

static const struct backend *const mock = &backend_mock;

struct bed {
	struct device *device;
	struct stream *stream;
	float *x, *y, *z; /* of the device, N floats each */
};

static struct device *open_device(int seed)
{
	struct backend_options options = { .ordinal = seed };
	struct device *device;
	struct error err;
	assert_int_equal(mock->open(&options, &device, &err), OK);
	return device;
}

static void *alloc(struct device *device, size_t bytes)
{
	struct error err;
	void *p;
	assert_int_equal(mock->alloc(device, bytes, &p, &err), OK);
	return p;
}

static struct stream *new_stream(struct device *device)
{
	struct error err;
	struct stream *stream;
	assert_int_equal(mock->stream_new(device, &stream, &err), OK);
	return stream;
}

static struct bed open_bed(void)
{
	struct bed bed = { .device = open_device(0) };
	bed.stream = new_stream(bed.device);
	bed.x = alloc(bed.device, BYTES);
	bed.y = alloc(bed.device, BYTES);
	bed.z = alloc(bed.device, BYTES);
	return bed;
}

static void close_bed(struct bed *bed)
{
	mock->stream_free(bed->stream);
	mock->free(bed->device, bed->x);
	mock->free(bed->device, bed->y);
	mock->free(bed->device, bed->z);
	mock->close(bed->device);
}

static void wait_ok(struct stream *stream)
{
	struct error err = { 0 };
	if (mock->stream_wait(stream, &err) != OK)
		fail_msg("%s", err.text);
}

/* The wait, and mock_misused, tell of a misuse with these words. */
static void expect_misuse(struct bed *bed, const char *words)
{
	struct error err = { 0 };
	assert_int_equal(mock->stream_wait(bed->stream, &err), ERR_INTERNAL);
	if (!strstr(err.text, words))
		fail_msg("'%s' does not say '%s'", err.text, words);
	err.text[0] = 0;
	assert_true(mock_misused(bed->device, &err));
	assert_non_null(strstr(err.text, words));
	assert_false(mock_misused(bed->device, NULL));
	wait_ok(bed->stream);
}

/* x[i] = first + i on the device. */
static void put(struct bed *bed, float *x, float first)
{
	float host[N];
	for (int i = 0; i < N; i++)
		host[i] = first + (float)i;
	assert_int_equal(mock->copy_in(bed->stream, x, host, BYTES), OK);
	wait_ok(bed->stream);
}

/* Whether x[i] == first + slope i. */
static bool holds(struct bed *bed, const float *x, float first, float slope)
{
	float host[N];
	assert_int_equal(mock->copy_out(bed->stream, host, x, BYTES), OK);
	wait_ok(bed->stream);
	for (int i = 0; i < N; i++)
		if (host[i] != first + slope * (float)i)
			return false;
	return true;
}

static bool all_nan(struct bed *bed, const float *x)
{
	float host[N];
	assert_int_equal(mock->copy_out(bed->stream, host, x, BYTES), OK);
	wait_ok(bed->stream);
	for (int i = 0; i < N; i++)
		if (!isnan(host[i]))
			return false;
	return true;
}

/* The signal that ends a process which runs f, 0: none. */
static int signal_of(void (*f)(struct bed *bed))
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		close(STDERR_FILENO);
		struct bed bed = open_bed();
		f(&bed);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* ---- kernels for tests ---- */

/* A call of an operator on N floats each, and the kernel made for it. */
struct made {
	struct node node;
	struct op_operand in[2], out[1];
	const struct kernel *kernel;
	void *state;
	size_t workspace;
};

static void make(struct bed *bed, const char *domain, const char *op, const struct kernel *inner,
		 struct made *m)
{
	struct error err;
	const char *why;
	struct op_operand operand = { .t = { DT_F32, SHAPE(N), NULL } };
	*m = (struct made){
		.node = { .def = op_find(domain, op, 1000), .name = "n", .op = op },
		.in = { operand, operand },
		.out = { operand },
	};
	struct op_call call = { m->node.def, &m->node, 2, 1, m->in, m->out };
	if (inner)
		mock_use_kernel(bed->device, inner);
	m->kernel = mock->kernel(bed->device, &call, &why);
	assert_non_null(m->kernel);
	assert_int_equal(m->kernel->create(bed->device, &call, &m->state, &m->workspace, &err), OK);
	mock_use_kernel(bed->device, &kernel_reference);
}

static void run(struct bed *bed, const struct made *m, void *a, void *b, void *out, void *workspace)
{
	void *in[] = { a, b }, *outs[] = { out };
	struct kernel_io io = { in, outs, workspace };
	assert_int_equal(m->kernel->run(m->state, &io, bed->stream), OK);
	/* The arguments are the caller's again. */
	memset(in, 0, sizeof in);
	memset(outs, 0, sizeof outs);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)call, (void)state, (void)err;
	*workspace = BYTES;
	return OK;
}

/* Adds, but writes one element too many. */
static enum status run_over(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)state, (void)stream;
	const float *a = io->in[0], *b = io->in[1];
	float *out = io->out[0];
	for (int i = 0; i < N; i++)
		out[i] = a[i] + b[i];
	out[N] = 0;
	return OK;
}

static enum status run_under(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)state, (void)stream;
	float *out = io->out[0];
	memset(out - 1, 0, BYTES);
	return OK;
}

static enum status run_into_input(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)state, (void)stream;
	memset(io->in[0], 0, BYTES);
	memset(io->out[0], 0, BYTES);
	return OK;
}

/* Takes the output to be zero before it adds. */
static enum status run_sums(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)state, (void)stream;
	const float *a = io->in[0];
	float *out = io->out[0];
	for (int i = 0; i < N; i++)
		out[i] += a[i];
	return OK;
}

/* Keeps something in its workspace for the next run. */
static enum status run_remembers(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)state, (void)stream;
	memcpy(io->out[0], io->workspace, BYTES);
	memcpy(io->workspace, io->in[0], BYTES);
	return OK;
}

static enum status run_fails(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)state, (void)io, (void)stream;
	return ERR_INPUT;
}

static const struct kernel over = { .create = create, .run = run_over };
static const struct kernel under = { .create = create, .run = run_under };
static const struct kernel into_input = { .create = create, .run = run_into_input };
static const struct kernel sums = { .create = create, .run = run_sums };
static const struct kernel remembers = { .create = create, .run = run_remembers };
static const struct kernel fails = { .create = create, .run = run_fails };

/* ---- memory ---- */

static void read_device(struct bed *bed)
{
	*(volatile float *)bed->x;
}

static void write_device(struct bed *bed)
{
	*(volatile float *)bed->x = 0;
}

static void test_addresses(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	assert_false(mock->host_visible);
	assert_int_equal((uintptr_t)bed.x % 128, 64);
	assert_int_equal((uintptr_t)bed.y % 128, 64);
	assert_int_equal(signal_of(read_device), SIGSEGV);
	assert_int_equal(signal_of(write_device), SIGSEGV);
	close_bed(&bed);
}

static void test_new_memory(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	assert_true(all_nan(&bed, bed.x));
	put(&bed, bed.x, 1);
	assert_true(holds(&bed, bed.x, 1, 1));
	mock->free(bed.device, bed.x);
	void *again = alloc(bed.device, BYTES);
	assert_ptr_not_equal(again, bed.x);
	bed.x = again;
	assert_true(all_nan(&bed, bed.x));
	close_bed(&bed);
}

static void test_freed_memory(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	float *freed = alloc(bed.device, BYTES), host[N];
	put(&bed, freed, 1);
	mock->free(bed.device, freed);
	mock->copy_out(bed.stream, host, freed, BYTES);
	expect_misuse(&bed, "was freed");
	assert_true(isnan(host[0]));
	mock->copy(bed.stream, freed, bed.x, BYTES);
	expect_misuse(&bed, "was freed");
	mock->free(bed.device, freed);
	expect_misuse(&bed, "freed twice");
	mock->free(bed.device, host);
	expect_misuse(&bed, "not allocated");
	mock->free(bed.device, bed.x + 1);
	expect_misuse(&bed, "not allocated");
	/* Freed while work that uses it is queued. */
	mock->fill(bed.stream, bed.z, 0, BYTES);
	mock->free(bed.device, bed.z);
	expect_misuse(&bed, "was freed");
	bed.z = NULL;
	close_bed(&bed);
}

static void test_wrong_memory(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	float host[N + 1] = { 0 };
	mock->copy_in(bed.stream, bed.x, host, BYTES + 1);
	expect_misuse(&bed, "over the end");
	mock->fill(bed.stream, bed.x + N, 0, 4);
	expect_misuse(&bed, "over the end");
	mock->fill(bed.stream, host, 0, 4);
	expect_misuse(&bed, "no device memory");
	mock->copy(bed.stream, bed.x + 1, bed.x, BYTES - 4);
	expect_misuse(&bed, "overlap");
	assert_int_equal(mock->copy_in(bed.stream, bed.x, bed.y, BYTES), ERR_INTERNAL);
	expect_misuse(&bed, "copy_in from device memory");
	assert_int_equal(mock->copy_out(bed.stream, bed.x, bed.y, BYTES), ERR_INTERNAL);
	expect_misuse(&bed, "copy_out to device memory");
	close_bed(&bed);
}

static void leave_memory(struct bed *bed)
{
	alloc(bed->device, 1);
	close_bed(bed);
}

static void leave_event(struct bed *bed)
{
	struct error err;
	struct event *event;
	if (mock->event_new(bed->device, &event, &err) == OK)
		close_bed(bed);
}

static void leave_misuse(struct bed *bed)
{
	mock->free(bed->device, bed->x + 1);
	close_bed(bed);
}

static void leave_nothing(struct bed *bed)
{
	close_bed(bed);
}

static void test_close(void **state)
{
	(void)state;
	assert_int_equal(signal_of(leave_nothing), 0);
	assert_int_equal(signal_of(leave_memory), SIGABRT);
	assert_int_equal(signal_of(leave_event), SIGABRT);
	assert_int_equal(signal_of(leave_misuse), SIGABRT);
}

/* ---- copies ---- */

static void test_copy_in_is_late(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	float host[N] = { 1, 2, 3, 4, 5 };
	mock->copy_in(bed.stream, bed.x, host, BYTES);
	for (int i = 0; i < N; i++)
		host[i] = 7;
	expect_misuse(&bed, "copy in was changed");
	assert_true(holds(&bed, bed.x, 7, 0));
	close_bed(&bed);
}

static void test_copy_out_is_late(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	float host[N];
	put(&bed, bed.x, 3);
	mock->copy_out(bed.stream, host, bed.x, BYTES);
	assert_true(isnan(host[0]) && isnan(host[N - 1]));
	wait_ok(bed.stream);
	assert_true(host[0] == 3 && host[N - 1] == 7);
	mock->copy_out(bed.stream, host, bed.x, BYTES);
	host[1] = 0;
	expect_misuse(&bed, "copy out was changed");
	close_bed(&bed);
}

/* Host memory may be used again by later work of the stream without a wait. */
static void test_bounce(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	float host[N];
	put(&bed, bed.x, 3);
	put(&bed, bed.y, 4);
	mock->copy_out(bed.stream, host, bed.x, BYTES);
	mock->copy_in(bed.stream, bed.z, host, BYTES);
	mock->copy_out(bed.stream, host, bed.y, BYTES);
	wait_ok(bed.stream);
	assert_true(holds(&bed, bed.z, 3, 1));
	assert_true(host[0] == 4);
	close_bed(&bed);
}

static void test_host_memory(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	struct error err;
	void *host;
	assert_int_equal(mock->alloc_host(bed.device, BYTES, &host, &err), OK);
	mock->copy_out(bed.stream, host, bed.x, BYTES);
	wait_ok(bed.stream);
	mock->free_host(bed.device, host);
	assert_int_equal(mock->alloc_host(bed.device, BYTES, &host, &err), OK);
	mock->copy_in(bed.stream, bed.x, host, BYTES);
	mock->free_host(bed.device, host);
	expect_misuse(&bed, "freed while a queued copy uses it");
	mock->free_host(bed.device, bed.x);
	expect_misuse(&bed, "was not allocated");
	close_bed(&bed);
}

/* ---- streams and events ---- */

/* Two streams fill one block with 1 and 2, in this order if the event says so. The byte at the end. */
static int race(int seed, bool ordered)
{
	struct device *device = open_device(seed);
	struct stream *a = new_stream(device), *b = new_stream(device);
	struct event *event;
	struct error err;
	uint8_t *x = alloc(device, 1), host;
	assert_int_equal(mock->event_new(device, &event, &err), OK);
	mock->fill(a, x, 1, 1);
	if (ordered) {
		mock->event_record(event, a);
		mock->stream_wait_event(b, event);
	}
	mock->fill(b, x, 2, 1);
	mock->copy_out(b, &host, x, 1);
	wait_ok(b);
	wait_ok(a);
	int seen = host;
	mock->copy_out(b, &host, x, 1);
	wait_ok(b);
	seen |= host << 4;
	mock->event_free(event);
	mock->stream_free(a);
	mock->stream_free(b);
	mock->free(device, x);
	mock->close(device);
	return seen;
}

static void test_streams(void **state)
{
	(void)state;
	bool before = false, between = false, after = false;
	for (int seed = 0; seed < 200; seed++) {
		int seen = race(seed, false);
		before |= seen == 0x22;  /* a ran first */
		between |= seen == 0x11; /* after b's fill, before b's copy */
		after |= seen == 0x12;   /* a ran after the wait for b */
		assert_int_equal(race(seed, false), seen);
		assert_int_equal(race(seed, true), 0x22);
	}
	assert_true(before && between && after);
}

static void test_events(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	struct error err;
	struct event *event;
	float host[N];
	assert_int_equal(mock->event_new(bed.device, &event, &err), OK);
	assert_int_equal(mock->event_wait(event, &err), OK); /* never recorded */
	assert_int_equal(mock->stream_wait_event(bed.stream, event), OK);
	put(&bed, bed.x, 1);
	mock->copy_out(bed.stream, host, bed.x, BYTES);
	mock->event_record(event, bed.stream);
	assert_true(isnan(host[0]));
	assert_int_equal(mock->event_wait(event, &err), OK);
	assert_true(host[0] == 1);
	/* What comes after the event has not run. */
	mock->event_record(event, bed.stream);
	mock->copy_out(bed.stream, host, bed.x, BYTES);
	assert_int_equal(mock->event_wait(event, &err), OK);
	assert_true(isnan(host[0]));
	wait_ok(bed.stream);
	mock->event_free(event);
	close_bed(&bed);
}

static void test_stream_free(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	struct stream *other = new_stream(bed.device);
	mock->fill(other, bed.x, 0, BYTES);
	mock->stream_free(other);
	expect_misuse(&bed, "before its work has run");
	assert_true(all_nan(&bed, bed.x));
	close_bed(&bed);
}

/* ---- kernels ---- */

static void test_kernel(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	struct made add;
	make(&bed, "", "Add", NULL, &add);
	put(&bed, bed.x, 1);
	put(&bed, bed.y, 2);
	run(&bed, &add, bed.x, bed.y, bed.z, NULL);
	assert_int_equal(mock_counts(bed.device).kernels, 0);
	assert_true(holds(&bed, bed.z, 3, 2));
	assert_int_equal(mock_counts(bed.device).kernels, 1);
	assert_int_equal(mock_counts(bed.device).direct, 1);
	/* In place, with both inputs one as well. */
	run(&bed, &add, bed.x, bed.z, bed.z, NULL);
	assert_true(holds(&bed, bed.z, 4, 3));
	run(&bed, &add, bed.x, bed.x, bed.x, NULL);
	assert_true(holds(&bed, bed.x, 2, 2));
	/* Poison goes through. */
	float *fresh = alloc(bed.device, BYTES);
	run(&bed, &add, bed.x, fresh, bed.z, NULL);
	assert_true(all_nan(&bed, bed.z));
	mock->free(bed.device, fresh);
	add.kernel->destroy(add.state);
	close_bed(&bed);
}

static void test_kernel_operands(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	float *big = alloc(bed.device, 256);
	struct made add, store, product;
	make(&bed, "", "Add", NULL, &add);
	make(&bed, "onnxtune", "Store", NULL, &store);
	make(&bed, "", "MatMul", &sums, &product);
	mock->fill(bed.stream, big, 0, 256);
	put(&bed, bed.x, 1);
	run(&bed, &add, bed.x, big + 1, bed.z, NULL);
	expect_misuse(&bed, "not aligned");
	run(&bed, &add, bed.x, big + 60, bed.z, NULL);
	expect_misuse(&bed, "over the end");
	run(&bed, &add, bed.x, NULL, bed.z, NULL);
	expect_misuse(&bed, "no device memory");
	/* Aliases as the operator's table has them, and no others. */
	run(&bed, &store, bed.y, bed.x, bed.y, NULL);
	assert_true(holds(&bed, bed.y, 1, 1));
	run(&bed, &store, bed.y, bed.x, bed.x, NULL);
	expect_misuse(&bed, "operands 1 and 2 share memory");
	run(&bed, &product, bed.x, bed.y, bed.x, big);
	expect_misuse(&bed, "operands 0 and 2 share memory");
	run(&bed, &product, bed.x, bed.y, bed.z, bed.y);
	expect_misuse(&bed, "operands 1 and 3 share memory");
	run(&bed, &product, bed.x, bed.y, bed.z, bed.z);
	expect_misuse(&bed, "operands 2 and 3 share memory");
	product.kernel->destroy(product.state);
	store.kernel->destroy(store.state);
	add.kernel->destroy(add.state);
	mock->free(bed.device, big);
	close_bed(&bed);
}

static void test_faulty_kernels(void **state)
{
	(void)state;
	static const struct {
		const struct kernel *kernel;
		const char *words;
	} faults[] = {
		{ &over, "wrote outside operand 2" },
		{ &under, "wrote outside operand 2" },
		{ &into_input, "wrote to input 0" },
	};
	struct bed bed = open_bed();
	float *workspace = alloc(bed.device, BYTES);
	struct made m;
	put(&bed, bed.x, 1);
	put(&bed, bed.y, 2);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		make(&bed, "", "Add", faults[i].kernel, &m);
		run(&bed, &m, bed.x, bed.y, bed.z, workspace);
		expect_misuse(&bed, faults[i].words);
		assert_true(holds(&bed, bed.x, 1, 1));
		m.kernel->destroy(m.state);
	}
	mock->free(bed.device, workspace);
	close_bed(&bed);
}

static void test_poison(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	float *workspace = alloc(bed.device, BYTES);
	struct made m;
	put(&bed, bed.x, 1);
	put(&bed, bed.y, 2);
	put(&bed, bed.z, 0);
	make(&bed, "", "Add", &sums, &m);
	run(&bed, &m, bed.x, bed.y, bed.z, workspace);
	assert_true(all_nan(&bed, bed.z));
	m.kernel->destroy(m.state);
	make(&bed, "", "Add", &remembers, &m);
	put(&bed, workspace, 0);
	run(&bed, &m, bed.x, bed.y, bed.z, workspace);
	assert_true(all_nan(&bed, bed.z));
	assert_true(all_nan(&bed, workspace));
	run(&bed, &m, bed.x, bed.y, bed.z, workspace);
	assert_true(all_nan(&bed, bed.z));
	m.kernel->destroy(m.state);
	mock->free(bed.device, workspace);
	close_bed(&bed);
}

static void test_failing_kernel(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	float *workspace = alloc(bed.device, BYTES);
	struct error err;
	struct made m;
	make(&bed, "", "Add", &fails, &m);
	run(&bed, &m, bed.x, bed.y, bed.z, workspace);
	assert_int_equal(mock->stream_wait(bed.stream, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "node 'n' (Add)"));
	assert_false(mock_misused(bed.device, NULL));
	m.kernel->destroy(m.state);
	mock->free(bed.device, workspace);
	close_bed(&bed);
}

static void test_destroyed_kernel(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	struct made m;
	make(&bed, "", "Add", NULL, &m);
	run(&bed, &m, bed.x, bed.y, bed.z, NULL);
	m.kernel->destroy(m.state);
	expect_misuse(&bed, "after it was destroyed");
	close_bed(&bed);
}

/* ---- captures ---- */

static void test_capture(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	struct capture *capture;
	struct error err;
	struct made add;
	float out[N], in[N] = { 2, 3, 4, 5, 6 };
	make(&bed, "", "Add", NULL, &add);
	put(&bed, bed.x, 1);
	assert_int_equal(mock->capture_begin(bed.stream), OK);
	mock->copy_in(bed.stream, bed.y, in, BYTES);
	run(&bed, &add, bed.x, bed.y, bed.z, NULL);
	mock->copy_out(bed.stream, out, bed.z, BYTES);
	assert_int_equal(mock->capture_end(bed.stream, &capture, &err), OK);
	assert_true(all_nan(&bed, bed.y)); /* nothing has run */
	for (int times = 1; times <= 2; times++) {
		put(&bed, bed.x, (float)times);
		assert_int_equal(mock->capture_launch(capture, bed.stream), OK);
		wait_ok(bed.stream);
		assert_true(out[1] == (float)times + 1 + in[1]);
		in[1]++; /* copies read what is there when they are launched */
	}
	assert_int_equal(mock_counts(bed.device).captures, 1);
	assert_int_equal(mock_counts(bed.device).launches, 2);
	assert_int_equal(mock_counts(bed.device).direct, 0);
	assert_int_equal(mock_counts(bed.device).kernels, 2);

	/* It does not follow memory that was replaced. */
	mock->free(bed.device, bed.x);
	bed.x = alloc(bed.device, BYTES);
	mock->capture_launch(capture, bed.stream);
	expect_misuse(&bed, "was freed");

	mock->capture_launch(capture, bed.stream);
	mock->capture_free(capture);
	expect_misuse(&bed, "freed before it has run");
	add.kernel->destroy(add.state);
	close_bed(&bed);
}

static void test_capture_misuse(void **state)
{
	(void)state;
	struct bed bed = open_bed();
	struct stream *other = new_stream(bed.device);
	struct capture *capture, *empty;
	struct error err;
	struct event *event;
	void *p;
	assert_int_equal(mock->event_new(bed.device, &event, &err), OK);
	mock->capture_begin(other);
	assert_int_equal(mock->capture_end(other, &empty, &err), OK);
	assert_int_equal(mock->capture_begin(other), OK);
	assert_int_equal(mock->capture_begin(other), ERR_INTERNAL);
	expect_misuse(&bed, "within another");
	assert_int_equal(mock->event_record(event, other), ERR_INTERNAL);
	expect_misuse(&bed, "recorded during a capture");
	assert_int_equal(mock->stream_wait_event(other, event), ERR_INTERNAL);
	expect_misuse(&bed, "waits for an event during a capture");
	assert_int_equal(mock->capture_launch(empty, other), ERR_INTERNAL);
	expect_misuse(&bed, "launched during a capture");
	assert_int_equal(mock->alloc(bed.device, 1, &p, &err), ERR_INTERNAL);
	expect_misuse(&bed, "allocated during a capture");
	assert_int_equal(mock->alloc_host(bed.device, 1, &p, &err), ERR_INTERNAL);
	expect_misuse(&bed, "allocated during a capture");
	mock->free(bed.device, bed.z);
	bed.z = NULL;
	expect_misuse(&bed, "freed during a capture");
	assert_int_equal(mock->stream_wait(other, &err), ERR_INTERNAL);
	expect_misuse(&bed, "waits for a stream that captures");
	assert_int_equal(mock->capture_end(other, &capture, &err), OK);
	mock->capture_free(capture);
	assert_int_equal(mock->capture_end(other, &capture, &err), ERR_INTERNAL);
	expect_misuse(&bed, "never began");
	mock->capture_begin(other);
	mock->stream_free(other);
	expect_misuse(&bed, "freed while it captures");
	mock->capture_free(empty);
	mock->event_free(event);
	close_bed(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_new_memory),
		cmocka_unit_test(test_freed_memory),
		cmocka_unit_test(test_wrong_memory),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_copy_in_is_late),
		cmocka_unit_test(test_copy_out_is_late),
		cmocka_unit_test(test_bounce),
		cmocka_unit_test(test_host_memory),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_stream_free),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_kernel_operands),
		cmocka_unit_test(test_faulty_kernels),
		cmocka_unit_test(test_poison),
		cmocka_unit_test(test_failing_kernel),
		cmocka_unit_test(test_destroyed_kernel),
		cmocka_unit_test(test_capture),
		cmocka_unit_test(test_capture_misuse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
