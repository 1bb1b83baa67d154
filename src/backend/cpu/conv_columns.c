/*
 * conv_columns.c - convolutions as matrix products, where oneDNN's own are slower. Channels-last,
 * the elements of x that one output position reads are a row of q = positions of the kernel x
 * channels numbers; these rows are copied into a matrix, block of samples by block:
 *
 *	y [rows, k] = columns [rows, q] w' [q, k]
 *	columns [rows, q] = dy [rows, k] w'^T, added up into dx
 *	dw' [k, q] = sum over the blocks of dy^T columns
 *
 * w' are the weights with the channels innermost, made in the workspace by each run.
 */
#include "backend/cpu/dnn.h"

#include "backend/cpu/simd.h"
#include "ops/conv.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (4 << 20) /* of columns: they stay in the last-level cache */

/* Positions of the kernel that meet neighbours in x, or all of them padding (at < 0). */
struct run {
	int32_t at, length;
};

struct state {
	enum dnn_direction direction;
	struct conv_geometry g;
	int64_t plane_x, plane_y; /* positions of a sample */
	int64_t positions, q;     /* of the kernel; elements of a row */
	int64_t ld;               /* floats from one row of columns to the next */
	int64_t block;            /* samples */
	bool bias;
	int threads;
	struct run *runs; /* [plane_y][positions]: see list_runs */
};

/* Which inputs are what; -1: output 0. */
static const struct {
	const char *op;
	int x, w, y;
} places[] = {
	[DNN_FORWARD] = { "Conv", 0, 1, -1 },
	[DNN_GRAD_INPUT] = { "ConvGradInput", -1, 1, 0 },
	[DNN_GRAD_WEIGHT] = { "ConvGradWeight", 1, -1, 0 },
};

static enum dnn_direction direction(const struct op_call *call)
{
	unsigned d = 0;
	while (strcmp(places[d].op, call->def->name) != 0)
		d++;
	return (enum dnn_direction)d;
}

static const struct op_operand *operand(const struct op_call *call, int place)
{
	return place < 0 ? &call->out[0] : &call->in[place];
}

static void *memory(const struct kernel_io *io, int place)
{
	return place < 0 ? io->out[0] : io->in[place];
}

/* ---- rows of columns ---- */

/*
 * Fills runs[] for output position o of a plane, in the order of w': the run that begins at position
 * k of the kernel stands in runs[k].
 */
static void list_runs(const struct conv_geometry *g, int64_t o, struct run *runs)
{
	int64_t start[CONV_MAX_SPATIAL], k[CONV_MAX_SPATIAL], n = 0, begin = 0;
	for (int i = CONV_MAX_SPATIAL - 1; i >= 0; i--) {
		start[i] = o % g->out[i] * g->stride[i] - g->pad_begin[i];
		o /= g->out[i];
	}
	for (k[0] = 0; k[0] < g->kernel[0]; k[0]++)
		for (k[1] = 0; k[1] < g->kernel[1]; k[1]++)
			for (k[2] = 0; k[2] < g->kernel[2]; k[2]++, n++) {
				int64_t at = 0;
				for (int i = 0; i < CONV_MAX_SPATIAL && at >= 0; i++) {
					int64_t p = start[i] + k[i] * g->dilation[i];
					at = p >= 0 && p < g->in[i] ? at * g->in[i] + p : -1;
				}
				struct run *r = &runs[begin];
				if (n &&
				    (at < 0 ? r->at < 0 : r->at >= 0 && at == r->at + r->length)) {
					r->length++;
					continue;
				}
				begin = n;
				runs[n] = (struct run){ (int32_t)at, 1 };
			}
}

SIMD static void read_row(const struct state *s, const float *restrict x, const struct run *runs,
			  float *restrict row)
{
	int64_t c = s->g.c;
	for (int64_t k = 0; k < s->positions; k += runs[k].length) {
		const float *from = x + runs[k].at * c;
		int64_t n = runs[k].length * c;
		if (runs[k].at < 0)
			for (int64_t i = 0; i < n; i++)
				row[i] = 0;
		else
			for (int64_t i = 0; i < n; i++)
				row[i] = from[i];
		row += n;
	}
}

SIMD static void add_row(const struct state *s, const float *restrict row, const struct run *runs,
			 float *restrict x)
{
	int64_t c = s->g.c;
	for (int64_t k = 0; k < s->positions; k += runs[k].length) {
		float *to = x + runs[k].at * c;
		int64_t n = runs[k].length * c;
		if (runs[k].at >= 0)
			for (int64_t i = 0; i < n; i++)
				to[i] += row[i];
		row += n;
	}
}

