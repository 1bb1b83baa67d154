/*
 * conv_depthwise.c - depthwise convolutions (each channel by itself) and their gradients,
 * channels-last: what happens at a position of the kernel happens to all channels at once,
 *
 *	y[o] += x[i] w'[k],	dx[i] += dy[o] w'[k],	dw'[k] += dy[o] x[i].
 *
 * w' are the weights with the channels innermost, made in the workspace. Threads divide the samples,
 * and where these are few, the channels. The gradient of the weights is summed over chunks of
 * samples, whose number does not depend on that of the threads, and these are added in order.
 */
#include "backend/cpu/conv.h"
#include "backend/cpu/simd.h"

#include <stdlib.h>
#include <string.h>

#define CHUNKS 32       /* of samples, at most */
#define BLOCK 64        /* channels, where these are divided */
#define LARGE (1 << 20) /* bytes of a sample that don't stay in the second-level cache */

/* The part of the kernel that meets the input at an output position. */
struct window {
	int64_t first_x, first_k;    /* the first of its positions in x and in the kernel */
	int64_t n[CONV_MAX_SPATIAL]; /* how many */
};

struct state {
	enum dnn_direction direction;
	struct conv_geometry g;
	int64_t plane_x, plane_y, positions;
	int64_t step_x[CONV_MAX_SPATIAL], step_k[CONV_MAX_SPATIAL]; /* to the next position */
	int64_t chunk, chunks;                                      /* of samples */
	int64_t block, blocks;                                      /* of channels */
	bool bias;
	int threads;
	struct window *windows; /* [plane_y] */
};

/* ---- windows ---- */

static void list_windows(struct state *s)
{
	const struct conv_geometry *g = &s->g;
	const int64_t stride_x[] = { g->in[1] * g->in[2], g->in[2], 1 };
	const int64_t stride_k[] = { g->kernel[1] * g->kernel[2], g->kernel[2], 1 };
	s->windows = mem_alloc((size_t)s->plane_y * sizeof *s->windows);
	for (int i = 0; i < CONV_MAX_SPATIAL; i++) {
		s->step_x[i] = g->dilation[i] * stride_x[i];
		s->step_k[i] = stride_k[i];
	}
	for (int64_t o = 0; o < s->plane_y; o++) {
		struct window *w = &s->windows[o];
		int64_t rest = o;
		for (int i = CONV_MAX_SPATIAL - 1; i >= 0; i--) {
			int64_t start = rest % g->out[i] * g->stride[i] - g->pad_begin[i];
			int64_t d = g->dilation[i], first = start < 0 ? (-start + d - 1) / d : 0;
			int64_t last = start < g->in[i] ? (g->in[i] - start + d - 1) / d : 0;
			rest /= g->out[i];
			if (last > g->kernel[i])
				last = g->kernel[i];
			w->n[i] = last > first ? last - first : 0;
			w->first_x += (start + first * d) * stride_x[i];
			w->first_k += first * stride_k[i];
		}
	}
}

/* x and k run over the positions of a window. */
#define EACH_POSITION(s, w, x, k)                                                                  \
	for (int64_t i0_ = 0; i0_ < (w)->n[0]; i0_++)                                              \
		for (int64_t i1_ = 0; i1_ < (w)->n[1]; i1_++)                                      \
			for (int64_t i2_ = 0,                                                      \
				     x = (w)->first_x + i0_ * (s)->step_x[0] +                     \
					 i1_ * (s)->step_x[1],                                     \
				     k = (w)->first_k + i0_ * (s)->step_k[0] +                     \
					 i1_ * (s)->step_k[1];                                     \
			     i2_ < (w)->n[2]; i2_++, x += (s)->step_x[2], k += (s)->step_k[2])

/* ---- some channels of one sample ---- */

SIMD_INLINE void add_products(float *restrict sum, const float *restrict a, const float *restrict b,
			      int64_t n)
{
	for (int64_t c = 0; c < n; c++)
		sum[c] += a[c] * b[c];
}

/* x, y and w at the first channel of n. */
SIMD static void forward(const struct state *s, const float *x, const float *w, float *y,
			 const float *bias, int64_t n)
{
	int64_t channels = s->g.c;
	for (int64_t o = 0; o < s->plane_y; o++, y += channels) {
		const struct window *window = &s->windows[o];
		for (int64_t c = 0; c < n; c++)
			y[c] = bias ? bias[c] : 0;
		EACH_POSITION(s, window, at, k)
		add_products(y, x + at * channels, w + k * channels, n);
	}
}

SIMD static void grad_input(const struct state *s, float *dx, const float *w, const float *dy,
			    int64_t n)
{
	int64_t channels = s->g.c;
	for (int64_t at = 0; at < s->plane_x; at++)
		for (int64_t c = 0; c < n; c++)
			dx[at * channels + c] = 0;
	for (int64_t o = 0; o < s->plane_y; o++, dy += channels) {
		const struct window *window = &s->windows[o];
		EACH_POSITION(s, window, at, k)
		add_products(dx + at * channels, dy, w + k * channels, n);
	}
}

SIMD static void grad_weight(const struct state *s, const float *x, float *dw, const float *dy,
			     int64_t n)
{
	int64_t channels = s->g.c;
	for (int64_t o = 0; o < s->plane_y; o++, dy += channels) {
		const struct window *window = &s->windows[o];
		EACH_POSITION(s, window, at, k)
		add_products(dw + k * channels, dy, x + at * channels, n);
	}
}

/* ---- all of them ---- */

/* Samples and channels of task i. */
struct task {
	int64_t first, last, channel, n;
};

