/*
 * pool.c - MaxPool, AveragePool and their gradients, channels-last: what happens at a position of a
 * window happens to a run of channels at once. The windows are listed when the kernel is created;
 * threads divide the samples, and where these are few, the channels.
 *
 * Short runs don't fill vectors. A run is therefore rounded up to whole vectors where memory of the
 * same sample follows: what is read there is dropped, what is written there is written again later
 * (windows go upwards), or is a sum to which 0 is added. A gradient of windows that are disjoint is
 * written, not summed, rows of a window before the next window: there the same row must go on.
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
#define LANES 8
#define PARALLEL_MIN 16384 /* elements from which threads pay */

enum kind { MAX, MAX_GRAD, AVERAGE, AVERAGE_GRAD };

/* The elements of a window inside the input, from its first one on. Windows that are not cut off
 * have them in common. */
struct elements {
	struct elements *next;
	int64_t n[CONV_MAX_SPATIAL];
	int64_t count;
	int64_t at[]; /* in positions of a plane */
};

struct window {
	int64_t base; /* position of its first element */
	const struct elements *elements;
	float share; /* 1 / what a mean divides by */
	bool room;   /* memory follows its elements of x and y that a vector may reach into */
};

struct state {
	enum kind kind;
	enum dtype dtype;
	int64_t samples, channels, block, blocks;
	int64_t plane_x, plane_y; /* positions */
	bool disjoint;            /* no position is in two windows */
	bool covered;             /* each is in one at least */
	int threads;
	struct window *windows; /* [plane_y] */
	struct elements *elements;
};

/* A run of channels of one sample: what a thread handles at once. */
struct task {
	const struct state *s;
	const void *x, *dy;
	void *out;
	int64_t sample, first, n; /* channels */
	float *plane;             /* gradients of half type are summed here, in float32 */
};

/* Index of the first channel of the task at a position of x or dx, y or dy. */
static int64_t index_x(const struct task *t, int64_t at)
{
	return (t->sample * t->s->plane_x + at) * t->s->channels + t->first;
}
static int64_t index_y(const struct task *t, int64_t at)
{
	return (t->sample * t->s->plane_y + at) * t->s->channels + t->first;
}

/* Where dx is summed at a position. */
static float *sum_x(const struct task *t, int64_t at)
{
	return t->s->dtype == DT_F32 ? (float *)t->out + index_x(t, at) : t->plane + at * t->n;
}

/* ---- vectors of channels ---- */

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t flags __attribute__((vector_size(LANES * sizeof(int32_t)))); /* 0 or -1 */
typedef uint32_t bits __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef uint16_t halves __attribute__((vector_size(LANES * sizeof(uint16_t))));
typedef lanes lanes_at __attribute__((aligned(4), may_alias)); /* anywhere in memory */
typedef halves halves_at __attribute__((aligned(2), may_alias));

/* Elements [i, i + n), zeros behind them. */
SIMD_INLINE void load(enum dtype dtype, const void *from, int64_t i, int64_t n, lanes *x)
{
	if (n == LANES && dtype == DT_F32) {
		*x = *(const lanes_at *)((const float *)from + i);
	} else if (n == LANES && dtype == DT_BF16) {
		halves h = *(const halves_at *)((const uint16_t *)from + i);
		*x = (lanes)(__builtin_convertvector(h, bits) << 16);
	} else {
		float scratch[LANES] = { 0 };
		convert_load(dtype, from, i, n, scratch);
		memcpy(x, scratch, sizeof *x);
	}
}

/* The first n lanes, which are values of the type, to elements [i, i + n). */
SIMD_INLINE void store(enum dtype dtype, const lanes *x, int64_t i, int64_t n, void *to)
{
	if (n == LANES && dtype == DT_F32) {
		*(lanes_at *)((float *)to + i) = *x;
	} else if (n == LANES && dtype == DT_BF16) {
		bits quiet = (bits)(*x != *x) & 0x400000;
		*(halves_at *)((uint16_t *)to +
			       i) = __builtin_convertvector(((bits)*x | quiet) >> 16, halves);
	} else {
		float scratch[LANES];
		memcpy(scratch, x, sizeof scratch);
		convert_store(dtype, scratch, i, n, to);
	}
}

/* ---- the largest ---- */

/* The largest of channels [c, c + n) in a window, and which element that is. The first of equals
 * wins, and NaN over all. */
