/*
 * pool.c - MaxPool, AveragePool and their gradients, channels-last: what happens at a position of a
 * window happens to a run of channels at once. The windows are listed when the kernel is created;
 * threads divide the samples, and where these are few, the channels.
 *
 * Short runs don't fill vectors. A run is therefore rounded up to whole vectors where memory of the
 * same sample follows: what is read there is dropped, what is written there is written again later
 * (windows go upwards), or is a sum to which 0 is added.
 */
#include "backend/cpu/convert.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/simd.h"

#include "ops/pool.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 256 /* channels that a thread handles at once, at most */
#define VECTOR 8
#define PARALLEL_MIN 16384 /* elements from which threads pay */

enum kind { MAX, MAX_GRAD, AVERAGE, AVERAGE_GRAD };

/* The elements of a window that lie inside the input: n[0] x n[1] x n[2] of them from `base` on. */
struct window {
	int64_t base; /* in positions of a plane */
	int64_t n[CONV_MAX_SPATIAL];
	float share; /* 1 / what a mean divides by */
	bool room;   /* memory of the sample follows its last elements of x and y */
};

struct state {
	enum kind kind;
	enum dtype dtype;
	int64_t samples, channels, block, blocks;
	int64_t plane_x, plane_y;       /* positions */
	int64_t step[CONV_MAX_SPATIAL]; /* positions from one element of a window to the next */
	int threads;
	struct window *windows; /* [plane_y] */
};

/* A run of channels of one sample: what a thread handles at once. */
struct task {
	const struct state *s;
	const void *x, *dy;
	void *out;
	int64_t sample, first, n; /* channels */
	float *plane;             /* gradients of half type are summed here, in float32 */
};

#define EACH_ELEMENT(s, w, at)                                                                     \
	for (int64_t at0_ = (w)->base, end0_ = at0_ + (w)->n[0] * (s)->step[0]; at0_ < end0_;      \
	     at0_ += (s)->step[0])                                                                 \
		for (int64_t at1_ = at0_, end1_ = at1_ + (w)->n[1] * (s)->step[1]; at1_ < end1_;   \
		     at1_ += (s)->step[1])                                                         \
			for (int64_t at = at1_, end2_ = at + (w)->n[2] * (s)->step[2]; at < end2_; \
			     at += (s)->step[2])

/* ---- runs of channels ---- */

/* NaN wins over all. */
SIMD_INLINE void take_larger(float *restrict max, const float *restrict x, int64_t n)
{
	for (int64_t c = 0; c < n; c++)
		max[c] = ((x[c] > max[c]) | (x[c] != x[c])) ? x[c] : max[c];
}

/* The same, and at[c] says which element it was. */
SIMD_INLINE void find_larger(float *restrict max, int32_t *restrict at, const float *restrict x,
			     int32_t element, int64_t n)
{
	for (int64_t c = 0; c < n; c++) {
		bool larger = (x[c] > max[c]) | (x[c] != x[c]);
		max[c] = larger ? x[c] : max[c];
		at[c] = larger ? element : at[c];
	}
}

/* dx += dy where this element was the largest */
SIMD_INLINE void add_where(float *restrict dx, const float *restrict dy, const int32_t *restrict at,
			   int32_t element, int64_t n)
{
	for (int64_t c = 0; c < n; c++)
		dx[c] += at[c] == element ? dy[c] : 0;
}

SIMD_INLINE void add(float *restrict sum, const float *restrict x, int64_t n)
{
	for (int64_t c = 0; c < n; c++)
		sum[c] += x[c];
}

SIMD_INLINE void add_scaled(float *restrict sum, const float *restrict x, float scale, int64_t n)
{
	for (int64_t c = 0; c < n; c++)
		sum[c] += x[c] * scale;
}

SIMD_INLINE void scale(float *y, float scale, int64_t n)
{
	for (int64_t c = 0; c < n; c++)
		y[c] *= scale;
}

/* ---- one task ---- */

/* Index of the first channel of the task at a position of x or dx, y or dy. */
static int64_t index_x(const struct task *t, int64_t at)
{
	return (t->sample * t->s->plane_x + at) * t->s->channels + t->first;
}
static int64_t index_y(const struct task *t, int64_t at)
{
	return (t->sample * t->s->plane_y + at) * t->s->channels + t->first;
}

static const float *load_x(const struct task *t, int64_t at, float *scratch, int64_t n)
{
	return convert_view(t->s->dtype, t->x, index_x(t, at), n, scratch);
}

/* How many channels are handled at a window. */
static int64_t run_of(const struct task *t, const struct window *w)
{
	return w->room ? (t->n + VECTOR - 1) / VECTOR * VECTOR : t->n;
}

