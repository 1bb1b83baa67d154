/*
 * reduce.c - ReduceSum, ReduceMean, ReduceMax and ReduceMin over any axes, in any layout.
 *
 *  1. The axes are taken in the order in which they lie in memory. The innermost is either reduced,
 *     then rows are reduced to numbers, or kept, then rows are added up column by column.
 *  2. The rows that fall on one output are cut into pieces of fixed size, whose results stand in the
 *     workspace; a task is one piece.
 *  3. The pieces of each output are brought together in their order.
 *
 * Sums are formed in double in lanes that the source fixes, so results depend neither on threads
 * nor on the instruction set.
 */
#include "backend/cpu/convert.h"
#include "backend/cpu/loop.h"
#include "backend/cpu/simd.h"
#include "backend/cpu/vector_sum.h"

#include "backend/backend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 32768 /* elements of a task, about */
#define COLUMNS 512 /* most columns of a task */
#define GRAIN 32768 /* elements that are worth a thread */
#define HALVES 4096 /* elements that are converted at a time */

/* Brings n elements into *acc. */
typedef void row_fn(const float *x, int64_t n, double *acc);
/* Brings rows of n elements, `stride` apart, into acc[0..n). */
typedef void column_fn(const float *x, int64_t rows, int64_t stride, int64_t n, double *acc);

struct reduction {
	const char *op;
	double start;
	row_fn *row;
	column_fn *column;
	double (*combine)(double a, double b);
	bool mean;
};

struct state {
	const struct reduction *op;
	enum dtype dtype, dtype_y;
	struct loop kept;      /* outer axes that are kept: offsets of x and y */
	struct loop reduced;   /* outer axes that are reduced, at least one: offsets of x */
	int64_t inner;         /* elements of a row */
	bool columns;          /* the innermost axis is kept */
	int64_t stride_y;      /* then, of the elements of a row in y */
	int64_t outputs, rows; /* sizes of kept and reduced */
	int64_t piece_rows, row_pieces;    /* rows of a piece, pieces of these rows */
	int64_t piece_inner, inner_pieces; /* elements of a row in a piece, pieces of a row */
	double scale;                      /* of the result */
};

/* ---- inner loops ---- */

SIMD static void sum_row(const float *x, int64_t n, double *acc)
{
	*acc += vector_sum(x, n);
}

/* Four rows at a time: what is added to stays in the first-level cache. */
SIMD static void sum_columns(const float *x, int64_t rows, int64_t stride, int64_t n,
			     double *restrict acc)
{
	int64_t i = 0;
	for (; i + 4 <= rows; i += 4, x += 4 * stride) {
		const float *a = x, *b = a + stride, *c = b + stride, *d = c + stride;
		for (int64_t k = 0; k < n; k++)
			acc[k] += ((double)a[k] + (double)b[k]) + ((double)c[k] + (double)d[k]);
	}
	for (; i < rows; i++, x += stride)
		for (int64_t k = 0; k < n; k++)
			acc[k] += x[k];
}

/*
 * Extremes: what is better, where neither is a NaN; a NaN stays. better is an operator of C.
 */
#define EXTREME(name, better)                                                                      \
	static double name(double a, double b)                                                     \
	{                                                                                          \
		return a better b || a != a ? a : b;                                               \
	}                                                                                          \
	SIMD static void name##_row(const float *x, int64_t n, double *acc)                        \
	{                                                                                          \
		float best = (float)*acc;                                                          \
		float_x8 lane[4];                                                                  \
		int64_t i = 0;                                                                     \
		for (int k = 0; k < 32; k++)                                                       \
			lane[k / 8][k % 8] = best;                                                 \
		for (; i + 32 <= n; i += 32)                                                       \
			for (int k = 0; k < 4; k++) {                                              \
				float_x8 v = *(const float_x8 *)(x + i + 8 * k);                   \
				int_x8 keep = (lane[k] better v) | (lane[k] != lane[k]);           \
				lane[k] = (float_x8)((keep & (int_x8)lane[k]) |                    \
						     (~keep & (int_x8)v));                         \
			}                                                                          \
		for (int k = 0; k < 32; k++)                                                       \
			best = (float)name(best, lane[k / 8][k % 8]);                              \
		for (; i < n; i++)                                                                 \
			best = best better x[i] || best != best ? best : x[i];                     \
		*acc = best;                                                                       \
	}                                                                                          \
	SIMD static void name##_columns(const float *x, int64_t rows, int64_t stride, int64_t n,   \
					double *restrict acc)                                      \
	{                                                                                          \
		for (int64_t i = 0; i < rows; i++, x += stride)                                    \
			for (int64_t k = 0; k < n; k++) {                                          \
				double v = x[k], a = acc[k];                                       \
				acc[k] = a better v || a != a ? a : v;                             \
			}                                                                          \
	}
