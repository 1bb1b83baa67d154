/*
 * optimizer.c - what a step does with gradients before the optimizer's update: Accumulate, Store and
 * GradStats, each in one pass over its memory. Sums of squares are formed in double over pieces of
 * fixed size, so they do not depend on the number of threads.
 */
#include "ops/optimizer.h"

#include "backend/backend.h"
#include "backend/cpu/loop.h"
#include "backend/cpu/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GRAIN 16384 /* elements that are worth a thread */
#define PIECE 16384 /* elements of one sum */

static bool all_f32(const struct op_call *call, uint32_t first)
{
	for (uint32_t k = first; k < call->n_in; k++)
		if (call->in[k].t.dtype != DT_F32 || call->in[k].layout != LAYOUT_PLAIN)
			return false;
	return true;
}

static bool supports_sums(const struct op_call *call, const char **why)
{
	*why = "only for float32";
	return all_f32(call, 0);
}

static bool supports_stats(const struct op_call *call, const char **why)
{
	*why = "only for float32 gradients";
	return all_f32(call, 3) && call->in[2].t.dtype == DT_F32;
}

/* ---- Accumulate and Store ---- */

struct sum_state {
	int64_t n;
	bool store;
};

struct sum_job {
	float *acc;
	const float *a, *g;
};

SIMD static void add(float *acc, const float *a, const float *g, int64_t n)
{
	SIMD_LOOP for (int64_t i = 0; i < n; i++) acc[i] = a[i] + g[i];
}

static void add_piece(const void *ctx, int64_t begin, int64_t end)
{
	const struct sum_job *job = ctx;
	add(job->acc + begin, job->a + begin, job->g + begin, end - begin);
}

static enum status sum_create(struct device *device, const struct op_call *call, void **state,
			      size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct sum_state *s = mem_alloc(sizeof *s);
	*s = (struct sum_state){ shape_elements(&call->in[0].t.shape),
				 !strcmp(call->def->name, "Store") };
	*state = s;
	return OK;
}

static enum status sum_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct sum_state *s = state;
	struct sum_job job = { io->out[0], io->in[0], io->in[1] };
	if (s->store)
		memmove(job.acc, job.g, (size_t)s->n * sizeof *job.g);
	else
		parallel_for(s->n, GRAIN, add_piece, &job);
	return OK;
}

/* ---- GradStats ---- */

struct stats_state {
	uint32_t n_gradients;
	double max_norm;
	enum grad_stats_part part;
	int64_t *n; /* elements of each gradient */
};

struct stats_job {
	const float *g;
	int64_t n;
	double *sums; /* per piece */
};

SIMD_SUM static double sum_of_squares(const float *g, int64_t n)
{
	double sum = 0;
	for (int64_t i = 0; i < n; i++)
		sum += (double)g[i] * (double)g[i];
	return sum;
}

static void stats_pieces(const void *ctx, int64_t begin, int64_t end)
{
	const struct stats_job *job = ctx;
	for (int64_t p = begin; p < end; p++) {
		int64_t left = job->n - p * PIECE;
		job->sums[p] = sum_of_squares(job->g + p * PIECE, left < PIECE ? left : PIECE);
	}
}

static enum status stats_create(struct device *device, const struct op_call *call, void **state,
				size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	struct stats_state *s = mem_alloc(sizeof *s);
	int64_t most = 0;
	*s = (struct stats_state){ call->n_in - 3, node_double(call->node, "max_norm"),
				   (enum grad_stats_part)node_int(call->node, "part"),
				   mem_alloc((call->n_in - 3) * sizeof *s->n) };
	for (uint32_t k = 0; k < s->n_gradients; k++) {
		s->n[k] = shape_elements(&call->in[3 + k].t.shape);
		most = s->n[k] > most ? s->n[k] : most;
	}
	*workspace = (size_t)(most / PIECE + 1) * sizeof(double);
	*state = s;
	return OK;
}

static enum status stats_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct stats_state *s = state;
	struct step_block step;
	double sum = 0;
	memcpy(&step, io->in[0], sizeof step);
	for (uint32_t k = 0; k < s->n_gradients; k++) {
		int64_t pieces = (s->n[k] + PIECE - 1) / PIECE;
		struct stats_job job = { io->in[3 + k], s->n[k], io->workspace };
		parallel_for(pieces, 1, stats_pieces, &job);
		for (int64_t p = 0; p < pieces; p++)
			sum += job.sums[p];
	}
	/* The square of no finite float overflows a double: the sum tells whether all are finite. */
	grad_stats_end(&step, sum, (double)*(const float *)io->in[2] / *(const double *)io->in[1],
		       s->max_norm, s->part);
	memcpy(io->out[0], &step, sizeof step);
	return OK;
}

static void stats_destroy(void *state)
{
	struct stats_state *s = state;
	free(s->n);
	free(s);
}

const struct kernel kernel_accumulate = {
	.op = "Accumulate",
	.name = "vector loop",
	.supports = supports_sums,
	.create = sum_create,
	.run = sum_run,
	.destroy = free,
};

const struct kernel kernel_store = {
	.op = "Store",
	.name = "copy",
	.supports = supports_sums,
	.create = sum_create,
	.run = sum_run,
	.destroy = free,
};

const struct kernel kernel_grad_stats = {
	.op = "GradStats",
	.name = "vector loop",
	.supports = supports_stats,
	.create = stats_create,
	.run = stats_run,
	.destroy = stats_destroy,
};
