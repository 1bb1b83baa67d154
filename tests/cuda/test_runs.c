/*
 * test_runs.c - runs of optimizers (create_run): the bits of single calls, in as many launches as
 * their number and their attributes make necessary; and GradStats of more gradients than a launch
 * takes.
 */
#include "backend/cuda/cuda.h"
#include "backend/module.h"
#include "base/rng.h"
#include "cudasim/cudasim.h"
#include "ops/build.h"
#include "ops/step.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CALLS = 70, VALUES = 16 + 12 * CALLS };

static const struct backend *backend;
static struct device *device;
static struct stream *stream;
static struct error err;

static void expect(enum status status)
{
	if (status != OK)
		fail_msg("%s", err.text);
}

struct bed {
	struct arena arena;
	struct graph *graph;
	struct builder b;
	uint32_t step;
	void *memory[VALUES]; /* of each value; on the device */
};

static uint32_t add(struct bed *bed, enum dtype dtype, struct shape shape, const void *content)
{
	uint32_t v = graph_add_value(bed->graph, "x", VALUE_STATE,
				     (struct tensor){ dtype, shape, NULL });
	size_t bytes = tensor_bytes(&graph_value(bed->graph, v)->t);
	assert_in_range(v, 1, VALUES - 1);
	expect(backend->alloc(device, bytes, &bed->memory[v], &err));
	expect(backend->copy_in(stream, bed->memory[v], content, bytes));
	expect(backend->stream_wait(stream, &err));
	return v;
}

/* Numbers in [0, 1) that depend on the seed alone. */
static uint32_t add_floats(struct bed *bed, int64_t n, uint64_t seed)
{
	float *x = arena_alloc(&bed->arena, (size_t)n * sizeof *x);
	for (int64_t i = 0; i < n; i++) {
		uint32_t words[4];
		philox(seed, 0, (uint64_t)i, words);
		x[i] = rng_uniform(words[0]);
	}
	return add(bed, DT_F32, SHAPE(n), x);
}

static void bed_open(struct bed *bed)
{
	struct step_block step = { .scale = 4, .inverse = 0.25f, .clip = 0.5f, .good_steps = 2 };
	*bed = (struct bed){ 0 };
	arena_init(&bed->arena);
	bed->graph = graph_new(&bed->arena);
	bed->b = (struct builder){ .graph = bed->graph, .err = &err, .name = "n", .op = "op" };
	bed->step = add(bed, DT_U8, SHAPE(sizeof step), &step);
}

static void bed_close(struct bed *bed)
{
	for (uint32_t i = 0; i < VALUES; i++)
		if (bed->memory[i])
			backend->free(device, bed->memory[i]);
	graph_free(bed->graph);
	arena_release(&bed->arena);
}

/* A node of the optimizer for each parameter; outputs are in place. */
static void add_nodes(struct bed *bed, const char *op, int decays)
{
	static const double rates[] = { 0.5, 0.25, 0.125 };
	uint32_t rate = add(bed, DT_F64, SHAPE(3), rates);
	static const double one[] = { 1 };
	bool average = !strcmp(op, "MovingAverage");
	for (uint32_t i = 0; i < CALLS; i++) {
		int64_t n = i == 3 ? 9001 : 1 + i;
		uint32_t in[8] = { bed->step }, k = 1;
		if (!average)
			in[k++] = rate;
		in[k++] = add_floats(bed, n, 10 * i);
		in[k++] = add_floats(bed, n, 10 * i + 1);
		int moments = average || !strcmp(op, "SGD") ? 0 : !strcmp(op, "Lion") ? 1 : 2;
		for (int m = 0; m < moments; m++)
			in[k++] = add_floats(bed, n, 10 * i + 2 + (uint64_t)m);
		if (!strcmp(op, "NAdam"))
			in[k++] = add(bed, DT_F64, SHAPE_SCALAR, one);
		uint32_t node = bed->graph->nodes.n;
		uint32_t out[4];
		const struct attr decay[] = {
			attr_double("decay", 0.01 * (int)(i % (uint32_t)decays)), { 0 }
		};
		build_outputs(&bed->b, op, (struct inputs){ in, k }, decay, NULL, out,
			      average ? 1 : k - 3);
		expect(bed->b.status);
		const struct node *made = graph_node(bed->graph, node);
		for (uint32_t o = 0; o < made->n_out; o++)
			bed->memory[made->out[o]] = NULL;
	}
}

/* The operands of a node; outputs have the memory that they update. */
static void operands(const struct bed *bed, const struct node *node, void **in, void **out)
{
	for (uint32_t k = 0; k < node->n_in; k++)
		in[k] = bed->memory[node->in[k]];
	for (uint32_t k = 0; k < node->n_out; k++)
		out[k] = in[op_output(node->def, k)->alias - 1];
}

