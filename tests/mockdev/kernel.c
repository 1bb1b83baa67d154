/*
 * kernel.c - kernels of the mock device (see mockdev.h): the reference implementation, or what a test
 * puts in its place, run late and on private copies of its operands, with guards around each.
 *
 *  1. Find the memory of each operand; an output may share that of an input where the operator says.
 *  2. Copy the inputs, poison the rest; run.
 *  3. Guards and inputs must be as they were; outputs are copied back, the workspace is poisoned.
 */
#include "mockdev/internal.h"

#include <stdlib.h>
#include <string.h>

#define GUARD 64 /* bytes before and after; keeps alignment */
#define GUARD_BYTE 0xA5

struct mock_kernel {
	struct device *device;
	const struct kernel *inner;
	void *state;
	const struct op_def *def;
	char *name; /* of the node and its operator */
	uint32_t n_in, n_out;
	size_t *bytes; /* of each input and output */
	size_t workspace;
	uint32_t refs; /* jobs, and the plan until it destroys it */
	bool destroyed;
};

static void drop(struct mock_kernel *m)
{
	if (--m->refs)
		return;
	free(m->bytes);
	free(m->name);
	free(m);
}

static bool supports(const struct op_call *call, const char **why)
{
	return kernel_reference.supports(call, why);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	void *inner_state = NULL;
	TRY(device->kernel->create(device, call, &inner_state, workspace, err));
	struct mock_kernel *m = mem_alloc(sizeof *m);
	*m = (struct mock_kernel){
		.device = device,
		.inner = device->kernel,
		.state = inner_state,
		.def = call->def,
		.name = mem_printf("node '%s' (%s)", call->node->name, call->def->name),
		.n_in = call->n_in,
		.n_out = call->n_out,
		.bytes = mem_alloc((call->n_in + call->n_out) * sizeof *m->bytes),
		.workspace = *workspace,
		.refs = 1,
	};
	for (uint32_t k = 0; k < m->n_in; k++)
		m->bytes[k] = tensor_bytes(&call->in[k].t);
	for (uint32_t k = 0; k < m->n_out; k++)
		m->bytes[m->n_in + k] = tensor_bytes(&call->out[k].t);
	device->kernels++;
	*state = m;
	return OK;
}

static void destroy(void *state)
{
	struct mock_kernel *m = state;
	if (m->inner->destroy)
		m->inner->destroy(m->state);
	m->destroyed = true;
	m->device->kernels--;
	drop(m);
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	struct mock_kernel *m = state;
	struct job *job = queue_push(stream, JOB_KERNEL);
	job->kernel = m;
	job->operands = mem_alloc((m->n_in + m->n_out) * sizeof *job->operands);
	if (m->n_in)
		memcpy(job->operands, io->in, m->n_in * sizeof *io->in);
	if (m->n_out)
		memcpy(job->operands + m->n_in, io->out, m->n_out * sizeof *io->out);
	job->workspace = io->workspace;
	m->refs++;
	m->device->counts.direct += !stream->capture;
	return OK;
}

void kernel_job_free(struct job *job)
{
	free(job->operands);
	drop(job->kernel);
}

const struct kernel mock_kernel = {
	.op = "",
	.name = "mock",
	.supports = supports,
	.create = create,
	.run = run,
	.destroy = destroy,
};

/* ---- running ---- */

/* Memory that the kernel uses: an input, an output or the workspace. */
struct operand {
	size_t bytes;
	uint8_t *memory; /* of the device; NULL: absent or empty */
	uint8_t *copy;   /* what the kernel sees */
	bool in, out;    /* out: also an input that an output takes the place of */
	uint32_t leader; /* the first operand with this memory, which has the copy */
};

/* Whether output k may have the memory of input j. */
static bool may_share(const struct op_def *def, uint32_t j, uint32_t k)
{
	const struct op_arg *arg = op_output(def, k);
	return (k == 0 && (def->flags & OP_INPLACE)) || (arg && arg->alias == (int)j + 1);
}