SIMD static void max_forward(const struct task *t)
{
	float x[BLOCK], y[BLOCK];
	for (int64_t o = 0; o < t->s->plane_y; o++) {
		const struct window *w = &t->s->windows[o];
		int64_t n = run_of(t, w);
		float *max = convert_target(t->s->dtype, t->out, index_y(t, o), y);
		for (int64_t c = 0; c < n; c++)
			max[c] = -INFINITY;
		EACH_ELEMENT(t->s, w, at)
		take_larger(max, load_x(t, at, x, n), n);
		convert_commit(t->s->dtype, max, index_y(t, o), t->n, t->out);
	}
}

SIMD static void average_forward(const struct task *t)
{
	float x[BLOCK], y[BLOCK];
	for (int64_t o = 0; o < t->s->plane_y; o++) {
		const struct window *w = &t->s->windows[o];
		int64_t n = run_of(t, w);
		float *sum = convert_target(t->s->dtype, t->out, index_y(t, o), y);
		for (int64_t c = 0; c < n; c++)
			sum[c] = 0;
		EACH_ELEMENT(t->s, w, at)
		add(sum, load_x(t, at, x, n), n);
		scale(sum, w->share, n);
		convert_commit(t->s->dtype, sum, index_y(t, o), t->n, t->out);
	}
}

/* Where dx is summed at a position. */
static float *sum_x(const struct task *t, int64_t at)
{
	return t->s->dtype == DT_F32 ? (float *)t->out + index_x(t, at) : t->plane + at * t->n;
}

/* dy of a window, with zeros up to n. */
static const float *load_dy(const struct task *t, int64_t o, float *scratch, int64_t n)
{
	if (n == t->n)
		return convert_view(t->s->dtype, t->dy, index_y(t, o), n, scratch);
	convert_load(t->s->dtype, t->dy, index_y(t, o), t->n, scratch);
	for (int64_t c = t->n; c < n; c++)
		scratch[c] = 0;
	return scratch;
}

SIMD static void max_backward(const struct task *t)
{
	float x[BLOCK], y[BLOCK], max[BLOCK];
	int32_t at_max[BLOCK];
	for (int64_t o = 0; o < t->s->plane_y; o++) {
		const struct window *w = &t->s->windows[o];
		int64_t n = run_of(t, w);
		const float *dy = load_dy(t, o, y, n);
		int32_t element = 0;
		EACH_ELEMENT(t->s, w, at)
		{
			const float *v = load_x(t, at, x, n);
			if (element == 0) /* the first one, whatever it is */
				for (int64_t c = 0; c < n; c++) {
					max[c] = v[c];
					at_max[c] = 0;
				}
			else
				find_larger(max, at_max, v, element, n);
			element++;
		}
		element = 0;
		EACH_ELEMENT(t->s, w, at)
		add_where(sum_x(t, at), dy, at_max, element++, n);
	}
}

SIMD static void average_backward(const struct task *t)
{
	float y[BLOCK];
	for (int64_t o = 0; o < t->s->plane_y; o++) {
		const struct window *w = &t->s->windows[o];
		int64_t n = run_of(t, w);
		const float *dy = load_dy(t, o, y, n);
		EACH_ELEMENT(t->s, w, at)
		add_scaled(sum_x(t, at), dy, w->share, n);
	}
}

static void run_task(const struct task *t)
{
	switch (t->s->kind) {
	case MAX:
		max_forward(t);
		return;
	case AVERAGE:
		average_forward(t);
		return;
	default:
		break;
	}
	int64_t dense = t->n == t->s->channels || t->s->dtype != DT_F32 ? t->s->plane_x : 1;
	for (int64_t at = 0; at < t->s->plane_x; at += dense)
		memset(sum_x(t, at), 0, (size_t)(dense * t->n) * sizeof(float));
	if (t->s->kind == MAX_GRAD)
		max_backward(t);
	else
		average_backward(t);
	for (int64_t at = 0; at < t->s->plane_x; at++)
		convert_commit(t->s->dtype, sum_x(t, at), index_x(t, at), t->n, t->out);
}

/* ---- the kernels ---- */

static const struct {
	const char *op;
	int x, dy; /* which inputs they are; -1: none */
} inputs[] = {
	[MAX] = { "MaxPool", 0, -1 },
	[MAX_GRAD] = { "MaxPoolGrad", 1, 0 },
	[AVERAGE] = { "AveragePool", 0, -1 },
	[AVERAGE_GRAD] = { "AveragePoolGrad", -1, 0 },
};

static enum kind kind(const struct op_call *call)
{
	unsigned k = 0;
	while (strcmp(inputs[k].op, call->def->name) != 0)
		k++;
	return (enum kind)k;
}