static struct task task(const struct state *s, int64_t i)
{
	struct task t = { .first = i / s->blocks * s->chunk, .channel = i % s->blocks * s->block };
	t.last = t.first + s->chunk < s->g.n ? t.first + s->chunk : s->g.n;
	t.n = s->g.c - t.channel < s->block ? s->g.c - t.channel : s->block;
	return t;
}

static void run_task(const struct state *s, const struct conv_memory *m, float *w, int64_t i)
{
	struct task t = task(s, i);
	int64_t size = s->positions * s->g.c;
	float *dw = w + i / s->blocks * size + t.channel;
	for (int64_t k = 0; s->direction == DNN_GRAD_WEIGHT && k < s->positions; k++)
		memset(dw + k * s->g.c, 0, (size_t)t.n * sizeof *dw);
	for (int64_t j = t.first; j < t.last; j++) {
		float *x = (float *)m->x + j * s->plane_x * s->g.c + t.channel;
		float *y = (float *)m->y + j * s->plane_y * s->g.c + t.channel;
		if (s->direction == DNN_FORWARD)
			forward(s, x, w + t.channel, y,
				m->bias ? (float *)m->bias + t.channel : NULL, t.n);
		else if (s->direction == DNN_GRAD_INPUT)
			grad_input(s, x, w + t.channel, y, t.n);
		else
			grad_weight(s, x, dw, y, t.n);
	}
}

/* Adds the sums of all chunks into the first. */
static void add_chunks(const struct state *s, float *w)
{
	int64_t size = s->positions * s->g.c;
	for (int64_t i = 0; i < size; i++) {
		double sum = 0;
		for (int64_t j = 0; j < s->chunks; j++)
			sum += w[j * size + i];
		w[i] = (float)sum;
	}
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct conv_memory m = conv_memory(s->direction, s->bias, io);
	float *w = io->workspace;
	/* [c, 1, positions] seen as one output channel that has all of them */
	struct conv_geometry as_one = s->g;
	as_one.k = as_one.group = 1;
	if (s->direction != DNN_GRAD_WEIGHT)
		conv_weights_inward(&as_one, m.w, w, s->positions * s->g.c);
#pragma omp parallel for schedule(static) num_threads(s->threads)
	for (int64_t i = 0; i < s->chunks * s->blocks; i++)
		run_task(s, &m, w, i);
	if (s->direction == DNN_GRAD_WEIGHT) {
		add_chunks(s, w);
		conv_weights_outward(&as_one, w, s->positions * s->g.c, m.w);
	}
	return OK;
}

/* ---- the kernels ---- */

/*
 * Where it pays, as measured with AVX2: oneDNN goes through a sample once for each few channels,
 * and is slow at the gradient of large kernels.
 */
static bool pays(const struct conv_geometry *g, enum dnn_direction direction)
{
	int64_t positions = g->kernel[0] * g->kernel[1] * g->kernel[2];
	int64_t bytes = g->in[0] * g->in[1] * g->in[2] * g->c * (int64_t)sizeof(float);
	bool large = g->c >= 64 && bytes > LARGE;
	return direction == DNN_GRAD_WEIGHT ? large || positions >= 25 : large && positions < 25;
}

static bool supports(const struct op_call *call, const char **why)
{
	struct conv_call c;
	*why = "the geometry";
	if (conv_call_read(call, &c, NULL) != OK || !conv_is_simple(&c, why))
		return false;
	*why = "for one output channel per input channel";
	if (c.g.group != c.g.c || c.g.k != c.g.c)
		return false;
	*why = "oneDNN is faster at this convolution";
	return !DNN_AVAILABLE || (!dnn_wide() && pays(&c.g, c.direction));
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	struct conv_call c;
	TRY(conv_call_read(call, &c, err));
	struct state *s = mem_alloc(sizeof *s);
	const struct conv_geometry *g = &s->g;
	*s = (struct state){ .direction = c.direction,
			     .g = c.g,
			     .threads = device->threads,
			     .bias = c.bias->t.dtype != DT_NONE };
	s->plane_x = g->in[0] * g->in[1] * g->in[2];
	s->plane_y = g->out[0] * g->out[1] * g->out[2];
	s->positions = g->kernel[0] * g->kernel[1] * g->kernel[2];
	s->chunk = (g->n + CHUNKS - 1) / CHUNKS;
	s->chunks = (g->n + s->chunk - 1) / s->chunk;
	s->block = s->chunks < s->threads && g->c > BLOCK ? BLOCK : g->c;
	s->blocks = (g->c + s->block - 1) / s->block;
	list_windows(s);
	*workspace = (size_t)(s->positions * g->c) * sizeof(float);
	if (s->direction == DNN_GRAD_WEIGHT)
		*workspace *= (size_t)s->chunks;
	*state = s;
	return OK;
}

static void destroy(void *state)
{
	struct state *s = state;
	free(s->windows);
	free(s);
}

#define DEPTHWISE(OP, NAME)                                                                        \
	{                                                                                          \
		.op = OP, .name = NAME, .rank = 1, .supports = supports, .propose = conv_propose,  \
		.create = create, .run = run, .destroy = destroy,                                  \
	}

const struct kernel kernel_conv_depthwise = DEPTHWISE("Conv", "depthwise convolution");
const struct kernel kernel_conv_depthwise_grad_input = DEPTHWISE(
	"ConvGradInput", "depthwise convolution, backward data");
const struct kernel kernel_conv_depthwise_grad_weight = DEPTHWISE(
	"ConvGradWeight", "depthwise convolution, backward weights");