/* Relates operand k to the earlier ones; false when it must not share with one. */
static bool find_leader(const struct mock_kernel *m, struct operand *o, uint32_t k)
{
	bool workspace = k == m->n_in + m->n_out;
	o[k].leader = k;
	for (uint32_t j = k; j-- > 0;) {
		bool same = o[j].memory == o[k].memory && o[j].bytes == o[k].bytes;
		if (!o[j].memory || !o[k].memory || o[j].memory >= o[k].memory + o[k].bytes ||
		    o[k].memory >= o[j].memory + o[j].bytes)
			continue;
		if (o[k].out && (workspace || k < m->n_in || j >= m->n_in || !same ||
				 !may_share(m->def, j, k - m->n_in))) {
			misuse(m->device, "%s: operands %u and %u share memory", m->name, j, k);
			return false;
		}
		if (same)
			o[k].leader = j;
	}
	o[o[k].leader].out |= o[k].out;
	return true;
}

/* Fills the operands: inputs, outputs, workspace. False after a misuse. */
static bool find_operands(const struct job *job, struct operand *o)
{
	const struct mock_kernel *m = job->kernel;
	uint32_t n = m->n_in + m->n_out;
	for (uint32_t k = 0; k <= n; k++) {
		void *p = k < n ? job->operands[k] : job->workspace;
		o[k] = (struct operand){ .bytes = k < n ? m->bytes[k] : m->workspace,
					 .in = k < m->n_in,
					 .out = k >= m->n_in };
		if (o[k].bytes && !(o[k].memory = memory_at(m->device, p, o[k].bytes, m->name)))
			return false;
		if (o[k].bytes && (uintptr_t)p % 64) {
			misuse(m->device, "%s: operand %u is not aligned", m->name, k);
			return false;
		}
		if (!find_leader(m, o, k))
			return false;
	}
	return true;
}

static void make_copy(struct operand *o, struct arena *arena)
{
	uint8_t *guarded = arena_alloc(arena, o->bytes + 2 * GUARD);
	o->copy = guarded + GUARD;
	memset(guarded, GUARD_BYTE, o->bytes + 2 * GUARD);
	if (o->in)
		memcpy(o->copy, o->memory, o->bytes);
	else
		memset(o->copy, POISON, o->bytes);
}

/* Takes the result over, if the kernel did nothing else. */
static void finish_copy(const struct mock_kernel *m, const struct operand *o, uint32_t k)
{
	uint8_t guard[GUARD];
	memset(guard, GUARD_BYTE, GUARD);
	if (memcmp(o->copy - GUARD, guard, GUARD) || memcmp(o->copy + o->bytes, guard, GUARD))
		misuse(m->device, "%s: its kernel wrote outside operand %u", m->name, k);
	if (!o->out && memcmp(o->copy, o->memory, o->bytes))
		misuse(m->device, "%s: its kernel wrote to input %u", m->name, k);
	if (k == m->n_in + m->n_out)
		memset(o->memory, POISON, o->bytes);
	else if (o->out)
		memcpy(o->memory, o->copy, o->bytes);
}

void kernel_job_run(struct device *d, const struct job *job)
{
	const struct mock_kernel *m = job->kernel;
	uint32_t n = m->n_in + m->n_out;
	struct arena arena;
	if (m->destroyed) {
		misuse(d, "%s: its kernel runs after it was destroyed", m->name);
		return;
	}
	arena_init(&arena);
	struct operand *o = arena_alloc(&arena, (n + 1) * sizeof *o);
	void **pointers = arena_alloc(&arena, (n + 1) * sizeof *pointers);
	if (find_operands(job, o)) {
		for (uint32_t k = 0; k <= n; k++) {
			if (o[k].memory && o[k].leader == k)
				make_copy(&o[k], &arena);
			pointers[k] = o[o[k].leader].copy;
			if (k < n && !o[k].memory && job->operands[k])
				pointers[k] = arena_alloc(&arena, 0); /* a tensor of no elements */
		}
		struct kernel_io io = { pointers, pointers + m->n_in, pointers[n] };
		enum status status = m->inner->run(m->state, &io, NULL);
		if (status != OK)
			work_failed(d, status, m->name);
		for (uint32_t k = 0; k <= n; k++)
			if (o[k].copy)
				finish_copy(m, &o[k], k);
		d->counts.kernels++;
	}
	arena_release(&arena);
}