EXTREME(max, >=)
EXTREME(min, <=)

static double add(double a, double b)
{
	return a + b;
}

static const struct reduction reductions[] = {
	{ "ReduceSum", 0, sum_row, sum_columns, add, false },
	{ "ReduceMean", 0, sum_row, sum_columns, add, true },
	{ "ReduceMax", -INFINITY, max_row, max_columns, max, false },
	{ "ReduceMin", INFINITY, min_row, min_columns, min, false },
};

/* ---- preparation ---- */

/* The axes to reduce as a bit mask; false when they are not known. */
static bool reduced_axes(const struct op_call *call, unsigned *mask)
{
	const struct tensor *axes = call->n_in > 1 && call->in[1].t.dtype ? &call->in[1].t : NULL;
	const struct shape *x = &call->in[0].t.shape;
	int64_t n = axes ? shape_elements(&axes->shape) : 0;
	*mask = n || node_int(call->node, "noop_with_empty_axes") ? 0 : (1u << x->rank) - 1;
	for (int64_t i = 0; i < n; i++) {
		int axis;
		if (!axes->data || !shape_axis(x, tensor_get_int(axes, i), &axis))
			return false;
		*mask |= 1u << axis;
	}
	return true;
}

static bool supports(const struct op_call *call, const char **why)
{
	const struct op_operand *x = &call->in[0], *y = &call->out[0];
	unsigned mask;
	*why = "no vector loop for these types";
	if (!convert_supports(x->t.dtype) || !convert_supports(y->t.dtype))
		return false;
	*why = "a tensor without elements";
	if (!shape_elements(&x->t.shape))
		return false;
	*why = "axes that are not known";
	return reduced_axes(call, &mask);
}

/* Reads whatever layout there is, gives a plain result. */
static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	in[0] = call->in[0].layout;
	out[0] = LAYOUT_PLAIN;
}

/* Strides of y along the axes of x, 0 where they are reduced. */
static void strides_of_y(const struct op_call *call, unsigned mask, int64_t strides[SHAPE_MAX_RANK])
{
	const struct op_operand *y = &call->out[0];
	int rank = call->in[0].t.shape.rank;
	int64_t own[SHAPE_MAX_RANK];
	layout_strides(&y->t.shape, y->layout, own);
	for (int i = 0, k = 0; i < rank; i++) {
		bool reduced = mask & (1u << i);
		strides[i] = reduced ? 0 : own[y->t.shape.rank == rank ? i : k];
		k += !reduced;
	}
}

/* Splits the axes before the last into those that are kept and those that are reduced. */
static void split_axes(struct state *s, const struct loop *l)
{
	s->kept = s->reduced = (struct loop){ .n = 2 };
	for (int i = 0; i + 1 < l->rank; i++) {
		struct loop *to = l->stride[1][i] ? &s->kept : &s->reduced;
		to->dim[to->rank] = l->dim[i];
		for (int k = 0; k < 2; k++)
			to->stride[k][to->rank] = l->stride[k][i];
		to->rank++;
	}
	loop_merge(&s->reduced, 1);
	s->outputs = loop_size(&s->kept, 0, s->kept.rank);
	s->rows = loop_size(&s->reduced, 0, s->reduced.rank);
	s->inner = l->dim[l->rank - 1];
	s->stride_y = l->stride[1][l->rank - 1];
	s->columns = s->stride_y != 0;
}

static int64_t divide_up(int64_t a, int64_t b)
{
	return (a + b - 1) / b;
}

