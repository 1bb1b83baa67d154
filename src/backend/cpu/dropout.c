/*
 * dropout.c - Dropout of training (see src/ops/dropout.c): the same random numbers as the reference,
 * 16 blocks of four at a time.
 */
#include "backend/cpu/convert.h"
#include "backend/cpu/loop.h"
#include "backend/cpu/simd.h"

#include "backend/backend.h"
#include "ops/step.h"

#include <stdlib.h>
#include <string.h>

#define LANES 16   /* blocks of four random words that are made together */
#define GRAIN 1024 /* such blocks that are worth a thread */

struct state {
	enum dtype dtype;
	float ratio;
	uint64_t node;
	int64_t samples, size; /* elements of a sample */
	int64_t blocks;        /* of four elements, in a sample; the last may have fewer */
};

/*
 * Numbers in [0, 1) from Philox4x32-10 (base/rng.h) of the counters low, low + 1, ... Each word has
 * 64 bits here, of which the upper ones are 0: products of such are what vectors can do.
 */
SIMD static void random_uniform(uint64_t key, uint64_t high, uint64_t low, float uniform[4 * LANES])
{
	const uint64_t word = 0xffffffff;
	uint64_t k0 = key & word, k1 = key >> 32;
	uint64_t c[4][LANES];
	for (int i = 0; i < LANES; i++) {
		c[0][i] = (low + (uint64_t)i) & word;
		c[1][i] = (low + (uint64_t)i) >> 32;
		c[2][i] = high & word;
		c[3][i] = high >> 32;
	}
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < LANES; i++) {
			uint64_t p0 = 0xD2511F53 * (c[0][i] & word);
			uint64_t p1 = 0xCD9E8D57 * (c[2][i] & word);
			c[0][i] = (p1 >> 32) ^ c[1][i] ^ k0;
			c[1][i] = p1 & word;
			c[2][i] = (p0 >> 32) ^ c[3][i] ^ k1;
			c[3][i] = p0 & word;
		}
		k0 = (k0 + 0x9E3779B9) & word;
		k1 = (k1 + 0xBB67AE85) & word;
	}
	for (int i = 0; i < LANES; i++)
		for (int k = 0; k < 4; k++)
			uniform[4 * i + k] = (float)(int32_t)(c[k][i] >> 8) * 0x1p-24f;
}

static bool supports(const struct op_call *call, const char **why)
{
	*why = "no vector loop for this type, or operands that are not plain";
	return convert_supports(call->in[0].t.dtype) && call->in[0].layout == LAYOUT_PLAIN &&
	       call->out[0].layout == LAYOUT_PLAIN;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	const struct shape *x = &call->in[0].t.shape;
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .dtype = call->in[0].t.dtype,
			     .ratio = node_float(call->node, "ratio"),
			     .node = (uint64_t)node_int(call->node, "node"),
			     .samples = x->rank ? x->dim[0] : 1 };
	s->size = s->samples ? shape_elements(x) / s->samples : 0;
	s->blocks = (s->size + 3) / 4;
	*state = s;
	return OK;
}

struct job {
	const struct state *s;
	const void *x;
	void *y;
	uint64_t seed, stream, base; /* base: the counter of the first block */
};

/* n elements from `at`, by random numbers that stand in their order. */
SIMD static void drop(float *y, const float *x, const float *uniform, int64_t n, float ratio)
{
	SIMD_LOOP for (int64_t i = 0; i < n; i++) y[i] = uniform[i] >= ratio ? x[i] / (1 - ratio)
									     : 0;
}

/* Blocks [block, block + n) of a sample, n up to LANES. */
static void run_lanes(const struct job *job, int64_t sample, int64_t block, int64_t n)
{
	const struct state *s = job->s;
	int64_t left = s->size - 4 * block, at = sample * s->size + 4 * block;
	int64_t elements = left < 4 * n ? left : 4 * n;
	float uniform[4 * LANES], buffer[4 * LANES], dropped[4 * LANES];
	random_uniform(job->seed, job->stream, job->base + (uint64_t)(sample * s->blocks + block),
		       uniform);
	const float *x = convert_view(s->dtype, job->x, at, elements, buffer);
	float *y = convert_target(s->dtype, job->y, at, dropped);
	drop(y, x, uniform, elements, s->ratio);
	convert_commit(s->dtype, y, at, elements, job->y);
}

static void run_blocks(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *job = ctx;
	int64_t blocks = job->s->blocks;
	while (begin < end) {
		int64_t sample = begin / blocks, block = begin % blocks, n = blocks - block;
		n = n < LANES ? n : LANES;
		n = n < end - begin ? n : end - begin;
		run_lanes(job, sample, block, n);
		begin += n;
	}
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct step_block step;
	int64_t sample_base;
	memcpy(&step, io->in[1], sizeof step);
	memcpy(&sample_base, io->in[2], sizeof sample_base);
	struct job job = { .s = s,
			   .x = io->in[0],
			   .y = io->out[0],
			   .seed = step.seed,
			   .stream = (uint64_t)step.steps << 32 | s->node,
			   .base = (uint64_t)sample_base * (uint64_t)s->blocks };
	parallel_for(s->samples * s->blocks, GRAIN, run_blocks, &job);
	return OK;
}

const struct kernel kernel_dropout = {
	.op = "Dropout",
	.name = "vector loop",
	.supports = supports,
	.create = create,
	.run = run,
	.destroy = free,
};
