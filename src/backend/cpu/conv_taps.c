/*
 * conv_taps.c - convolutions of small planes, where much of the kernel lies in the padding: one
 * matrix product for each position of the kernel (a tap), of the rows that it does not miss,
 *
 *	y[rows, k] += x[rows, c] w'[c, k],	dx[rows, c] += dy[rows, k] w'[k, c],
 *	dw'[k, c] = dy[rows, k]^T x[rows, c].
 *
 * The rows are copied together, since the product wants them so, for a block of samples at a time.
 * w' are the weights channels-last, which are made once per update; dw' is formed in the workspace.
 */
#include "backend/cpu/conv.h"
#include "backend/cpu/simd.h"

#include <stdlib.h>
#include <string.h>

#define PADDING 16            /* elements between rows: powers of two share cache sets */
#define BLOCK_BYTES (2 << 20) /* of copied rows: they stay in the last-level cache */

/* An output position of a plane and the position of x that the tap meets there. */
struct pair {
	int32_t y, x;
};

struct tap {
	const struct pair *pairs;
	int64_t n;
};

struct state {
	enum dnn_direction direction;
	struct conv_geometry g;
	int64_t plane_x, plane_y, positions;
	int64_t ld_x, ld_y, ld_w; /* from row to row of copies of x and y, and of w' */
	int64_t block, rows;      /* samples at a time; their rows of the tap with most */
	bool bias;
	int threads;
	struct tap *taps;   /* [positions] */
	struct pair *pairs; /* of all taps */
};

/* ---- taps ---- */

static void list_taps(struct state *s)
{
	struct pair *next = mem_alloc((size_t)(s->positions * s->plane_y) * sizeof *next);
	s->pairs = next;
	s->taps = mem_alloc((size_t)s->positions * sizeof *s->taps);
	for (int64_t k = 0; k < s->positions; k++) {
		s->taps[k].pairs = next;
		for (int64_t o = 0; o < s->plane_y; o++) {
			int64_t at = conv_input_position(&s->g, o, k);
			if (at >= 0)
				*next++ = (struct pair){ (int32_t)o, (int32_t)at };
		}
		s->taps[k].n = next - s->taps[k].pairs;
		if (s->taps[k].n > s->rows)
			s->rows = s->taps[k].n;
	}
	s->block = BLOCK_BYTES / ((s->ld_x + s->ld_y) * (int64_t)sizeof(float)) / (s->rows + 1);
	s->block = s->block < 1 ? 1 : s->block > s->g.n ? s->g.n : s->block;
	s->rows *= s->block;
}

/* ---- rows ---- */

/* A block of samples; copies of the rows of x and y that a tap uses, and its w'. */
struct block {
	int64_t first, n;
	float *x, *y, *w;
};

/* Where the row of a pair of sample i begins in x or y. */
static int64_t offset_x(const struct state *s, int64_t i, const struct pair *p)
{
	return (i * s->plane_x + p->x) * s->g.c;
}
static int64_t offset_y(const struct state *s, int64_t i, const struct pair *p)
{
	return (i * s->plane_y + p->y) * s->g.k;
}

typedef int64_t offset_fn(const struct state *s, int64_t i, const struct pair *p);

/* Copies the rows of n elements that the tap uses together. */
static void gather(const struct state *s, const struct tap *tap, const struct block *b,
		   const float *from, offset_fn *offset, int64_t n, float *to, int64_t ld)
{
#pragma omp parallel for schedule(static) num_threads(s->threads)
	for (int64_t r = 0; r < b->n * tap->n; r++)
		memcpy(to + r * ld,
		       from + offset(s, b->first + r / tap->n, &tap->pairs[r % tap->n]),
		       (size_t)n * sizeof *to);
}

SIMD static void add(float *restrict to, const float *restrict from, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		to[i] += from[i];
}

