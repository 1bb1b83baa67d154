/*
 * conv_depthwise.c - the gradient of the weights of depthwise convolutions (each channel by itself),
 * channels-last,
 *
 *	dw'[k] += dy[o] x[o * stride - pad_begin + k * dilation],
 *
 * a run of channels at once; dw' has the channels innermost. The sums of a row of the kernel (3, 5
 * or 7 positions, of whole vectors of channels) are kept in registers along the outputs of a row that
 * they all meet; what is left goes one by one. Sums go by chunks of samples, whose number does not
 * depend on that of the threads, and are added in order.
 */
#include "backend/cpu/conv.h"
#include "backend/cpu/simd.h"

#include <stdlib.h>
#include <string.h>

#define CHUNKS 32 /* of samples, at most */
#define BLOCK 64  /* channels, where threads divide these because samples are few */
#define LANES 8
#define LONG (1 << 15) /* bytes of a row that don't stay in the first-level cache */

typedef float vector __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

struct state {
	struct conv_geometry g; /* the used axes last */
	int64_t plane_x, plane_y, positions;
	int64_t inner_first,
		inner_last;    /* outputs of a row that no position of the last axis misses */
	int64_t chunk, chunks; /* of samples */
	int64_t block, blocks; /* of channels: what a task has */
	int64_t run;           /* of channels: what is taken through a sample at once */
	int threads;
};

/* ---- a row of outputs, a row of the kernel ---- */

/* Where it begins in x, dy and dw', and floats from one output or position to the next. */
struct row {
	const float *x, *dy;
	float *dw;
	int64_t step_x, step_dy; /* to the next output */
	int64_t next_x, next_dw; /* to the next position of the kernel */
	int64_t n;               /* outputs */
};

/* v vectors of channels from c on */
SIMD_INLINE void add_vectors(const struct row *r, int64_t c, const int positions, const int v)
{
	vector sum[7][2];
	for (int k = 0; k < positions; k++)
		for (int l = 0; l < v; l++)
			sum[k][l] = ((const vector *)(r->dw + k * r->next_dw + c))[l];
	for (int64_t o = 0; o < r->n; o++)
		for (int l = 0; l < v; l++) {
			vector dy = ((const vector *)(r->dy + o * r->step_dy + c))[l];
			const float *x = r->x + o * r->step_x + c;
			for (int k = 0; k < positions; k++)
				sum[k][l] += dy * ((const vector *)(x + k * r->next_x))[l];
		}
	for (int k = 0; k < positions; k++)
		for (int l = 0; l < v; l++)
			((vector *)(r->dw + k * r->next_dw + c))[l] = sum[k][l];
}

/* n channels, whole vectors, for so many positions */
SIMD static void add_row_3(const struct row *r, int64_t n)
{
	int64_t c = 0;
	for (; c + 2 * LANES <= n; c += 2 * LANES)
		add_vectors(r, c, 3, 2);
	for (; c < n; c += LANES)
		add_vectors(r, c, 3, 1);
}

SIMD static void add_row_5(const struct row *r, int64_t n)
{
	int64_t c = 0;
	for (; c + 2 * LANES <= n; c += 2 * LANES)
		add_vectors(r, c, 5, 2);
	for (; c < n; c += LANES)
		add_vectors(r, c, 5, 1);
}

SIMD static void add_row_7(const struct row *r, int64_t n)
{
	for (int64_t c = 0; c < n; c += LANES)
		add_vectors(r, c, 7, 1);
}

typedef void row_fn(const struct row *r, int64_t n);

/* By the length of a row of the kernel. */
static row_fn *const add_row[] = { [3] = add_row_3, [5] = add_row_5, [7] = add_row_7 };

