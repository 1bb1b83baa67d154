/* parity.c - runs kernels and compares them with the reference (see parity.h). */
#include "parity/parity.h"

#include "ops/interpret.h"
#include "support/case_call.h"
#include "support/case_tensor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED 7
#define MAX CASE_CALL_MOST
#define GUARD 64    /* bytes before and after each buffer */
#define POISON 0xff /* all bytes so: NaN in every floating-point type */

struct check {
	const struct op_case *c;
	const struct kernel *kernel;
	const struct backend *backend;
	struct device *device;
	enum dtype floating;
	struct arena arena;
	struct graph *graph;
	const struct node *node;
	uint32_t n_in, n_out;
	struct tensor in[MAX], expected[MAX];
	struct op_call call; /* the layouts stand in in[] and out[] of it */
	struct op_operand *in_operands, *out_operands;
	char way[128]; /* what is being tried, for messages */
};

/* ---- the node ---- */

/* The graph of one node; false when it folds. */
static bool prepare(struct check *check)
{
	struct case_call made;
	bool any = case_call_make(check->c, check->floating, SEED, &check->arena, &made);
	check->graph = made.graph;
	check->node = made.node;
	check->n_in = made.n_in;
	check->n_out = made.n_out;
	memcpy(check->in, made.in, sizeof check->in);
	check->call = made.call;
	check->in_operands = made.in_operands;
	check->out_operands = made.out_operands;
	return any;
}

/* The inputs, and what the reference gives, once. */
static void expect(struct check *check)
{
	const struct tensor *in[MAX];
	bool wanted[MAX];
	struct error err;
	if (check->expected[0].data)
		return;
	for (uint32_t k = 0; k < check->n_in; k++) {
		if (!check->in[k].data)
			check->in[k] = case_tensor(check->c, k, check->floating, SEED,
						   &check->arena);
		in[k] = check->in[k].data ? &check->in[k] : NULL;
	}
	for (uint32_t k = 0; k < check->n_out; k++)
		wanted[k] = true;
	if (interpret_op(check->call.def, check->c->attrs, in, check->n_in, wanted, check->expected,
			 check->n_out, &check->arena, &err) != OK)
		fail_msg("%s", err.text);
}

/* ---- memory ---- */

struct buffer {
	unsigned char *base; /* guard bytes, content, guard bytes */
	size_t bytes;
};

static struct buffer buffer_new(size_t bytes)
{
	struct buffer b = { .bytes = bytes };
	if (mem_try_alloc(bytes + 2 * GUARD, (void **)&b.base, NULL) != OK)
		fail_msg("no memory");
	memset(b.base, POISON, bytes + 2 * GUARD);
	return b;
}

static void *content(const struct buffer *b)
{
	return b->base ? b->base + GUARD : NULL;
}

static bool guards_hold(const struct buffer *b)
{
	for (size_t i = 0; b->base && i < GUARD; i++)
		if (b->base[i] != POISON || b->base[GUARD + b->bytes + i] != POISON)
			return false;
	return true;
}

/* Copies between plain memory and a layout; `back` says into which direction. */
static void permute(const struct tensor *t, enum layout layout, unsigned char *plain,
		    unsigned char *other, bool back)
{
	size_t size = dtype_bits(t->dtype) / 8;
	int64_t n = shape_elements(&t->shape);
	int64_t channels = t->shape.rank > 1 ? t->shape.dim[1] : 1;
	int64_t inner = n && t->shape.rank > 1 ? n / t->shape.dim[0] / channels : 1;
	if (layout == LAYOUT_PLAIN) {
		memcpy(back ? plain : other, back ? other : plain, tensor_bytes(t));
		return;
	}
	for (int64_t i = 0; i < n; i++) {
		int64_t j = i / inner / channels, c = i / inner % channels, p = i % inner;
		unsigned char *a = plain + (size_t)i * size;
		unsigned char *b = other + (size_t)((j * inner + p) * channels + c) * size;
		memcpy(back ? a : b, back ? b : a, size);
	}
}