/* Runs all nodes, as one or one by one. */
static void run_nodes(struct bed *bed, bool as_one)
{
	struct op_call *calls = arena_alloc(&bed->arena, CALLS * sizeof *calls);
	void *in[8 * CALLS], *out[4 * CALLS], *workspace, *state;
	uint32_t n_in = 0, n_out = 0;
	for (uint32_t i = 0; i < CALLS; i++) {
		const struct node *node = graph_node(bed->graph, 1 + i);
		calls[i] = op_call_of(bed->graph, node, &bed->arena);
		operands(bed, node, in + n_in, out + n_out);
		n_in += node->n_in;
		n_out += node->n_out;
	}
	const struct kernel *kernel = backend->kernel(device, calls, NULL);
	assert_non_null(kernel->create_run);
	n_in = n_out = 0;
	for (uint32_t i = 0; i < CALLS; i++) {
		size_t bytes = 0;
		if (as_one)
			expect(kernel->create_run(device, calls, CALLS, &state, &bytes, &err));
		else
			expect(kernel->create(device, &calls[i], &state, &bytes, &err));
		expect(backend->alloc(device, bytes, &workspace, &err));
		expect(kernel->run(state, &(struct kernel_io){ in + n_in, out + n_out, workspace },
				   stream));
		expect(backend->stream_wait(stream, &err));
		kernel->destroy(state);
		backend->free(device, workspace);
		n_in += calls[i].n_in;
		n_out += calls[i].n_out;
		if (as_one)
			break;
	}
}

static void expect_same(const struct bed *a, const struct bed *b)
{
	for (uint32_t v = 1; v < a->graph->values.n; v++) {
		const struct value *value = graph_value(a->graph, v);
		size_t bytes = tensor_bytes(&value->t);
		if (!a->memory[v])
			continue;
		void *x = mem_alloc(bytes), *y = mem_alloc(bytes);
		expect(backend->copy_out(stream, x, a->memory[v], bytes));
		expect(backend->copy_out(stream, y, b->memory[v], bytes));
		expect(backend->stream_wait(stream, &err));
		if (memcmp(x, y, bytes))
			fail_msg("value %u differs", v);
		free(x);
		free(y);
	}
}

/*
 * A launch of the simulator has room for 56 parameters and 8 different attributes: 70 calls of two
 * kinds take two launches, of ten kinds in turn nine.
 */
struct update {
	const char *op;
	int decays;
	uint64_t kernels;
};

static const struct update updates[] = {
	{ "SGD", 2, 2 },   { "SGD", 10, 9 }, { "Adam", 2, 2 },   { "NAdam", 2, 4 },
	{ "Lion", 10, 9 }, { "LAMB", 2, 6 }, { "LAMB", 10, 27 },
};

static void test_update(void **state)
{
	const struct update *u = *state;
	struct bed one, all;
	bed_open(&one);
	bed_open(&all);
	add_nodes(&one, u->op, u->decays);
	add_nodes(&all, u->op, u->decays);
	run_nodes(&one, false);
	uint64_t before = cudasim_counts().kernels;
	run_nodes(&all, true);
	assert_int_equal(cudasim_counts().kernels - before, u->kernels);
	expect_same(&one, &all);
	bed_close(&one);
	bed_close(&all);
}

/* 200 gradients, each of ones: more than one launch of the simulator takes. */
static void test_many_gradients(void **unused)
{
	(void)unused;
	enum { GRADIENTS = 200 };
	static const double weight[] = { 2 };
	static const float ones[] = { 1, 1, 1 }, loss[] = { 3 };
	struct bed bed;
	struct step_block step;
	uint32_t in[3 + GRADIENTS];
	void *memory[3 + GRADIENTS], *workspace, *state;
	size_t bytes = 0;
	bed_open(&bed);
	in[0] = bed.step;
	in[1] = add(&bed, DT_F64, SHAPE_SCALAR, weight);
	in[2] = add(&bed, DT_F32, SHAPE_SCALAR, loss);
	for (uint32_t k = 0; k < GRADIENTS; k++)
		in[3 + k] = add(&bed, DT_F32, SHAPE(k == 7 ? 0 : 3), ones);
	build(&bed.b, "GradStats", ((struct inputs){ in, 3 + GRADIENTS }));
	expect(bed.b.status);
	struct op_call call = op_call_of(bed.graph, graph_node(bed.graph, 1), &bed.arena);
	const struct kernel *kernel = backend->kernel(device, &call, NULL);
	for (uint32_t k = 0; k < 3 + GRADIENTS; k++)
		memory[k] = bed.memory[in[k]];
	expect(kernel->create(device, &call, &state, &bytes, &err));
	expect(backend->alloc(device, bytes, &workspace, &err));
	uint64_t before = cudasim_counts().kernels;
	expect(kernel->run(state, &(struct kernel_io){ memory, memory, workspace }, stream));
	expect(backend->copy_out(stream, &step, memory[0], sizeof step));
	expect(backend->stream_wait(stream, &err));
	assert_in_range(cudasim_counts().kernels - before, 2, 3);
	assert_true(fabs(step.norm * step.norm - 3 * (GRADIENTS - 1) / 16.0) < 1e-9);
	assert_int_equal(step.found_inf, 0);
	kernel->destroy(state);
	backend->free(device, workspace);
	bed_close(&bed);
}

static int open_device(void **state)
{
	(void)state;
	backend = onnxtune_backend.backend;
	expect(backend->open(&(struct backend_options){ 0 }, &device, &err));
	expect(backend->stream_new(device, &stream, &err));
	return 0;
}

static int close_device(void **state)
{
	(void)state;
	backend->stream_free(stream);
	backend->close(device);
	return 0;
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(updates) + 1];
	for (size_t i = 0; i < ARRAY_SIZE(updates); i++)
		tests[i] = (struct CMUnitTest){ .name = updates[i].op,
						.test_func = test_update,
						.initial_state = (void *)&updates[i] };
	tests[ARRAY_SIZE(updates)] = (struct CMUnitTest){ .name = "many gradients",
							  .test_func = test_many_gradients };
	return _cmocka_run_group_tests("runs", tests, ARRAY_SIZE(tests), open_device, close_device);
}
