/*
 * step.cu - what a step does once: GradStats, ScaleUpdate and LossRoot (src/ops has the formulas). Sums of
 * squares are formed in double over pieces of a fixed size and added up in their order; a gradient
 * that is not finite makes them not finite.
 */
#include "kernels/block.h"

extern "C" {
#include "ops/optimizer.h"
}

#include <stdlib.h>
#include <string.h>

#define PIECE 16384

/* ---- GradStats ---- */

struct stats {
	uint32_t gradients;
	double max_norm;
	enum grad_stats_part part;
	int64_t *n; /* elements of each gradient */
};

static int64_t pieces_of(int64_t n)
{
	return (n + PIECE - 1) / PIECE;
}

/* The gradients of a launch, a block for each piece; `first` is a gradient's first block. */
struct gradient {
	const float *g;
	int64_t n; /* more than 0 */
	uint32_t first;
};

#define GRADIENTS ((ARGUMENT_BYTES - 64) / sizeof(struct gradient))

struct gradients {
	double *sums; /* for each block */
	uint32_t n, blocks;
	struct gradient v[GRADIENTS];
};

static __global__ void square_sums(const __grid_constant__ struct gradients all)
{
	const struct gradient *one = &all.v[find_block(all.v, all.n, blockIdx.x)];
	const float *g = one->g;
	int64_t n = one->n, begin = (int64_t)(blockIdx.x - one->first) * PIECE;
	int64_t end = begin + PIECE < n ? begin + PIECE : n;
	double sum = 0;
	for (int64_t i = begin + threadIdx.x; i < end; i += THREADS)
		sum += (double)g[i] * (double)g[i];
	sum = block_sum(sum);
	if (threadIdx.x == 0)
		all.sums[blockIdx.x] = sum;
}

static __global__ void end_stats(struct step_block *step, const double *weight, const float *loss,
				 const double *sums, int64_t n, double max_norm,
				 enum grad_stats_part part)
{
	double sum = 0;
	for (int64_t i = threadIdx.x; i < n; i += THREADS)
		sum += sums[i];
	sum = block_sum(sum);
	if (threadIdx.x == 0)
		grad_stats_end(step, sum, (double)*loss / *weight, max_norm, part);
}

static bool stats_supports(const struct op_call *call, const char **why)
{
	*why = "for float32 gradients";
	for (uint32_t k = 2; k < call->n_in; k++)
		if (call->in[k].t.dtype != DT_F32)
			return false;
	return true;
}

static enum status stats_create(struct device *device, const struct op_call *call, void **state,
				size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	struct stats *s = (struct stats *)mem_alloc(sizeof *s);
	int64_t pieces = 0;
	s->gradients = call->n_in - 3;
	s->max_norm = node_double(call->node, "max_norm");
	s->part = (enum grad_stats_part)node_int(call->node, "part");
	s->n = (int64_t *)mem_alloc(s->gradients * sizeof *s->n);
	for (uint32_t k = 0; k < s->gradients; k++) {
		s->n[k] = shape_elements(&call->in[3 + k].t.shape);
		pieces += pieces_of(s->n[k]);
	}
	*workspace = (size_t)(pieces + 1) * sizeof(double);
	*state = s;
	return OK;
}

/* Launches what is in the list and empties it. */
static void sum_squares(struct gradients *all, struct stream *stream)
{
	if (all->n)
		LAUNCH(square_sums, all->blocks, THREADS, 0, work_handle(stream), *all);
	all->sums += all->blocks;
	all->n = all->blocks = 0;
}

static enum status stats_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct stats *s = (const struct stats *)state;
	double *sums = (double *)io->workspace;
	struct gradients all;
	memset(&all, 0, sizeof all);
	all.sums = sums;
	for (uint32_t k = 0; k < s->gradients; k++) {
		if (all.n == GRADIENTS)
			sum_squares(&all, stream);
		if (!s->n[k])
			continue;
		struct gradient *one = &all.v[all.n++];
		one->g = (const float *)io->in[3 + k];
		one->n = s->n[k];
		one->first = all.blocks;
		all.blocks += (uint32_t)pieces_of(s->n[k]);
	}
	sum_squares(&all, stream);
	LAUNCH(end_stats, 1, THREADS, 0, work_handle(stream), (struct step_block *)io->out[0],
	       (const double *)io->in[1], (const float *)io->in[2], sums, all.sums - sums,
	       s->max_norm, s->part);
	return launched();
}