/* ---- comparison ---- */

static double tolerance(const struct check *check, enum dtype dtype)
{
	double t = check->c->f32_tolerance ? check->c->f32_tolerance : 1e-5;
	/* cuDNN forms the gradients of filters in the operands' type */
	if (dtype == DT_F32 && check->c->flags & CASE_MAY_NARROW && !check->backend->host_visible)
		dtype = check->floating;
	return dtype == DT_F16 ? t + 0x1p-10 : dtype == DT_BF16 ? t + 0x1p-7 : t;
}

/* A step block: the norm and what follows from it may differ in rounding, nothing else. */
static void compare_step(const struct check *check, const struct tensor *got)
{
	struct step_block g, e;
	memcpy(&g, got->data, sizeof g);
	memcpy(&e, check->expected[0].data, sizeof e);
	if (!(fabs(g.norm - e.norm) <= 1e-12 * e.norm) || !(fabsf(g.clip - e.clip) <= 1e-7f))
		fail_msg("%s: norm %.17g, clip %.9g, not %.17g, %.9g", check->way, g.norm, g.clip,
			 e.norm, e.clip);
	g.norm = e.norm;
	g.clip = e.clip;
	if (memcmp(&g, &e, sizeof g))
		fail_msg("%s: step blocks differ", check->way);
}

static void compare(const struct check *check, uint32_t k, const struct tensor *got)
{
	const struct tensor *expected = &check->expected[k];
	if (expected->dtype == DT_U8 && tensor_bytes(expected) == sizeof(struct step_block)) {
		compare_step(check, got);
		return;
	}
	int64_t n = shape_elements(&expected->shape);
	double largest = 1e-3, limit = tolerance(check, expected->dtype);
	if (!dtype_is_float(expected->dtype)) {
		for (int64_t i = 0; i < n; i++)
			if (tensor_get_int(got, i) != tensor_get_int(expected, i))
				fail_msg("%s: output %u differs at %lld: %lld, not %lld",
					 check->way, k, (long long)i,
					 (long long)tensor_get_int(got, i),
					 (long long)tensor_get_int(expected, i));
		return;
	}
	for (int64_t i = 0; i < n; i++)
		if (isfinite(tensor_get(expected, i)))
			largest = fmax(largest, fabs(tensor_get(expected, i)));
	for (int64_t i = 0; i < n; i++) {
		double e = tensor_get(expected, i), g = tensor_get(got, i);
		if (e == g || (isnan(e) && isnan(g)))
			continue;
		if (!(fabs(e - g) <= limit * largest))
			fail_msg("%s: output %u differs at %lld: %.9g, not %.9g (limit %.3g)",
				 check->way, k, (long long)i, g, e, limit * largest);
	}
}

/* ---- one run ---- */

/* Memory of the inputs and outputs of a run; an output without its own has an input's. */
struct memory {
	struct buffer in[MAX], out[MAX], workspace;
	void *in_p[MAX], *out_p[MAX];
};

/* over[k]: 1 + the input whose memory output k takes; 0: its own. */
static void memory_new(const struct check *check, const uint32_t over[MAX], size_t workspace,
		       struct memory *m)
{
	memset(m, 0, sizeof *m);
	m->workspace = buffer_new(workspace);
	for (uint32_t k = 0; k < check->n_in; k++) {
		if (!check->in[k].data)
			continue;
		m->in[k] = buffer_new(tensor_bytes(&check->in[k]));
		m->in_p[k] = content(&m->in[k]);
		permute(&check->in[k], check->in_operands[k].layout, check->in[k].data, m->in_p[k],
			false);
	}
	for (uint32_t k = 0; k < check->n_out; k++) {
		if (!over[k])
			m->out[k] = buffer_new(tensor_bytes(&check->expected[k]));
		m->out_p[k] = over[k] ? m->in_p[over[k] - 1] : content(&m->out[k]);
	}
}

