/*
 * conv_tiles.c - ConvGradWeight of bfloat16 in the tiles of AMX (tiles.h),
 *
 *	dw'[k, position, c] = sum over the rows r of dy: dy[r, k] x[row(position, r), c],
 *
 * one product whose rows of x, which are channels-last, are found where they lie. oneDNN 2.x takes three
 * to five times as long for kernels of one position.
 */
#include "backend/cpu/conv.h"
#include "backend/cpu/tiles.h"

#include <stdlib.h>

struct state {
	struct conv_geometry g;
	struct tiles tiles;
	size_t space; /* bytes of workspace before dw', where that is not dw */
	int32_t *row;
};

static int64_t positions(const struct conv_geometry *g)
{
	return g->kernel[0] * g->kernel[1] * g->kernel[2];
}

static int64_t plane(const int64_t size[CONV_MAX_SPATIAL])
{
	return size[0] * size[1] * size[2];
}

/* Tiles hold 32 channels; with a few of them oneDNN in float32 is faster. */
#define CHANNELS_MIN 32

static bool supports(const struct op_call *call, const char **why)
{
	struct conv_call c;
	*why = "the geometry";
	if (conv_call_read(call, &c, NULL) != OK || !conv_fits_loops(&c, why))
		return false;
	*why = "for bfloat16 and a gradient of float32, on CPUs with AMX";
	if (c.x->t.dtype != DT_BF16 || c.y->t.dtype != DT_BF16 || c.w->t.dtype != DT_F32 ||
	    !dnn_supports(DT_BF16) || !tiles_available())
		return false;
	*why = "another kernel is faster at this convolution";
	return c.g.group == 1 && c.g.c >= CHANNELS_MIN && c.g.k >= CHANNELS_MIN &&
	       plane(c.g.in) <= INT32_MAX && positions(&c.g) <= INT32_MAX / plane(c.g.out);
}

static void list_rows(struct state *s)
{
	struct tiles *t = &s->tiles;
	int32_t *next = mem_alloc((size_t)(t->taps * t->plane) * sizeof *next);
	s->row = next;
	t->row = next;
	for (int64_t k = 0; k < t->taps; k++)
		for (int64_t o = 0; o < t->plane; o++)
			*next++ = (int32_t)conv_input_position(&s->g, o, k);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	struct conv_call c;
	TRY(conv_call_read(call, &c, err));
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .g = c.g,
			     .tiles = { .m = c.g.k,
					.n = c.g.c,
					.taps = positions(&c.g),
					.samples = c.g.n,
					.plane = plane(c.g.out),
					.plane_b = plane(c.g.in),
					.threads = device->threads } };
	bool same = true; /* each row of dy meets that of x */
	for (int i = 0; i < CONV_MAX_SPATIAL; i++)
		same = same && c.g.stride[i] == 1 && !c.g.pad_begin[i] && c.g.in[i] == c.g.out[i];
	if (s->tiles.taps > 1 || !same)
		list_rows(s);
	s->space = (tiles_workspace(&s->tiles) + 63) / 64 * 64;
	*workspace = s->space;
	if (s->tiles.taps > 1)
		*workspace += (size_t)(c.g.k * s->tiles.taps * c.g.c) * sizeof(float);
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct conv_memory m = conv_memory(DNN_GRAD_WEIGHT, false, io);
	bool apart = s->tiles.taps > 1;
	float *dw = apart ? (float *)((char *)io->workspace + s->space) : m.w;
	tiles_run(&s->tiles, m.y, m.x, dw, io->workspace);
	if (apart)
		conv_weights_outward(&s->g, dw, s->tiles.taps * s->g.c, m.w);
	return OK;
}

static void destroy(void *state)
{
	struct state *s = state;
	free(s->row);
	free(s);
}

const struct kernel kernel_conv_tiles_grad_weight = {
	.op = "ConvGradWeight",
	.name = "convolution in tiles, backward weights",
	.rank = 3,
	.supports = supports,
	.propose = conv_propose_inward,
	.create = create,
	.run = run,
	.destroy = destroy,
};