SIMD_INLINE void find_largest(const struct task *t, const struct window *w, enum dtype dtype,
			      int64_t c, int64_t n, lanes *largest, flags *which)
{
	const struct elements *e = w->elements;
	const int64_t base = index_x(t, w->base) + c, channels = t->s->channels;
	lanes max = (lanes){ 0 } - INFINITY;
	flags at = { 0 };
	for (int32_t k = 0; k < e->count; k++) {
		lanes x;
		load(dtype, t->x, base + e->at[k] * channels, n, &x);
		flags larger = (x > max) | (x != x);
		max = (lanes)(((flags)x & larger) | ((flags)max & ~larger));
		at = (k & larger) | (at & ~larger);
	}
	*largest = max;
	*which = at;
}

SIMD_INLINE void max_of_window(const struct task *t, int64_t o, enum dtype dtype, int64_t c,
			       int64_t n)
{
	lanes max;
	flags which;
	find_largest(t, &t->s->windows[o], dtype, c, n, &max, &which);
	store(dtype, &max, index_y(t, o) + c, n, t->out);
}

/* dx += dy where the element was the largest, 0 elsewhere; or dx = that. */
SIMD_INLINE void max_grad_of_window(const struct task *t, int64_t o, enum dtype dtype, int64_t c,
				    int64_t n)
{
	const struct window *w = &t->s->windows[o];
	const int32_t valid = (int32_t)(t->n - c);
	flags which;
	lanes dy, max;
	find_largest(t, w, dtype, c, n, &max, &which);
	load(dtype, t->dy, index_y(t, o) + c, n, &dy);
	dy = (lanes)((flags)dy & ((flags){ 0, 1, 2, 3, 4, 5, 6, 7 } < valid));
	dy += 0; /* what a sum that begins with 0 would come to: never -0 */
	for (int32_t k = 0; k < w->elements->count; k++) {
		int64_t at = w->base + w->elements->at[k];
		lanes dx = (lanes)((flags)dy & (which == k));
		if (t->s->disjoint) {
			store(dtype, &dx, index_x(t, at) + c, n, t->out);
		} else if (n == LANES) {
			*(lanes_at *)(sum_x(t, at) + c) += dx;
		} else {
			for (int64_t i = 0; i < n; i++)
				sum_x(t, at)[c + i] += dx[i];
		}
	}
}

/* DO for all windows and vectors of channels; the last one, which may reach too far, first. */
#define EACH_VECTOR(t, DO, dtype)                                                                  \
	for (int64_t o = 0; o < (t)->s->plane_y; o++)                                              \
		for (int64_t c = ((t)->n - 1) / LANES * LANES; c >= 0; c -= LANES)                 \
			if ((t)->s->windows[o].room || c + LANES <= (t)->n)                        \
				DO(t, o, dtype, c, LANES);                                         \
			else                                                                       \
				DO(t, o, dtype, c, (t)->n - c);

SIMD static void max_forward(const struct task *t)
{
	if (t->s->dtype == DT_F32)
		EACH_VECTOR(t, max_of_window, DT_F32)
	else if (t->s->dtype == DT_BF16)
		EACH_VECTOR(t, max_of_window, DT_BF16)
	else
		EACH_VECTOR(t, max_of_window, DT_F16)
}

SIMD static void max_backward(const struct task *t)
{
	if (t->s->dtype == DT_F32)
		EACH_VECTOR(t, max_grad_of_window, DT_F32)
	else if (t->s->dtype == DT_BF16)
		EACH_VECTOR(t, max_grad_of_window, DT_BF16)
	else
		EACH_VECTOR(t, max_grad_of_window, DT_F16)
}

/* ---- means ---- */

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

/* How many channels are handled at a window. */
static int64_t run_of(const struct task *t, const struct window *w)
{
	return w->room ? (t->n + LANES - 1) / LANES * LANES : t->n;
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
		for (int64_t k = 0; k < w->elements->count; k++) {
			int64_t at = index_x(t, w->base + w->elements->at[k]);
			add(sum, convert_view(t->s->dtype, t->x, at, n, x), n);
		}
		scale(sum, w->share, n);
		convert_commit(t->s->dtype, sum, index_y(t, o), t->n, t->out);
	}
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