/* Outputs [first, last) and n channels, one by one. */
SIMD static void add_rest(const struct conv_geometry *g, const float *x, const float *dy, float *dw,
			  int64_t first, int64_t last, int64_t n)
{
	for (int64_t o = first; o < last; o++)
		for (int64_t k = 0; k < g->kernel[2]; k++) {
			int64_t i = o * g->stride[2] - g->pad_begin[2] + k * g->dilation[2];
			if (i >= 0 && i < g->in[2])
				for (int64_t c = 0; c < n; c++)
					dw[k * g->c + c] += dy[o * g->c + c] * x[i * g->c + c];
		}
}

/* n channels from those that the pointers point to. */
static void run_row(const struct state *s, const float *x, const float *dy, float *dw, int64_t n)
{
	const struct conv_geometry *g = &s->g;
	int64_t first = s->inner_first, last = s->inner_last, whole = n / LANES * LANES;
	row_fn *f = g->kernel[2] < (int64_t)ARRAY_SIZE(add_row) ? add_row[g->kernel[2]] : NULL;
	if (!f || first >= last) {
		add_rest(g, x, dy, dw, 0, g->out[2], n);
		return;
	}
	f(&(struct row){ .x = x + (first * g->stride[2] - g->pad_begin[2]) * g->c,
			 .dy = dy + first * g->c,
			 .dw = dw,
			 .step_x = g->stride[2] * g->c,
			 .step_dy = g->c,
			 .next_x = g->dilation[2] * g->c,
			 .next_dw = g->c,
			 .n = last - first },
	  whole);
	add_rest(g, x + whole, dy + whole, dw + whole, first, last, n - whole);
	add_rest(g, x, dy, dw, 0, first, n);
	add_rest(g, x, dy, dw, last, g->out[2], n);
}

/* ---- all of them ---- */

static void run_sample(const struct state *s, const float *x, const float *dy, float *dw, int64_t n)
{
	const struct conv_geometry *g = &s->g;
	for (int64_t o = 0; o < g->out[0] * g->out[1]; o++)
		for (int64_t k = 0; k < g->kernel[0] * g->kernel[1]; k++) {
			int64_t i0 = o / g->out[1] * g->stride[0] - g->pad_begin[0] +
				     k / g->kernel[1] * g->dilation[0];
			int64_t i1 = o % g->out[1] * g->stride[1] - g->pad_begin[1] +
				     k % g->kernel[1] * g->dilation[1];
			if (i0 < 0 || i0 >= g->in[0] || i1 < 0 || i1 >= g->in[1])
				continue;
			run_row(s, x + (i0 * g->in[1] + i1) * g->in[2] * g->c,
				dy + o * g->out[2] * g->c, dw + k * g->kernel[2] * g->c, n);
		}
}

/* Task i: some samples, some channels. */
static void run_task(const struct state *s, const struct conv_memory *m, float *dw, int64_t i)
{
	int64_t first = i / s->blocks * s->chunk, c = i % s->blocks * s->block;
	int64_t last = first + s->chunk < s->g.n ? first + s->chunk : s->g.n;
	int64_t end = c + s->block < s->g.c ? c + s->block : s->g.c;
	dw += i / s->blocks * s->positions * s->g.c;
	for (int64_t k = 0; k < s->positions; k++)
		memset(dw + k * s->g.c + c, 0, (size_t)(end - c) * sizeof *dw);
	for (int64_t j = first; j < last; j++)
		for (int64_t r = c; r < end; r += s->run)
			run_sample(s, (float *)m->x + j * s->plane_x * s->g.c + r,
				   (float *)m->y + j * s->plane_y * s->g.c + r, dw + r,
				   end - r < s->run ? end - r : s->run);
}