/* Adds rows to where they belong. No two rows of a tap belong to the same place. */
static void scatter(const struct state *s, const struct tap *tap, const struct block *b,
		    const float *from, int64_t ld, float *to, offset_fn *offset, int64_t n)
{
#pragma omp parallel for schedule(static) num_threads(s->threads)
	for (int64_t r = 0; r < b->n * tap->n; r++)
		add(to + offset(s, b->first + r / tap->n, &tap->pairs[r % tap->n]), from + r * ld,
		    n);
}

/* ---- one tap ---- */

static enum status forward(const struct state *s, const struct tap *tap, const struct block *b,
			   const float *x, float *y)
{
	gather(s, tap, b, x, offset_x, s->g.c, b->x, s->ld_x);
	TRY(dnn_gemm(&(struct dnn_gemm){ .m = b->n * tap->n,
					 .n = s->g.k,
					 .k = s->g.c,
					 .a = b->x,
					 .lda = s->ld_x,
					 .trans_b = true,
					 .b = b->w,
					 .ldb = s->ld_w,
					 .c = b->y,
					 .ldc = s->ld_y }));
	scatter(s, tap, b, b->y, s->ld_y, y, offset_y, s->g.k);
	return OK;
}

static enum status grad_input(const struct state *s, const struct tap *tap, const struct block *b,
			      float *dx, const float *dy)
{
	gather(s, tap, b, dy, offset_y, s->g.k, b->y, s->ld_y);
	TRY(dnn_gemm(&(struct dnn_gemm){ .m = b->n * tap->n,
					 .n = s->g.c,
					 .k = s->g.k,
					 .a = b->y,
					 .lda = s->ld_y,
					 .b = b->w,
					 .ldb = s->ld_w,
					 .c = b->x,
					 .ldc = s->ld_x }));
	scatter(s, tap, b, b->x, s->ld_x, dx, offset_x, s->g.c);
	return OK;
}

static enum status grad_weight(const struct state *s, const struct tap *tap, const struct block *b,
			       const float *x, const float *dy)
{
	gather(s, tap, b, x, offset_x, s->g.c, b->x, s->ld_x);
	gather(s, tap, b, dy, offset_y, s->g.k, b->y, s->ld_y);
	return dnn_gemm(&(struct dnn_gemm){ .m = s->g.k,
					    .n = s->g.c,
					    .k = b->n * tap->n,
					    .trans_a = true,
					    .a = b->y,
					    .lda = s->ld_y,
					    .b = b->x,
					    .ldb = s->ld_x,
					    .beta = b->first ? 1 : 0,
					    .c = b->w,
					    .ldc = s->ld_w });
}

/* ---- all of them ---- */

/* What taps add to: zeros, or the bias. */
static void prepare(const struct state *s, const struct conv_memory *m)
{
	int64_t n = s->direction == DNN_FORWARD ? s->g.k : s->g.c;
	int64_t rows = s->g.n * (s->direction == DNN_FORWARD ? s->plane_y : s->plane_x);
	float *to = s->direction == DNN_FORWARD ? m->y : m->x;
	if (!m->bias)
		memset(to, 0, (size_t)(rows * n) * sizeof *to);
	for (int64_t r = 0; m->bias && r < rows; r++)
		memcpy(to + r * n, m->bias, (size_t)n * sizeof *to);
}

/* A tap that is never met has no gradient. */
static void clear_weights(const struct state *s, float *w)
{
	for (int64_t k = 0; k < s->g.k; k++)
		memset(w + k * s->ld_w, 0, (size_t)s->g.c * sizeof *w);
}

