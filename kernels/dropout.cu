/*
 * dropout.cu - Dropout of training (see src/ops/dropout.c): the reference's random numbers. A thread
 * makes one block of four, for four neighbouring elements of a sample in the order of its axes,
 * wherever these lie in memory.
 */
#include "kernels/cuda.h"

extern "C" {
#include "base/rng.h"
#include "ops/step.h"
}

#include <stdlib.h>

struct dropping {
	enum dtype dtype;
	float ratio;
	uint64_t node;
	int64_t samples, size;   /* elements of a sample */
	int64_t blocks;          /* of four elements, in a sample; the last may have fewer */
	int64_t channels, inner; /* a sample is [channels, inner], */
	bool last;               /* or [inner, channels] in memory */
};

/* Four elements at a multiple of four. */
template <class T> struct alignas(4 * sizeof(T)) quad {
	T v[4];
};

template <class T> static __device__ inline void drop(T *y, const T *x, uint32_t word, float ratio)
{
	store(y, 0, rng_uniform(word) >= ratio ? load(x, 0) / (1 - ratio) : 0);
}

template <class T>
static __global__ void drop_all(const T *x, T *y, const struct step_block *step,
				const int64_t *sample_base, struct dropping d)
{
	uint64_t seed = step->seed, stream = (uint64_t)step->steps << 32 | d.node;
	uint64_t base = (uint64_t)*sample_base * (uint64_t)d.blocks;
	EACH(i, d.samples * d.blocks)
	{
		int64_t sample = i / d.blocks, j = i % d.blocks * 4;
		const T *from = x + sample * d.size;
		T *to = y + sample * d.size;
		uint32_t word[4];
		philox(seed, stream, base + (uint64_t)i, word);
		if (d.last) {
			for (int k = 0; k < 4 && j + k < d.size; k++) {
				int64_t at = (j + k) % d.inner * d.channels + (j + k) / d.inner;
				drop(to + at, from + at, word[k], d.ratio);
			}
		} else if (d.size % 4 == 0) {
			struct quad<T> q = *(const struct quad<T> *)(from + j);
			for (int k = 0; k < 4; k++)
				drop(q.v + k, q.v + k, word[k], d.ratio);
			*(struct quad<T> *)(to + j) = q;
		} else {
			for (int k = 0; k < 4 && j + k < d.size; k++)
				drop(to + j + k, from + j + k, word[k], d.ratio);
		}
	}
}

static bool supports(const struct op_call *call, const char **why)
{
	*why = "for f32, f16 and bf16";
	if (!float_type(call->in[0].t.dtype))
		return false;
	*why = "input and output differ in layout";
	return call->in[0].layout == call->out[0].layout;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	const struct shape *x = &call->in[0].t.shape;
	struct dropping *d = (struct dropping *)mem_alloc(sizeof *d);
	d->dtype = call->in[0].t.dtype;
	d->ratio = node_float(call->node, "ratio");
	d->node = (uint64_t)node_int(call->node, "node");
	d->samples = x->rank ? x->dim[0] : 1;
	d->size = d->samples ? shape_elements(x) / d->samples : 0;
	d->blocks = (d->size + 3) / 4;
	d->channels = x->rank > 1 ? x->dim[1] : 1;
	d->inner = d->channels ? d->size / d->channels : 1;
	d->last = !layout_same_bytes(x, call->in[0].layout, LAYOUT_PLAIN);
	*state = d;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct dropping *d = (const struct dropping *)state;
	FOR_FLOAT(d->dtype, T,
		  LAUNCH((drop_all<T>), blocks_for(d->samples * d->blocks), THREADS, 0,
			 work_handle(stream), (const T *)io->in[0], (T *)io->out[0],
			 (const struct step_block *)io->in[1], (const int64_t *)io->in[2], *d));
	return launched();
}

extern "C" const struct kernel cuda_kernel_dropout = {
	.op = "Dropout",
	.name = "CUDA",
	.rank = 0,
	.supports = supports,
	.propose = propose_common,
	.create = create,
	.run = run,
	.destroy = free,
};