/* ---- weights ---- */

/* w [k, c, positions] to w' [k, positions, c], or back. */
static void reorder_weights(const struct state *s, const float *from, float *to, bool back)
{
	int64_t rows = back ? s->positions : s->g.c, columns = back ? s->g.c : s->positions;
#pragma omp parallel for schedule(static) num_threads(s->threads)
	for (int64_t k = 0; k < s->g.k; k++)
		for (int64_t j = 0; j < columns; j++)
			for (int64_t i = 0; i < rows; i++)
				to[k * s->q + j * rows + i] = from[k * s->q + i * columns + j];
}

/* ---- a block of samples ---- */

struct block {
	int64_t first, n; /* samples */
	float *columns;
	const float *w;
};

static void fill_columns(const struct state *s, const struct block *b, const float *x)
{
#pragma omp parallel for schedule(static) num_threads(s->threads)
	for (int64_t r = 0; r < b->n * s->plane_y; r++) {
		int64_t sample = b->first + r / s->plane_y;
		read_row(s, x + sample * s->plane_x * s->g.c,
			 s->runs + r % s->plane_y * s->positions, b->columns + r * s->ld);
	}
}

static void add_columns(const struct state *s, const struct block *b, float *x)
{
#pragma omp parallel for schedule(static) num_threads(s->threads)
	for (int64_t i = 0; i < b->n; i++) {
		float *sample = x + (b->first + i) * s->plane_x * s->g.c;
		memset(sample, 0, (size_t)(s->plane_x * s->g.c) * sizeof *sample);
		for (int64_t o = 0; o < s->plane_y; o++)
			add_row(s, b->columns + (i * s->plane_y + o) * s->ld,
				s->runs + o * s->positions, sample);
	}
}

static enum status forward(const struct state *s, const struct block *b, const float *x, float *y,
			   const float *bias)
{
	int64_t rows = b->n * s->plane_y;
	y += b->first * s->plane_y * s->g.k;
	fill_columns(s, b, x);
	for (int64_t r = 0; bias && r < rows; r++)
		memcpy(y + r * s->g.k, bias, (size_t)s->g.k * sizeof *y);
	return dnn_gemm(&(struct dnn_gemm){ .m = rows,
					    .n = s->g.k,
					    .k = s->q,
					    .trans_b = true,
					    .a = b->columns,
					    .lda = s->ld,
					    .b = b->w,
					    .ldb = s->q,
					    .beta = bias ? 1 : 0,
					    .c = y,
					    .ldc = s->g.k });
}

static enum status grad_input(const struct state *s, const struct block *b, float *dx,
			      const float *dy)
{
	int64_t rows = b->n * s->plane_y;
	TRY(dnn_gemm(&(struct dnn_gemm){ .m = rows,
					 .n = s->q,
					 .k = s->g.k,
					 .a = dy + b->first * s->plane_y * s->g.k,
					 .lda = s->g.k,
					 .b = b->w,
					 .ldb = s->q,
					 .c = b->columns,
					 .ldc = s->ld }));
	add_columns(s, b, dx);
	return OK;
}

static enum status grad_weight(const struct state *s, const struct block *b, const float *x,
			       float *dw, const float *dy)
{
	int64_t rows = b->n * s->plane_y;
	fill_columns(s, b, x);
	return dnn_gemm(&(struct dnn_gemm){ .m = s->g.k,
					    .n = s->q,
					    .k = rows,
					    .trans_a = true,
					    .a = dy + b->first * s->plane_y * s->g.k,
					    .lda = s->g.k,
					    .b = b->columns,
					    .ldb = s->ld,
					    .beta = b->first ? 1 : 0,
					    .c = dw,
					    .ldc = s->q });
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	float *x = memory(io, places[s->direction].x), *w = memory(io, places[s->direction].w);
	float *y = memory(io, places[s->direction].y), *weights = io->workspace;
	struct block b = { .columns = weights + s->q * s->g.k, .w = weights };
	if (s->direction != DNN_GRAD_WEIGHT)
		reorder_weights(s, w, weights, false);
	for (; b.first < s->g.n; b.first += s->block) {
		b.n = s->g.n - b.first < s->block ? s->g.n - b.first : s->block;
		enum status status = s->direction == DNN_FORWARD
					     ? forward(s, &b, x, y, s->bias ? io->in[2] : NULL)
				     : s->direction == DNN_GRAD_INPUT
					     ? grad_input(s, &b, x, y)
					     : grad_weight(s, &b, x, weights, y);
		TRY(status);
	}
	if (s->direction == DNN_GRAD_WEIGHT)
		reorder_weights(s, weights, w, true);
	return OK;
}