static void cut_pieces(struct state *s)
{
	int64_t most = s->columns ? COLUMNS : PIECE;
	s->piece_inner = s->inner < most ? s->inner : most;
	s->piece_rows = PIECE / s->piece_inner;
	s->piece_rows = s->piece_rows < s->rows ? s->piece_rows : s->rows;
	s->row_pieces = divide_up(s->rows, s->piece_rows);
	s->inner_pieces = divide_up(s->inner, s->piece_inner);
}

/* Results of the pieces: [output, row piece, inner] by columns, else [output, row piece, inner
 * piece]. */
static int64_t results_of_piece(const struct state *s)
{
	return s->columns ? s->inner : s->inner_pieces;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	const struct op_operand *x = &call->in[0], *y = &call->out[0];
	struct state *s = mem_alloc(sizeof *s);
	struct loop l = loop_start(&x->t.shape);
	int64_t strides[SHAPE_MAX_RANK];
	unsigned mask;
	*s = (struct state){ .dtype = x->t.dtype, .dtype_y = y->t.dtype, .scale = 1 };
	for (unsigned i = 0; i < ARRAY_SIZE(reductions); i++)
		if (!strcmp(reductions[i].op, call->def->name))
			s->op = &reductions[i];
	reduced_axes(call, &mask);
	strides_of_y(call, mask, strides);
	loop_add(&l, &x->t.shape, x->layout);
	loop_add_strides(&l, strides);
	loop_order(&l, 0);
	loop_merge(&l, 1);
	split_axes(s, &l);
	cut_pieces(s);
	if (s->op->mean)
		s->scale = (double)shape_elements(&y->t.shape) /
			   (double)shape_elements(&x->t.shape);
	*workspace = (size_t)(s->outputs * s->row_pieces * results_of_piece(s)) * sizeof(double);
	*state = s;
	return OK;
}

/* ---- running ---- */

struct job {
	const struct state *s;
	const void *x;
	void *y;
	double *results;
};

static void reduce_f32(const struct state *s, const float *x, int64_t rows, int64_t stride,
		       int64_t n, double *acc)
{
	if (s->columns)
		s->op->column(x, rows, stride, n, acc);
	else
		for (int64_t i = 0; i < rows; i++)
			s->op->row(x + i * stride, n, acc);
}

/* Rows of a half type, `stride` apart, as float32, one after the other. */
static void pack_rows(enum dtype dtype, const void *x, int64_t first, int64_t rows, int64_t stride,
		      int64_t n, float *to)
{
	if (stride == n || rows == 1)
		convert_load(dtype, x, first, rows * n, to);
	else
		for (int64_t i = 0; i < rows; i++)
			convert_load(dtype, x, first + i * stride, n, to + i * n);
}

/* Rows of n elements at x[first], x[first + stride], ... into acc. */
static void reduce_rows(const struct job *job, int64_t first, int64_t rows, int64_t stride,
			int64_t n, double *acc)
{
	const struct state *s = job->s;
	float buffer[HALVES];
	if (s->dtype == DT_F32) {
		reduce_f32(s, (const float *)job->x + first, rows, stride, n, acc);
		return;
	}
	for (int64_t j = 0; j < n; j += HALVES) {
		int64_t m = n - j < HALVES ? n - j : HALVES, step = HALVES / m;
		for (int64_t i = 0; i < rows; i += step) {
			int64_t some = rows - i < step ? rows - i : step;
			pack_rows(s->dtype, job->x, first + i * stride + j, some, stride, m,
				  buffer);
			reduce_f32(s, buffer, some, m, m, s->columns ? acc + j : acc);
		}
	}
}

/* Elements [inner, inner + n) of rows [row, end) of the output at `base` of x into acc. The rows lie
 * evenly along the innermost reduced axis. */
static void reduce_range(const struct job *job, int64_t base, int64_t row, int64_t end,
			 int64_t inner, int64_t n, double *acc)
{
	const struct loop *r = &job->s->reduced;
	int64_t offset[LOOP_OPERANDS], even = r->dim[r->rank - 1];
	while (row < end) {
		int64_t rows = even - row % even < end - row ? even - row % even : end - row;
		loop_offsets(r, r->rank, row, offset);
		reduce_rows(job, base + offset[0] + inner, rows, r->stride[0][r->rank - 1], n, acc);
		row += rows;
	}
}

