/*
 * gather.c - Gather and GatherGrad. x is [before, size, after] and y [before, indices, after]: rows
 * of length `after` are copied, or, for the gradient, added up. Each thread adds to rows of its own,
 * in the order of the indices, so the sums do not depend on threads.
 */
#include "backend/cpu/convert.h"
#include "backend/cpu/copy.h"
#include "backend/cpu/simd.h"

#include "backend/moves.h"
#include "ops/gather.h"

#include <stdlib.h>
#include <string.h>

#define GRAIN 65536 /* bytes that are worth a thread */

struct state {
	struct gather_sizes g;
	enum dtype index, dy, dx; /* element types; dy and dx of the gradient */
	unsigned bytes;           /* of an element */
};

static struct state *state_of(const struct op_call *call, const struct shape *x)
{
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .g = gather_sizes(call->node, x, &call->in[1].t.shape),
			     .index = call->in[1].t.dtype,
			     .dy = call->in[0].t.dtype,
			     .dx = call->out[0].t.dtype,
			     .bytes = dtype_bits(call->in[0].t.dtype) / 8 };
	return s;
}

static bool is_plain(const struct op_call *call)
{
	return call->in[0].layout == LAYOUT_PLAIN && call->in[1].layout == LAYOUT_PLAIN &&
	       call->out[0].layout == LAYOUT_PLAIN;
}

struct job {
	const struct state *s;
	const void *index, *from;
	void *to;
};

/* Index i from the start; negative ones count from the end. -1: outside. */
static int64_t index_at(const struct job *job, int64_t i)
{
	const struct state *s = job->s;
	int64_t at = s->index == DT_I32 ? ((const int32_t *)job->index)[i]
					: ((const int64_t *)job->index)[i];
	if (at < -s->g.size || at >= s->g.size)
		return -1;
	return at < 0 ? at + s->g.size : at;
}

static bool indices_are_inside(const struct job *job)
{
	for (int64_t i = 0; i < job->s->g.n; i++)
		if (index_at(job, i) < 0)
			return false;
	return true;
}

/* ---- Gather ---- */

static bool supports(const struct op_call *call, const char **why)
{
	*why = "elements of this size, or operands that are not plain";
	return moves_dtype(call->in[0].t.dtype) && is_plain(call);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	*state = state_of(call, &call->in[0].t.shape);
	return OK;
}

/* Rows [begin, end) of y. */
static void copy_rows(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *job = ctx;
	const struct state *s = job->s;
	size_t row = (size_t)s->g.after * s->bytes;
	for (int64_t i = begin; i < end; i++) {
		int64_t from = i / s->g.n * s->g.size + index_at(job, i % s->g.n);
		memcpy((char *)job->to + (size_t)i * row,
		       (const char *)job->from + (size_t)from * row, row);
	}
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct job job = { s, io->in[1], io->in[0], io->out[0] };
	int64_t row = s->g.after * s->bytes;
	if (!indices_are_inside(&job))
		return ERR_INPUT;
	if (row)
		parallel_for(s->g.before * s->g.n, (GRAIN + row - 1) / row, copy_rows, &job);
	return OK;
}

/* ---- GatherGrad ---- */

static bool supports_grad(const struct op_call *call, const char **why)
{
	*why = "no vector loop for these types, or operands that are not plain";
	return convert_supports(call->in[0].t.dtype) && convert_supports(call->out[0].t.dtype) &&
	       is_plain(call);
}

static enum status create_grad(struct device *device, const struct op_call *call, void **state,
			       size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	struct state *s = state_of(call, &call->out[0].t.shape);
	if (s->dx != DT_F32) /* the sums */
		*workspace = (size_t)(s->g.before * s->g.size * s->g.after) * sizeof(float);
	*state = s;
	return OK;
}

SIMD static void add(float *restrict to, const float *restrict from, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		to[i] += from[i];
}

static void add_row(const struct state *s, float *to, const void *dy, int64_t first)
{
	enum { PART = 512 };
	float buffer[PART];
	for (int64_t i = 0; i < s->g.after; i += PART) {
		int64_t n = s->g.after - i < PART ? s->g.after - i : PART;
		add(to + i, convert_view(s->dy, dy, first + i, n, buffer), n);
	}
}

/* Rows [begin, end) of the axis in every one of the `before` parts. */
static void add_rows(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *job = ctx;
	const struct state *s = job->s;
	float *sums = job->to;
	for (int64_t k = 0; k < s->g.before; k++) {
		memset(sums + (k * s->g.size + begin) * s->g.after, 0,
		       (size_t)((end - begin) * s->g.after) * sizeof *sums);
		for (int64_t i = 0; i < s->g.n; i++) {
			int64_t at = index_at(job, i);
			if (at >= begin && at < end)
				add_row(s, sums + (k * s->g.size + at) * s->g.after, job->from,
					(k * s->g.n + i) * s->g.after);
		}
	}
}

static enum status run_grad(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	bool direct = s->dx == DT_F32;
	struct job job = { s, io->in[1], io->in[0], direct ? io->out[0] : io->workspace };
	int64_t row = s->g.before * s->g.after * (int64_t)sizeof(float);
	if (!indices_are_inside(&job))
		return ERR_INPUT;
	if (row)
		parallel_for(s->g.size, (GRAIN + row - 1) / row, add_rows, &job);
	if (!direct)
		convert_store(s->dx, job.to, 0, s->g.before * s->g.size * s->g.after, io->out[0]);
	return OK;
}

const struct kernel kernel_gather = {
	.op = "Gather",
	.name = "rows",
	.supports = supports,
	.create = create,
	.run = run,
	.destroy = free,
};

const struct kernel kernel_gather_grad = {
	.op = "GatherGrad",
	.name = "sums of rows",
	.supports = supports_grad,
	.create = create_grad,
	.run = run_grad,
	.destroy = free,
};
