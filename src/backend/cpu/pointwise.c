/*
 * pointwise.c - runs the programs of pointwise operators and of Fused (see pointwise_program.h), block
 * by block.
 *
 * An input that lies in a block as the output does is read in place; another is spread, converted or
 * both into a buffer first. What stays the same from row to row (a bias) or within one (a channel's
 * bias in plain layout) is spread only once.
 *
 * Sums over axes are formed in double, for each of a number of parts that the shapes fix, and added
 * up in their order: they don't depend on threads.
 */
#include "backend/cpu/convert.h"
#include "backend/cpu/pointwise_program.h"
#include "backend/cpu/simd.h"
#include "backend/cpu/vector_sum.h"

#include <stdlib.h>
#include <string.h>

/* ---- one block ---- */

/* Buffers of one thread for one input. */
struct buffer {
	_Alignas(64) char content[BLOCK * sizeof(int64_t)];
	_Alignas(64) uint16_t raw[BLOCK];
	const void *holds; /* what content was made from, where that stays the same */
	int64_t rows, columns;
};

struct block {
	int64_t rows, columns; /* rows > 1: whole rows */
};

#define SPREAD(bits)                                                                               \
	SIMD static void spread_##bits(uint##bits##_t *restrict to,                                \
				       const uint##bits##_t *restrict from, int64_t down,          \
				       int64_t across, int64_t rows, int64_t columns)              \
	{                                                                                          \
		for (int64_t i = 0; i < rows; i++, to += columns, from += down)                    \
			if (across)                                                                \
				for (int64_t j = 0; j < columns; j++)                              \
					to[j] = from[j * across];                                  \
			else                                                                       \
				for (int64_t j = 0; j < columns; j++)                              \
					to[j] = *from;                                             \
	}
SPREAD(8)
SPREAD(16)
SPREAD(32)
SPREAD(64)

static void spread(void *to, const void *from, unsigned size, int64_t down, int64_t across,
		   const struct block *b)
{
	if (across == 1) {
		for (int64_t i = 0; i < b->rows; i++)
			memcpy((char *)to + i * b->columns * size,
			       (const char *)from + i * down * size, (size_t)b->columns * size);
		return;
	}
	switch (size) {
	case 1:
		spread_8(to, from, down, across, b->rows, b->columns);
		break;
	case 2:
		spread_16(to, from, down, across, b->rows, b->columns);
		break;
	case 4:
		spread_32(to, from, down, across, b->rows, b->columns);
		break;
	default:
		spread_64(to, from, down, across, b->rows, b->columns);
	}
}

/* The elements of an input for a block, contiguous and in the type that is computed in. */
static const void *read_input(const struct state *s, const struct input *in, const char *from,
			      const struct block *b, struct buffer *buffer)
{
	const struct loop *l = &s->loop;
	bool fixed = b->rows > 1 ? in->fixed_rows : in->fixed_columns;
	if (in->direct && !in->convert)
		return from;
	if (fixed && buffer->holds == from && buffer->rows >= b->rows &&
	    buffer->columns >= b->columns)
		return buffer->content;
	buffer->holds = fixed ? from : NULL;
	buffer->rows = b->rows;
	buffer->columns = b->columns;
	const void *raw = from;
	if (!in->direct) {
		void *to = in->convert ? (void *)buffer->raw : buffer->content;
		spread(to, from, in->size, l->stride[in->operand][l->rank - 2],
		       l->stride[in->operand][l->rank - 1], b);
		raw = to;
	}
	if (in->convert)
		convert_load(in->convert, raw, 0, b->rows * b->columns, (float *)buffer->content);
	return buffer->content;
}

struct job {
	const struct state *s;
	const struct kernel_io *io;
};

/* Where a thread's registers are while it computes a block. */
struct registers {
	struct buffer input[FUSED_INPUTS];
	_Alignas(64) float result[FUSED_NODES][BLOCK];
};

/* Doubles for the sums of a short row: what lies behind its end is summed as well, and dropped. */
#define SHORT 8
typedef double short_sums __attribute__((vector_size(SHORT * sizeof(double))));
typedef float short_row __attribute__((vector_size(SHORT * sizeof(float)), aligned(4), may_alias));

/* sum[j] += x[i, j] in the order of i, for rows of n <= 2 SHORT. */
SIMD_INLINE void add_short_rows(double *restrict sum, const float *restrict x, int64_t rows,
				int64_t n)
{
	short_sums left = { 0 }, right = { 0 };
	for (int64_t j = 0; j < n; j++)
		if (j < SHORT)
			left[j] = sum[j];
		else
			right[j - SHORT] = sum[j];
	for (int64_t i = 0; i < rows; i++, x += n) {
		left += __builtin_convertvector(*(const short_row *)x, short_sums);
		right += __builtin_convertvector(*(const short_row *)(x + SHORT), short_sums);
	}
	for (int64_t j = 0; j < n; j++)
		sum[j] = j < SHORT ? left[j] : right[j - SHORT];
}

/* The same for TALL rows of any length. */
#define TALL 4
SIMD_INLINE void add_tall_rows(double *restrict sum, const float *restrict x, int64_t n)
{
	for (int64_t j = 0; j < n; j++)
		sum[j] = sum[j] + x[j] + x[n + j] + x[2 * n + j] + x[3 * n + j];
}