/* Adds the sums of all chunks into the first. */
static void add_chunks(const struct state *s, float *dw)
{
	int64_t size = s->positions * s->g.c;
	for (int64_t i = 0; i < size; i++) {
		double sum = 0;
		for (int64_t j = 0; j < s->chunks; j++)
			sum += dw[j * size + i];
		dw[i] = (float)sum;
	}
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct conv_memory m = conv_memory(DNN_GRAD_WEIGHT, false, io);
	float *dw = io->workspace;
	/* [c, 1, positions] seen as one output channel that has all of them */
	struct conv_geometry as_one = s->g;
	as_one.k = as_one.group = 1;
#pragma omp parallel for schedule(static) num_threads(s->threads)
	for (int64_t i = 0; i < s->chunks * s->blocks; i++)
		run_task(s, &m, dw, i);
	add_chunks(s, dw);
	conv_weights_outward(&as_one, dw, 0, m.w);
	return OK;
}

/* ---- the kernel ---- */

static bool supports(const struct op_call *call, const char **why)
{
	struct conv_call c;
	*why = "the geometry";
	if (conv_call_read(call, &c, NULL) != OK || !conv_is_simple(&c, why))
		return false;
	*why = "for one output channel per input channel";
	if (c.g.group != c.g.c || c.g.k != c.g.c)
		return false;
	/* as measured: twenty times faster for large kernels with AVX2, twice to four times with AVX-512 */
	*why = "oneDNN is as fast at this convolution";
	return !DNN_AVAILABLE || dnn_wide() || c.g.kernel[0] * c.g.kernel[1] * c.g.kernel[2] >= 25;
}

/* The geometry with the used axes last, so that rows run along a used one. */
static void move_axes(struct conv_geometry *g)
{
	int64_t *const lists[] = { g->in,       g->out,       g->kernel, g->stride,
				   g->dilation, g->pad_begin, g->pad_end };
	for (int unused = CONV_MAX_SPATIAL - g->spatial; unused > 0; unused--)
		for (unsigned i = 0; i < ARRAY_SIZE(lists); i++) {
			int64_t last = lists[i][2];
			memmove(lists[i] + 1, lists[i], 2 * sizeof *lists[i]);
			lists[i][0] = last;
		}
}

/* Outputs o of a row with 0 <= o * stride - pad_begin and o * stride - pad_begin + extent <= in. */
static void find_inner(struct state *s)
{
	const struct conv_geometry *g = &s->g;
	int64_t room = g->in[2] + g->pad_begin[2] - (g->kernel[2] - 1) * g->dilation[2];
	s->inner_first = (g->pad_begin[2] + g->stride[2] - 1) / g->stride[2];
	s->inner_last = room > 0 ? (room + g->stride[2] - 1) / g->stride[2] : 0;
	if (s->inner_first > g->out[2])
		s->inner_first = g->out[2];
	if (s->inner_last > g->out[2])
		s->inner_last = g->out[2];
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	struct conv_call c;
	TRY(conv_call_read(call, &c, err));
	struct state *s = mem_alloc(sizeof *s);
	const struct conv_geometry *g = &s->g;
	*s = (struct state){ .g = c.g, .threads = device->threads };
	move_axes(&s->g);
	find_inner(s);
	s->plane_x = g->in[0] * g->in[1] * g->in[2];
	s->plane_y = g->out[0] * g->out[1] * g->out[2];
	s->positions = g->kernel[0] * g->kernel[1] * g->kernel[2];
	s->chunk = (g->n + CHUNKS - 1) / CHUNKS;
	s->chunks = (g->n + s->chunk - 1) / s->chunk;
	s->block = s->chunks < s->threads && g->c > BLOCK ? BLOCK : g->c;
	s->blocks = (g->c + s->block - 1) / s->block;
	s->run = g->in[2] * g->c * (int64_t)sizeof(float) > LONG ? 2 * LANES : s->block;
	*workspace = (size_t)(s->chunks * s->positions * g->c) * sizeof(float);
	*state = s;
	return OK;
}

const struct kernel kernel_conv_depthwise_grad_weight = {
	.op = "ConvGradWeight",
	.name = "depthwise convolution, backward weights",
	.rank = 1,
	.supports = supports,
	.propose = conv_propose,
	.create = create,
	.run = run,
	.destroy = free,
};
