/*
 * conv_columns.c - convolutions as matrix products, where oneDNN's own are slower. Channels-last,
 * the elements of x that one output position reads are a row of q = positions of the kernel x
 * channels numbers; these rows are copied into a matrix, block of samples by block:
 *
 *	y [rows, k] = columns [rows, q] w' [q, k]
 *	columns [rows, q] = dy [rows, k] w'^T, added up into dx
 *	dw' [k, q] = sum over the blocks of dy^T columns
 *
 * w' are the weights channels-last, which are made once per update; dw' is formed in the workspace.
 */
#include "backend/cpu/conv.h"
#include "backend/cpu/simd.h"

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
	struct conv_memory m = conv_memory(s->direction, s->bias, io);
	float *columns = io->workspace, *dw = columns + s->block * s->plane_y * s->ld;
	struct block b = { .columns = columns, .w = m.w };
	enum status status = OK;
	for (; b.first < s->g.n && status == OK; b.first += s->block) {
		b.n = s->g.n - b.first < s->block ? s->g.n - b.first : s->block;
		if (s->direction == DNN_FORWARD)
			status = forward(s, &b, m.x, m.y, m.bias);
		else if (s->direction == DNN_GRAD_INPUT)
			status = grad_input(s, &b, m.x, m.y);
		else
			status = grad_weight(s, &b, m.x, dw, m.y);
	}
	if (s->direction == DNN_GRAD_WEIGHT)
		conv_weights_outward(&s->g, dw, s->q, m.w);
	return status;
}

/* ---- the kernels ---- */

/*
 * Where it pays, as measured with AVX2 for the layers of common networks: forward where rows are
 * long; for the gradients where there are strides, for that of the input where oneDNN falls back to
 * such products itself (few channels), for that of the weights wherever copies aren't too short.
 */
static bool pays(const struct conv_geometry *g, enum dnn_direction direction)
{
	int64_t positions = g->kernel[0] * g->kernel[1] * g->kernel[2];
	bool strided = g->stride[0] > 1 || g->stride[1] > 1 || g->stride[2] > 1;
	if (positions == 1)
		return false;
	return direction == DNN_FORWARD      ? positions * g->c >= 512
	       : direction == DNN_GRAD_INPUT ? strided || g->c < 8
					     : strided || g->c >= 32;
}

static bool supports(const struct op_call *call, const char **why)
{
	struct conv_call c;
	*why = "the geometry";
	if (conv_call_read(call, &c, NULL) != OK || !conv_is_simple(&c, why) ||
	    c.g.in[0] * c.g.in[1] * c.g.in[2] > INT32_MAX)
		return false;
	*why = "groups";
	if (c.g.group != 1)
		return false;
	*why = "oneDNN is faster at this convolution";
	if (c.direction == DNN_GRAD_WEIGHT ? dnn_wide() : dnn_batch_reduces())
		return false;
	return !DNN_AVAILABLE || pays(&c.g, c.direction);
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
	s->q = s->positions * g->c;
	/* not a power of two: rows that share cache sets are slow */
	s->ld = (s->q + 15) / 16 * 16 + (s->q % 256 < 16 ? 16 : 0);
	s->block = BLOCK_BYTES / (s->plane_y * s->ld * (int64_t)sizeof(float));
	s->block = s->block < 1 ? 1 : s->block > g->n ? g->n : s->block;
	s->runs = mem_alloc((size_t)(s->plane_y * s->positions) * sizeof *s->runs);
	for (int64_t o = 0; o < s->plane_y; o++)
		list_runs(g, o, s->runs + o * s->positions);
	*workspace = (size_t)s->block * s->plane_y * s->ld * sizeof(float);
	if (s->direction == DNN_GRAD_WEIGHT)
		*workspace += (size_t)(s->q * g->k) * sizeof(float);
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
		.op = OP, .name = NAME, .rank = 1, .supports = supports,                           \
		.propose = conv_propose_inward, .create = create, .run = run, .destroy = destroy,  \
	}

const struct kernel kernel_conv_columns = COLUMNS("Conv", "convolution as matrix product");
const struct kernel kernel_conv_columns_grad_input = COLUMNS(
	"ConvGradInput", "convolution as matrix product, backward data");
const struct kernel kernel_conv_columns_grad_weight = COLUMNS(
	"ConvGradWeight", "convolution as matrix product, backward weights");
