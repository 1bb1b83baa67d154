/* moving_average.cu - MovingAverage of float32 parameters (src/ops), in double for each element. */
#include "kernels/cuda.h"

extern "C" {
#include "ops/step.h"
}

#include <stdlib.h>

struct averaging {
	int64_t n;
	double take; /* 1 - decay */
};

static __global__ void average(const struct step_block *step, float *a, const float *p,
			       struct averaging s)
{
	if (step->found_inf)
		return;
	bool first = !step->good_steps;
	EACH(i, s.n)
	{
		double old = a[i], now = p[i];
		a[i] = (float)(first ? now : old + (now - old) * s.take);
	}
}

static bool supports(const struct op_call *call, const char **why)
{
	*why = "for float32 in one layout";
	return call->in[1].t.dtype == DT_F32 && call->in[1].layout == call->in[2].layout;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct averaging *s = (struct averaging *)mem_alloc(sizeof *s);
	s->n = shape_elements(&call->in[1].t.shape);
	s->take = 1 - node_double(call->node, "decay");
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct averaging *s = (const struct averaging *)state;
	LAUNCH(average, blocks_for(s->n), THREADS, 0, work_handle(stream),
	       (const struct step_block *)io->in[0], (float *)io->out[0], (const float *)io->in[2],
	       *s);
	return launched();
}

extern "C" const struct kernel cuda_kernel_moving_average = {
	.op = "MovingAverage",
	.name = "CUDA",
	.rank = 0,
	.supports = supports,
	.propose = NULL,
	.create = create,
	.run = run,
	.destroy = free,
};