static void memory_free(struct memory *m)
{
	free(m->workspace.base);
	for (unsigned k = 0; k < MAX; k++) {
		free(m->in[k].base);
		free(m->out[k].base);
	}
}

/* ---- memory that the host can't see ---- */

/* A copy of the buffer on the device, NULL when there is none. */
static void *send(const struct check *check, struct stream *stream, const struct buffer *b)
{
	void *p;
	struct error err;
	if (!b->base)
		return NULL;
	if (check->backend->alloc(check->device, b->bytes, &p, &err) != OK ||
	    check->backend->copy_in(stream, p, content(b), b->bytes) != OK)
		fail_msg("%s: no memory", check->way);
	return p;
}

static void fetch(const struct check *check, struct stream *stream, const struct buffer *b,
		  const void *p)
{
	if (b->base && check->backend->copy_out(stream, content(b), p, b->bytes) != OK)
		fail_msg("%s: no copy", check->way);
}

static void run_away(const struct check *check, void *state, const struct memory *m,
		     const uint32_t over[MAX])
{
	const struct backend *backend = check->backend;
	void *in[MAX], *out[MAX], *workspace;
	struct stream *stream;
	struct error err;
	if (backend->stream_new(check->device, &stream, &err) != OK)
		fail_msg("%s: %s", check->way, err.text);
	workspace = send(check, stream, &m->workspace);
	for (uint32_t k = 0; k < check->n_in; k++)
		in[k] = send(check, stream, &m->in[k]);
	for (uint32_t k = 0; k < check->n_out; k++)
		out[k] = over[k] ? in[over[k] - 1] : send(check, stream, &m->out[k]);
	struct kernel_io io = { in, out, workspace };
	if (check->kernel->run(state, &io, stream) != OK)
		fail_msg("%s: run failed", check->way);
	for (uint32_t k = 0; k < check->n_in; k++)
		fetch(check, stream, &m->in[k], in[k]);
	for (uint32_t k = 0; k < check->n_out; k++)
		fetch(check, stream, &m->out[k], out[k]);
	if (backend->stream_wait(stream, &err) != OK)
		fail_msg("%s: %s", check->way, err.text);
	for (uint32_t k = 0; k < check->n_in; k++)
		if (in[k])
			backend->free(check->device, in[k]);
	for (uint32_t k = 0; k < check->n_out; k++)
		if (m->out[k].base)
			backend->free(check->device, out[k]);
	backend->free(check->device, workspace);
	backend->stream_free(stream);
}

static void run(const struct check *check, void *state, size_t workspace, const uint32_t over[MAX])
{
	struct memory m[2];
	for (int i = 0; i < 2; i++) {
		memory_new(check, over, workspace, &m[i]);
		struct kernel_io io = { m[i].in_p, m[i].out_p, content(&m[i].workspace) };
		if (!check->backend->host_visible)
			run_away(check, state, &m[i], over);
		else if (check->kernel->run(state, &io, NULL) != OK)
			fail_msg("%s: run failed", check->way);
		bool safe = guards_hold(&m[i].workspace);
		for (unsigned k = 0; k < MAX; k++)
			safe = safe && guards_hold(&m[i].in[k]) && guards_hold(&m[i].out[k]);
		if (!safe)
			fail_msg("%s: memory outside of the buffers was written", check->way);
	}
	for (uint32_t k = 0; k < check->n_out; k++) {
		const struct tensor *e = &check->expected[k];
		struct tensor got = { e->dtype, e->shape, mem_alloc(tensor_bytes(e)) };
		permute(e, check->out_operands[k].layout, got.data, m[0].out_p[k], true);
		compare(check, k, &got);
		free(got.data);
		if (memcmp(m[0].out_p[k], m[1].out_p[k], tensor_bytes(e)))
			fail_msg("%s: output %u differs between two runs", check->way, k);
	}
	memory_free(&m[0]);
	memory_free(&m[1]);
}

/* ---- all ways ---- */