static enum status run_tap(const struct state *s, const struct tap *tap, const struct block *b,
			   const struct conv_memory *m)
{
	switch (s->direction) {
	case DNN_FORWARD:
		return tap->n ? forward(s, tap, b, m->x, m->y) : OK;
	case DNN_GRAD_INPUT:
		return tap->n ? grad_input(s, tap, b, m->x, m->y) : OK;
	default:
		if (tap->n)
			return grad_weight(s, tap, b, m->x, m->y);
		clear_weights(s, b->w);
		return OK;
	}
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct conv_memory m = conv_memory(s->direction, s->bias, io);
	float *x = io->workspace, *y = x + s->rows * s->ld_x, *dw = y + s->rows * s->ld_y;
	float *weights = s->direction == DNN_GRAD_WEIGHT ? dw : m.w;
	struct block b = { .x = x, .y = y };
	if (s->direction != DNN_GRAD_WEIGHT)
		prepare(s, &m);
	for (; b.first < s->g.n; b.first += s->block) {
		b.n = s->g.n - b.first < s->block ? s->g.n - b.first : s->block;
		for (int64_t k = 0; k < s->positions; k++) {
			b.w = weights + k * s->g.c;
			TRY(run_tap(s, &s->taps[k], &b, &m));
		}
	}
	if (s->direction == DNN_GRAD_WEIGHT)
		conv_weights_outward(&s->g, dw, s->ld_w, m.w);
	return OK;
}

/* ---- the kernels ---- */

/*
 * Where it pays, as measured: the more channels, the less the copies cost against the product; the
 * smaller the plane, the more is saved. With AVX-512 oneDNN is slow at the smallest planes only.
 */
static bool pays(const struct conv_geometry *g)
{
	int64_t plane = g->out[0] * g->out[1] * g->out[2], met = 0;
	int64_t positions = g->kernel[0] * g->kernel[1] * g->kernel[2];
	int64_t channels = g->c < g->k ? g->c : g->k;
	if (plane > (dnn_wide() ? 16 : 200) || positions == 1 || positions > 200 || channels < 64)
		return false;
	for (int64_t i = 0; i < plane * positions; i++)
		met += conv_input_position(g, i / positions, i % positions) >= 0;
	return channels >= 128 ? met < plane * positions : met * 4 <= plane * positions * 3;
}

static bool supports(const struct op_call *call, const char **why)
{
	struct conv_call c;
	*why = "the geometry";
	if (conv_call_read(call, &c, NULL) != OK || !conv_is_simple(&c, why))
		return false;
	*why = "another kernel is faster at this convolution";
	return c.g.group == 1 && pays(&c.g) && c.g.in[0] * c.g.in[1] * c.g.in[2] <= INT32_MAX;
}

/* n rounded up to whole vectors, and not a power of two. */
static int64_t distance(int64_t n)
{
	return (n + 15) / 16 * 16 + (n % 128 == 0 ? PADDING : 0);
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
	s->ld_x = distance(g->c);
	s->ld_y = distance(g->k);
	s->ld_w = s->positions * g->c;
	if (s->direction == DNN_GRAD_WEIGHT)
		s->ld_w = distance(s->ld_w);
	list_taps(s);
	*workspace = (size_t)(s->rows * (s->ld_x + s->ld_y)) * sizeof(float);
	if (s->direction == DNN_GRAD_WEIGHT)
		*workspace += (size_t)(g->k * s->ld_w) * sizeof(float);
	*state = s;
	return OK;
}

static void destroy(void *state)
{
	struct state *s = state;
	free(s->taps);
	free(s->pairs);
	free(s);
}

#define TAPS(OP, NAME)                                                                             \
	{                                                                                          \
		.op = OP, .name = NAME, .rank = 2, .supports = supports,                           \
		.propose = conv_propose_inward, .create = create, .run = run, .destroy = destroy,  \
	}

const struct kernel kernel_conv_taps = TAPS("Conv", "convolution by taps");
const struct kernel kernel_conv_taps_grad_input = TAPS("ConvGradInput",
						       "convolution by taps, backward data");
const struct kernel kernel_conv_taps_grad_weight = TAPS("ConvGradWeight",
							"convolution by taps, backward weights");
