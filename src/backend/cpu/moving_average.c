/* moving_average.c - the kernel of MovingAverage (src/ops): one pass over the memory. */
#include "backend/backend.h"
#include "backend/cpu/loop.h"
#include "backend/cpu/simd.h"
#include "ops/step.h"

#include <stdlib.h>
#include <string.h>

#define GRAIN 16384 /* elements that are worth a thread */

struct state {
	int64_t n;
	double decay;
};

struct job {
	float *out;
	const float *a, *p;
	float take;
};

SIMD static void average(float *out, const float *a, const float *p, float take, int64_t n)
{
	SIMD_LOOP for (int64_t i = 0; i < n; i++) out[i] = a[i] + (p[i] - a[i]) * take;
}

static void piece(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *j = ctx;
	average(j->out + begin, j->a + begin, j->p + begin, j->take, end - begin);
}

static bool supports(const struct op_call *call, const char **why)
{
	*why = "only for float32";
	return call->in[1].t.dtype == DT_F32 && call->in[1].layout == LAYOUT_PLAIN &&
	       call->in[2].layout == LAYOUT_PLAIN;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ shape_elements(&call->in[1].t.shape),
			     node_double(call->node, "decay") };
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct step_block step;
	memcpy(&step, io->in[0], sizeof step);
	struct job job = { io->out[0], io->in[1], io->in[2], (float)(1 - s->decay) };
	if (step.found_inf || !step.good_steps)
		memmove(job.out, step.found_inf ? job.a : job.p, (size_t)s->n * sizeof *job.a);
	else
		parallel_for(s->n, GRAIN, piece, &job);
	return OK;
}

const struct kernel kernel_moving_average = {
	.op = "MovingAverage",
	.name = "vector loop",
	.supports = supports,
	.create = create,
	.run = run,
	.destroy = free,
};