/* ---- the kernels ---- */

static enum status geometry(const struct op_call *call, struct conv_geometry *g, struct error *err)
{
	enum dnn_direction d = direction(call);
	return conv_geometry(call->node, &operand(call, places[d].x)->t.shape,
			     &operand(call, places[d].w)->t.shape, g, err);
}

/*
 * Where it pays, as measured with AVX2 for the layers of common networks: forward where rows are
 * long; for the gradients where there are strides, for that of the input where oneDNN falls back to
 * such products itself (few channels), for that of the weights wherever copies aren't too short.
 */
static bool pays(const struct conv_geometry *g, enum dnn_direction direction)
{
	int64_t positions = g->kernel[0] * g->kernel[1] * g->kernel[2];
	bool strided = g->stride[0] > 1 || g->stride[1] > 1 || g->stride[2] > 1;
	if (g->group != 1 || positions == 1)
		return false;
	return direction == DNN_FORWARD      ? positions * g->c >= 512
	       : direction == DNN_GRAD_INPUT ? strided || g->c < 8
					     : strided || g->c >= 32;
}

static bool supports(const struct op_call *call, const char **why)
{
	enum dnn_direction d = direction(call);
	const struct op_operand *x = operand(call, places[d].x), *w = operand(call, places[d].w);
	const struct op_operand *y = operand(call, places[d].y);
	struct conv_geometry g;
	*why = "built without oneDNN";
	if (!DNN_AVAILABLE)
		return false;
	*why = "for float32";
	if (x->t.dtype != DT_F32 || w->t.dtype != DT_F32 || y->t.dtype != DT_F32)
		return false;
	*why = "activations must be channels-last and weights plain";
	if (!layout_same_bytes(&x->t.shape, x->layout, LAYOUT_LAST) ||
	    !layout_same_bytes(&y->t.shape, y->layout, LAYOUT_LAST) || w->layout != LAYOUT_PLAIN)
		return false;
	*why = "a convolution that oneDNN is faster at";
	return !dnn_wide() && geometry(call, &g, NULL) == OK && pays(&g, d) &&
	       shape_elements(&x->t.shape) && shape_elements(&y->t.shape) &&
	       shape_elements(&x->t.shape) / g.n / g.c < INT32_MAX;
}

static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	enum dnn_direction d = direction(call);
	const int activations[] = { places[d].x, places[d].y };
	for (unsigned i = 0; i < ARRAY_SIZE(activations); i++)
		*(activations[i] < 0 ? &out[0] : &in[activations[i]]) = LAYOUT_LAST;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	struct state *s = mem_alloc(sizeof *s);
	struct conv_geometry *g = &s->g;
	enum status status = geometry(call, g, err);
	if (status != OK) {
		free(s);
		return status;
	}
	s->direction = direction(call);
	s->threads = device->threads;
	s->bias = call->n_in > 2 && call->in[2].t.dtype;
	s->plane_x = g->in[0] * g->in[1] * g->in[2];
	s->plane_y = g->out[0] * g->out[1] * g->out[2];
	s->positions = g->kernel[0] * g->kernel[1] * g->kernel[2];
	s->q = s->positions * g->c;
	/* not a power of two: rows that share cache sets are slow */
	s->ld = (s->q + 15) / 16 * 16 + (s->q % 256 < 16 ? 16 : 0);
	s->block = BLOCK_BYTES / (s->plane_y * s->ld * (int64_t)sizeof(float));
	s->block = s->block < 1 ? 1 : s->block > g->n ? g->n : s->block;
	s->runs = mem_alloc((size_t)(s->plane_y * s->positions) * sizeof *s->runs);
	for (int64_t o = 0; o < s->plane_y; o++)
		list_runs(g, o, s->runs + o * s->positions);
	*workspace = (size_t)(s->q * g->k + s->block * s->plane_y * s->ld) * sizeof(float);
	*state = s;
	return OK;
}

static void destroy(void *state)
{
	struct state *s = state;
	free(s->runs);
	free(s);
}

#define COLUMNS(OP, NAME)                                                                          \
	{                                                                                          \
		.op = OP, .name = NAME, .rank = 1, .supports = supports, .propose = propose,       \
		.create = create, .run = run, .destroy = destroy,                                  \
	}

const struct kernel kernel_conv_columns = COLUMNS("Conv", "convolution as matrix product");
const struct kernel kernel_conv_columns_grad_input = COLUMNS(
	"ConvGradInput", "convolution as matrix product, backward data");
const struct kernel kernel_conv_columns_grad_weight = COLUMNS(
	"ConvGradWeight", "convolution as matrix product, backward weights");