/* Adds a block to a sum whose element at its first row and column is *sum. */
SIMD static void add_block(double *restrict sum, const float *restrict x, const struct block *b,
			   int64_t down, int64_t across)
{
	int64_t inside = b->rows - 2 * SHORT / (b->columns ? b->columns : 1) - 1;
	if (across == 1 && down == 0 && b->columns <= 2 * SHORT && inside > 0) {
		add_short_rows(sum, x, inside, b->columns);
		x += inside * b->columns;
	} else {
		inside = 0;
	}
	for (; across == 1 && down == 0 && inside + TALL <= b->rows; inside += TALL) {
		add_tall_rows(sum, x, b->columns);
		x += TALL * b->columns;
	}
	for (int64_t i = inside; i < b->rows; i++, x += b->columns, sum += down)
		if (across == 0)
			*sum += vector_sum(x, b->columns);
		else
			for (int64_t j = 0; j < b->columns; j++)
				sum[j * across] += x[j];
}

/*
 * Computes a block; x[k] are the elements of input k, y[k] the memory of output k, or, where that is
 * a sum, what it has come to.
 */
static void run_program(const struct state *s, const void *const *x, char *const *y,
			const struct block *b, struct registers *r)
{
	const struct loop *l = &s->loop;
	int64_t n = b->rows * b->columns;
	void *at[FUSED_NODES];
	for (int i = 0; i < s->instructions; i++) {
		const struct instruction *code = &s->code[i];
		const void *in[POINTWISE_INPUTS];
		for (int k = 0; k < code->inputs; k++)
			in[k] = code->in[k] < FUSED_INPUTS ? x[code->in[k]]
							   : at[code->in[k] - FUSED_INPUTS];
		at[i] = s->home[i] < IN_OUTPUT ? (void *)r->result[s->home[i]]
					       : y[s->home[i] - IN_OUTPUT];
		code->loop(at[i], in, n, code->p);
		if (code->round)
			convert_round(code->round, at[i], n);
	}
	for (int k = s->outputs - 1; k >= 0; k--) { /* the first may be in place of an input */
		const struct output *out = &s->out[k];
		const void *from = out->reg < FUSED_INPUTS ? x[out->reg]
							   : at[out->reg - FUSED_INPUTS];
		if (out->sum)
			add_block((double *)(void *)y[k], from, b,
				  l->stride[out->operand][l->rank - 2],
				  l->stride[out->operand][l->rank - 1]);
		else if (out->convert)
			convert_store(out->convert, from, 0, n, y[k]);
		else if (!out->direct)
			memmove(y[k], from, (size_t)n * out->size);
	}
}

/* Blocks begin to end; `sums` are those of the part that they belong to. */
static void run_range(const struct job *job, int64_t begin, int64_t end, double *sums)
{
	const struct state *s = job->s;
	const struct loop *l = &s->loop;
	struct registers registers;
	for (int k = 0; k < s->inputs; k++)
		registers.input[k].holds = NULL;
	int64_t offset[LOOP_OPERANDS], plane = -1;
	for (int64_t i = begin; i < end; i++) {
		int64_t within = i % s->plane_blocks;
		int64_t row = within / s->pieces * s->block_rows,
			column = within % s->pieces * BLOCK;
		struct block b = { s->rows - row, s->columns - column };
		const void *x[FUSED_INPUTS];
		char *y[FUSED_OUTPUTS];
		b.rows = b.rows < s->block_rows ? b.rows : s->block_rows;
		b.columns = s->pieces > 1 && b.columns > BLOCK ? BLOCK : b.columns;
		if (i / s->plane_blocks != plane) {
			plane = i / s->plane_blocks;
			loop_offsets(l, l->rank - 2, plane, offset);
		}
		for (int k = 0; k < s->inputs; k++) {
			const struct input *in = &s->in[k];
			int64_t at = offset[in->operand] +
				     row * l->stride[in->operand][l->rank - 2] +
				     column * l->stride[in->operand][l->rank - 1];
			const char *base = in->absent ? (const char *)&in->value : job->io->in[k];
			x[k] = read_input(s, in, base + at * in->size, &b, &registers.input[k]);
		}
		for (int k = 0; k < s->outputs; k++) {
			const struct output *out = &s->out[k];
			int64_t at = out->first_sum + offset[out->operand] +
				     row * l->stride[out->operand][l->rank - 2] +
				     column * l->stride[out->operand][l->rank - 1];
			y[k] = out->sum ? (char *)(sums + at)
					: (char *)job->io->out[k] +
						  (offset[0] + row * s->columns + column) *
							  out->size;
		}
		run_program(s, x, y, &b, &registers);
	}
}

static void run_blocks(const void *ctx, int64_t begin, int64_t end)
{
	run_range(ctx, begin, end, NULL);
}

static void run_parts(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *job = ctx;
	const struct state *s = job->s;
	for (int64_t p = begin; p < end; p++) {
		double *sums = (double *)job->io->workspace + p * s->sums;
		for (int64_t i = 0; i < s->sums; i++)
			sums[i] = 0;
		run_range(job, s->total * p / s->parts, s->total * (p + 1) / s->parts, sums);
	}
}

/* The sums of all parts, in their order. */
static void write_sums(const struct job *job)
{
	const struct state *s = job->s;
	for (int k = 0; k < s->outputs; k++) {
		const struct output *out = &s->out[k];
		for (int64_t i = 0; i < out->sum; i++) {
			const double *part = (double *)job->io->workspace + out->first_sum + i;
			double sum = 0;
			for (int64_t p = 0; p < s->parts; p++)
				sum += part[p * s->sums];
			float result = (float)sum;
			if (out->convert)
				convert_store(out->convert, &result, i, 1, job->io->out[k]);
			else
				((float *)job->io->out[k])[i] = result;
		}
	}
}

enum status pointwise_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct job job = { s, io };
	if (s->parts) {
		parallel_for(s->parts, s->grain, run_parts, &job);
		write_sums(&job);
	} else {
		parallel_for(s->total, s->grain, run_blocks, &job);
	}
	return OK;
}

void pointwise_destroy(void *state)
{
	free(state);
}