static bool may_overwrite(const struct check *check, uint32_t k)
{
	const struct op_operand *x = &check->in_operands[k], *y = &check->out_operands[0];
	return x->t.dtype == y->t.dtype && shape_equal(&x->t.shape, &y->t.shape) &&
	       x->layout == y->layout;
}

static void run_layouts(struct check *check)
{
	void *state;
	size_t workspace = 0;
	struct error err;
	uint32_t over[MAX] = { 0 };
	size_t end = strlen(check->way);
	expect(check);
	if (check->kernel->create(check->device, &check->call, &state, &workspace, &err) != OK)
		fail_msg("%s: %s", check->way, err.text);
	for (uint32_t k = 0; k < check->n_out; k++)
		over[k] = (uint32_t)op_output(check->call.def, k)->alias;
	run(check, state, workspace, over);
	for (uint32_t k = 0; k < check->n_in && (check->call.def->flags & OP_INPLACE); k++)
		if (may_overwrite(check, k)) {
			over[0] = k + 1;
			snprintf(check->way + end, sizeof check->way - end, ", over input %u", k);
			run(check, state, workspace, over);
		}
	if (check->kernel->destroy)
		check->kernel->destroy(state);
}

/* Sets the layouts that the kernel proposes when each input has `given` where it has the rank. */
static void propose(struct check *check, enum layout given, enum layout in[MAX],
		    enum layout out[MAX])
{
	for (uint32_t k = 0; k < check->n_in; k++)
		check->in_operands[k].layout = check->in[k].shape.rank > 2 ? given : LAYOUT_PLAIN;
	for (uint32_t k = 0; k < check->n_out; k++)
		check->out_operands[k].layout = LAYOUT_PLAIN;
	memset(in, 0, MAX * sizeof *in);
	memset(out, 0, MAX * sizeof *out);
	if (check->kernel->propose)
		check->kernel->propose(&check->call, in, out);
}

/* Whether output 0 and an input can be of different layouts: only where that is what it is for. */
static bool changes_layout(const struct check *check)
{
	return !strcmp(check->call.def->name, "Relayout");
}

unsigned parity_run(const struct backend *backend, struct device *device,
		    const struct kernel *kernel, const struct op_case *c, enum dtype floating)
{
	/* what the inputs have when the kernel is asked, and whether it gets its wish */
	static const struct {
		const char *name;
		enum layout in, out;
		bool wish;
	} ways[] = {
		{ "plain", LAYOUT_PLAIN, LAYOUT_PLAIN, false },
		{ "wish from plain", LAYOUT_PLAIN, LAYOUT_PLAIN, true },
		{ "wish from channels-last", LAYOUT_LAST, LAYOUT_PLAIN, true },
		{ "plain to channels-last", LAYOUT_PLAIN, LAYOUT_LAST, false },
		{ "channels-last to plain", LAYOUT_LAST, LAYOUT_PLAIN, false },
	};
	struct check check = {
		.c = c, .kernel = kernel, .backend = backend, .device = device, .floating = floating
	};
	unsigned runs = 0;
	arena_init(&check.arena);
	bool any = prepare(&check);
	for (unsigned i = 0; any && i < ARRAY_SIZE(ways); i++) {
		enum layout in[MAX], out[MAX];
		const char *why = "";
		if (ways[i].in != ways[i].out && !ways[i].wish &&
		    (!changes_layout(&check) || check.in[0].shape.rank < 3))
			continue;
		propose(&check, ways[i].in, in, out);
		for (uint32_t k = 0; k < check.n_in; k++)
			check.in_operands[k].layout = ways[i].wish ? in[k] : ways[i].in;
		for (uint32_t k = 0; k < check.n_out; k++)
			check.out_operands[k].layout = ways[i].wish ? out[k] : ways[i].out;
		snprintf(check.way, sizeof check.way, "%s, %s, %s", kernel->name,
			 dtype_name(floating), ways[i].name);
		if (!kernel->supports(&check.call, &why))
			continue;
		run_layouts(&check);
		runs++;
	}
	if (check.graph)
		graph_free(check.graph);
	arena_release(&check.arena);
	return runs;
}