/* One task: a piece of an output. */
static void reduce_piece(const struct job *job, int64_t task)
{
	const struct state *s = job->s;
	int64_t inner = task % s->inner_pieces * s->piece_inner, at = task / s->inner_pieces;
	int64_t row = at % s->row_pieces * s->piece_rows, output = at / s->row_pieces;
	int64_t end = row + s->piece_rows < s->rows ? row + s->piece_rows : s->rows;
	int64_t n = s->inner - inner < s->piece_inner ? s->inner - inner : s->piece_inner;
	int64_t base[LOOP_OPERANDS];
	double *acc = job->results + at * results_of_piece(s);
	acc += s->columns ? inner : inner / s->piece_inner;
	for (int64_t k = 0; k < (s->columns ? n : 1); k++)
		acc[k] = s->op->start;
	loop_offsets(&s->kept, s->kept.rank, output, base);
	reduce_range(job, base[0], row, end, inner, n, acc);
}

static void store(const struct job *job, int64_t at, double result)
{
	float y = (float)(result * job->s->scale);
	if (job->s->dtype_y == DT_F32)
		((float *)job->y)[at] = y;
	else
		convert_store(job->s->dtype_y, &y, at, 1, job->y);
}

/* Outputs of one piece and one number each, without the workspace. */
static void reduce_outputs(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *job = ctx;
	const struct state *s = job->s;
	const struct loop *kept = &s->kept;
	int64_t base[LOOP_OPERANDS] = { 0 }, run = kept->rank ? kept->dim[kept->rank - 1] : 1;
	for (int64_t o = begin; o < end; o++) {
		double acc = s->op->start;
		if (o == begin || o % run == 0) {
			loop_offsets(kept, kept->rank, o, base);
		} else {
			base[0] += kept->stride[0][kept->rank - 1];
			base[1] += kept->stride[1][kept->rank - 1];
		}
		if (s->rows == 1 && s->dtype == DT_F32)
			s->op->row((const float *)job->x + base[0], s->inner, &acc);
		else
			reduce_range(job, base[0], 0, s->rows, 0, s->inner, &acc);
		store(job, base[1], acc);
	}
}

static void reduce_pieces(const void *ctx, int64_t begin, int64_t end)
{
	for (int64_t t = begin; t < end; t++)
		reduce_piece(ctx, t);
}

/* The results of an output's pieces, one after the other, into y. */
static void finish_outputs(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *job = ctx;
	const struct state *s = job->s;
	int64_t width = results_of_piece(s), base[LOOP_OPERANDS];
	for (int64_t o = begin; o < end; o++) {
		const double *results = job->results + o * s->row_pieces * width;
		int64_t numbers = s->columns ? s->inner : 1;
		int64_t pieces = s->row_pieces * width / numbers;
		loop_offsets(&s->kept, s->kept.rank, o, base);
		for (int64_t i = 0; i < numbers; i++) {
			double y = results[i];
			for (int64_t p = 1; p < pieces; p++)
				y = s->op->combine(y, results[p * numbers + i]);
			store(job, base[1] + i * s->stride_y, y);
		}
	}
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct job job = { s, io->in[0], io->out[0], io->workspace };
	int64_t task = s->piece_rows * s->piece_inner;
	int64_t output = s->row_pieces * results_of_piece(s);
	if (output == 1 && !s->columns) {
		parallel_for(s->outputs, divide_up(GRAIN, task), reduce_outputs, &job);
		return OK;
	}
	parallel_for(s->outputs * s->row_pieces * s->inner_pieces, divide_up(GRAIN, task),
		     reduce_pieces, &job);
	parallel_for(s->outputs, divide_up(GRAIN / 8, output), finish_outputs, &job);
	return OK;
}

#define REDUCE(operator)                                                                           \
	{                                                                                          \
		.op = operator, .name = "vector loop", .supports = supports, .propose = propose,   \
		.create = create, .run = run, .destroy = free                                      \
	}

const struct kernel kernel_reduce_sum = REDUCE("ReduceSum");
const struct kernel kernel_reduce_mean = REDUCE("ReduceMean");
const struct kernel kernel_reduce_max = REDUCE("ReduceMax");
const struct kernel kernel_reduce_min = REDUCE("ReduceMin");