static void stats_destroy(void *state)
{
	free(((struct stats *)state)->n);
	free(state);
}

extern "C" const struct kernel cuda_kernel_grad_stats = {
	.op = "GradStats",
	.name = "CUDA",
	.rank = 0,
	.supports = stats_supports,
	.propose = NULL,
	.create = stats_create,
	.run = stats_run,
	.destroy = stats_destroy,
};

/* ---- ScaleUpdate ---- */

struct scaling {
	bool dynamic;
	double growth, backoff;
	int64_t interval;
	float floor;
};

static __global__ void update_scale(struct step_block *step, struct scaling s)
{
	struct step_block b = *step;
	b.steps++;
	if (b.found_inf) {
		b.skips++;
	} else {
		b.skips = 0;
		b.good_steps++;
	}
	if (s.dynamic && b.found_inf) {
		float scale = (float)(b.scale * s.backoff);
		b.scale = scale > s.floor ? scale : s.floor;
		b.growth_tracker = 0;
	} else if (s.dynamic && ++b.growth_tracker == s.interval) {
		float grown = (float)(b.scale * s.growth);
		if (grown <= 3.402823466e38f)
			b.scale = grown;
		b.growth_tracker = 0;
	}
	*step = b;
}

static bool any_supports(const struct op_call *call, const char **why)
{
	(void)call, (void)why;
	return true;
}

static enum status scaling_create(struct device *device, const struct op_call *call, void **state,
				  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct scaling *s = (struct scaling *)mem_alloc(sizeof *s);
	s->dynamic = node_int(call->node, "dynamic") != 0;
	s->growth = node_double(call->node, "growth");
	s->backoff = node_double(call->node, "backoff");
	s->interval = node_int(call->node, "growth_interval");
	s->floor = node_float(call->node, "floor");
	*state = s;
	return OK;
}

static enum status scaling_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	LAUNCH(update_scale, 1, 1, 0, work_handle(stream), (struct step_block *)io->out[0],
	       *(const struct scaling *)state);
	return launched();
}

extern "C" const struct kernel cuda_kernel_scale_update = {
	.op = "ScaleUpdate",
	.name = "CUDA",
	.rank = 0,
	.supports = any_supports,
	.propose = NULL,
	.create = scaling_create,
	.run = scaling_run,
	.destroy = free,
};

/* ---- LossRoot ---- */

template <class T>
static __global__ void make_root(const struct step_block *step, const double *weight, T *root)
{
	store(root, 0, (float)((double)step->scale / *weight));
}

static bool root_supports(const struct op_call *call, const char **why)
{
	*why = "for f32, f16 and bf16";
	return call->out[0].t.dtype != DT_F64 && call->in[1].t.dtype == DT_F64;
}

static enum status root_create(struct device *device, const struct op_call *call, void **state,
			       size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	enum dtype *dtype = (enum dtype *)mem_alloc(sizeof *dtype);
	*dtype = call->out[0].t.dtype;
	*state = dtype;
	return OK;
}

static enum status root_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	FOR_FLOAT(*(const enum dtype *)state, T,
		  LAUNCH((make_root<T>), 1, 1, 0, work_handle(stream),
			 (const struct step_block *)io->in[0], (const double *)io->in[1],
			 (T *)io->out[0]));
	return launched();
}

extern "C" const struct kernel cuda_kernel_loss_root = {
	.op = "LossRoot",
	.name = "CUDA",
	.rank = 0,
	.supports = root_supports,
	.propose = NULL,
	.create = root_create,
	.run = root_run,
	.destroy = free,
};