static bool supports(const struct op_call *call, const char **why)
{
	if (call->n_out > 1 && call->out[1].t.dtype) {
		*why = "no indices";
		return false;
	}
	for (uint32_t k = 0; k <= call->n_in; k++) {
		const struct op_operand *o = k < call->n_in ? &call->in[k] : &call->out[0];
		*why = "for float32, float16 and bfloat16";
		if (!convert_supports(o->t.dtype))
			return false;
		*why = "for channels-last activations";
		if (!layout_same_bytes(&o->t.shape, o->layout, LAYOUT_LAST))
			return false;
		*why = "a tensor without elements";
		if (!shape_elements(&o->t.shape))
			return false;
	}
	return true;
}

static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	for (uint32_t k = 0; k < call->n_in; k++)
		in[k] = LAYOUT_LAST;
	out[0] = LAYOUT_LAST;
}

static void list_windows(struct state *s, const struct conv_geometry *g, bool count_padding)
{
	s->windows = mem_alloc((size_t)s->plane_y * sizeof *s->windows);
	int64_t stride[] = { g->in[1] * g->in[2], g->in[2], 1 };
	for (int i = 0; i < CONV_MAX_SPATIAL; i++)
		s->step[i] = g->dilation[i] * stride[i];
	for (int64_t o = 0; o < s->plane_y; o++) {
		struct pool_window w = pool_window(g, o);
		struct window *out = &s->windows[o];
		int64_t last = 0;
		int64_t counted = count_padding ? w.padded : w.inside;
		out->share = 1.0f / (float)(counted ? counted : 1);
		for (int i = 0; i < CONV_MAX_SPATIAL; i++) {
			out->n[i] = w.last[i] - w.first[i];
			out->base += (w.start[i] + w.first[i] * g->dilation[i]) * stride[i];
			last += (out->n[i] - 1) * s->step[i];
		}
		last += out->base;
		out->room = s->blocks == 1 && (s->plane_y - o - 1) * s->channels >= VECTOR &&
			    (s->plane_x - last - 1) * s->channels >= VECTOR;
	}
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	enum kind k = kind(call);
	bool grad = inputs[k].dy >= 0, average = k == AVERAGE || k == AVERAGE_GRAD;
	struct conv_geometry g;
	const struct shape *x = &(grad ? &call->out[0] : &call->in[0])->t.shape;
	TRY(pool_geometry(call->node, x, &g, err));
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .kind = k,
			     .dtype = call->in[0].t.dtype,
			     .samples = g.n,
			     .channels = g.c,
			     .block = g.c,
			     .plane_x = pool_plane_in(&g),
			     .plane_y = pool_plane_out(&g),
			     .threads = device->threads };
	if (s->samples < s->threads)
		s->block = (g.c * s->samples / s->threads + 16) / 16 * 16;
	if (s->block > g.c)
		s->block = g.c;
	if (s->block > BLOCK)
		s->block = BLOCK;
	s->blocks = (g.c + s->block - 1) / s->block;
	list_windows(s, &g, average && node_int(call->node, "count_include_pad"));
	if (grad && s->dtype != DT_F32)
		*workspace = (size_t)(s->threads * s->plane_x * s->block) * sizeof(float);
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	int64_t tasks = s->samples * s->blocks;
	const void *x = inputs[s->kind].x >= 0 ? io->in[inputs[s->kind].x] : NULL;
	const void *dy = inputs[s->kind].dy >= 0 ? io->in[inputs[s->kind].dy] : NULL;
#pragma omp parallel for schedule(static)                                                          \
	num_threads(s->threads) if (s->samples * s->plane_x * s->channels > PARALLEL_MIN)
	for (int64_t i = 0; i < tasks; i++) {
		struct task t = { .s = s,
				  .x = x,
				  .dy = dy,
				  .out = io->out[0],
				  .sample = i / s->blocks,
				  .first = i % s->blocks * s->block };
		t.n = s->channels - t.first < s->block ? s->channels - t.first : s->block;
		t.plane = (float *)io->workspace + omp_get_thread_num() * s->plane_x * s->block;
		run_task(&t);
	}
	return OK;
}

static void destroy(void *state)
{
	struct state *s = state;
	free(s->windows);
	free(s);
}

#define POOL(NAME)                                                                                 \
	{                                                                                          \
		.op = NAME, .name = "channels-last pooling", .supports = supports,                 \
		.propose = propose, .create = create, .run = run, .destroy = destroy,              \
	}

const struct kernel kernel_max_pool = POOL("MaxPool");
const struct kernel kernel_max_pool_grad = POOL("MaxPoolGrad");
const struct kernel kernel_average_pool = POOL("AveragePool");
const struct kernel kernel_average_pool_grad = POOL("AveragePoolGrad");