SIMD static void average_backward(const struct task *t)
{
	float y[BLOCK];
	for (int64_t o = 0; o < t->s->plane_y; o++) {
		const struct window *w = &t->s->windows[o];
		int64_t n = run_of(t, w);
		const float *dy = load_dy(t, o, y, n);
		for (int64_t k = 0; k < w->elements->count; k++)
			add_scaled(sum_x(t, w->base + w->elements->at[k]), dy, w->share, n);
	}
}

/* ---- one task ---- */

/* Zeros in all of the task's dx. */
static void clear(const struct task *t)
{
	bool dense = t->n == t->s->channels;
	size_t size = dtype_bits(t->s->dtype) / 8, run = (size_t)t->n * size;
	char *out = t->out;
	if (!t->s->disjoint && t->s->dtype != DT_F32)
		memset(t->plane, 0, (size_t)(t->s->plane_x * t->n) * sizeof(float));
	else
		for (int64_t at = 0; at < (dense ? 1 : t->s->plane_x); at++)
			memset(out + (size_t)index_x(t, at) * size, 0,
			       dense ? (size_t)t->s->plane_x * run : run);
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
	if (!t->s->disjoint || !t->s->covered)
		clear(t);
	if (t->s->kind == MAX_GRAD)
		max_backward(t);
	else
		average_backward(t);
	for (int64_t at = 0; at < t->s->plane_x && !t->s->disjoint; at++)
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

/* The elements of windows that have n[0] x n[1] x n[2] of them. */
static const struct elements *list_elements(struct state *s, const int64_t n[CONV_MAX_SPATIAL],
					    const int64_t step[CONV_MAX_SPATIAL])
{
	struct elements *e = s->elements;
	while (e && memcmp(e->n, n, sizeof e->n) != 0)
		e = e->next;
	if (e)
		return e;
	int64_t count = n[0] * n[1] * n[2];
	e = mem_alloc(sizeof *e + (size_t)count * sizeof *e->at);
	memcpy(e->n, n, sizeof e->n);
	for (; e->count < count; e->count++) {
		int64_t i = e->count / (n[1] * n[2]), j = e->count / n[2] % n[1];
		e->at[e->count] = i * step[0] + j * step[1] + e->count % n[2] * step[2];
	}
	e->next = s->elements;
	s->elements = e;
	return e;
}

static void list_windows(struct state *s, const struct conv_geometry *g, bool count_padding)
{
	const int64_t stride[] = { g->in[1] * g->in[2], g->in[2], 1 };
	const int64_t row = g->in[g->spatial - 1];
	const int64_t beyond = (LANES - s->channels % LANES) % LANES;
	int64_t step[CONV_MAX_SPATIAL], written = 0;
	s->windows = mem_alloc((size_t)s->plane_y * sizeof *s->windows);
	for (int i = 0; i < CONV_MAX_SPATIAL; i++)
		step[i] = g->dilation[i] * stride[i];
	for (int64_t o = 0; o < s->plane_y; o++) {
		struct pool_window w = pool_window(g, o);
		struct window *out = &s->windows[o];
		int64_t n[CONV_MAX_SPATIAL], last = 0;
		int64_t counted = count_padding ? w.padded : w.inside;
		out->share = 1.0f / (float)(counted ? counted : 1);
		for (int i = 0; i < CONV_MAX_SPATIAL; i++) {
			n[i] = w.last[i] - w.first[i];
			out->base += (w.start[i] + w.first[i] * g->dilation[i]) * stride[i];
			last += (n[i] - 1) * step[i];
		}
		out->elements = list_elements(s, n, step);
		written += out->elements->count;
		last += out->base;
		int64_t follow = s->disjoint ? row - last % row : s->plane_x - last;
		out->room = s->blocks == 1 && (s->plane_y - o - 1) * s->channels >= beyond &&
			    (follow - 1) * s->channels >= beyond;
	}
	s->covered = s->disjoint && written == s->plane_x;
}

/* Whether windows along all axes are at least as far apart as they reach. */
static bool is_disjoint(const struct conv_geometry *g)
{
	for (int i = 0; i < CONV_MAX_SPATIAL; i++)
		if (g->out[i] > 1 && g->stride[i] <= (g->kernel[i] - 1) * g->dilation[i])
			return false;
	return true;
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
	s->disjoint = k == MAX_GRAD && is_disjoint(&g);
	list_windows(s, &g, average && node_int(call->node, "count_include_pad"));
	if (grad && !s->disjoint && s->dtype != DT_F32)
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
	while (s->elements) {
		struct elements *next = s->elements->next;
		free(s->elements);
		s->elements = next;
	}
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
