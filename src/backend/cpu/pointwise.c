/*
 * pointwise.c - the driver of pointwise operators (see pointwise.h).
 *
 * The loop over output and inputs is merged to as few axes as possible. Its two innermost are a
 * plane of rows, cut into blocks: a piece of one long row, or some whole short ones, so that even a
 * bias of few channels is added in long loops. An input that lies in a block as the output does is
 * read in place; another is spread, converted or both into a buffer first. What stays the same from
 * row to row (a bias) or within one (a channel's bias in plain layout) is spread only once.
 */
#include "backend/cpu/pointwise.h"

#include "backend/cpu/convert.h"
#include "backend/cpu/simd.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 1024  /* elements of a block */
#define GRAIN 32768 /* elements that are worth a thread */
#define COSTLY_GRAIN 2048

struct input {
	int operand;        /* of the loop, and 1 + the input of the node */
	unsigned size;      /* bytes of an element in memory */
	enum dtype convert; /* half type to be converted, or DT_NONE */
	bool direct;        /* in each block it lies as the output does */
	bool fixed_rows;    /* all rows of a plane read the same elements */
	bool fixed_columns; /* all elements of a row are the same */
	bool absent;        /* stands at `value` instead */
	float value;
};

struct state {
	struct pointwise_choice choice;
	struct loop loop; /* operand 0 is the output, contiguous */
	struct input in[POINTWISE_INPUTS];
	int64_t rows, columns;       /* of a plane */
	int64_t block_rows, pieces;  /* rows of a block; pieces that a row is cut into */
	int64_t plane_blocks, total; /* blocks of a plane, and of all */
	int64_t grain;               /* blocks */
	unsigned size;               /* bytes of an output element in memory */
	enum dtype convert;
};

static const struct pointwise_op *find_row(const char *op)
{
	for (const struct pointwise_op *row = pointwise_table; row->op; row++)
		if (!strcmp(row->op, op))
			return row;
	return NULL;
}

static enum dtype half(enum dtype dtype)
{
	return dtype == DT_F32 ? DT_NONE : dtype;
}

/* Whether the first n inputs and the output are of the row's types. */
static bool types_match(const struct pointwise_op *row, const struct op_call *call, int n)
{
	enum dtype first = call->in[0].t.dtype, out = call->out[0].t.dtype;
	unsigned bits = dtype_bits(out);
	if (row->types == POINTWISE_SELECT)
		return out != DT_STRING && (bits == 8 || bits == 16 || bits == 32 || bits == 64);
	for (int k = 1; k < n && (uint32_t)k < call->n_in; k++)
		if (call->in[k].t.dtype != first && call->in[k].t.dtype)
			return false;
	if (row->types == POINTWISE_LOGIC)
		return first == DT_BOOL;
	return convert_supports(first) && (row->types == POINTWISE_COMPARE || out == first);
}

/* The loop for the call, with .loop NULL where there is none. */
static struct pointwise_choice choose(const struct op_call *call)
{
	const struct pointwise_op *row = find_row(call->def->name);
	struct pointwise_choice choice = { .loop = row->loop, .inputs = row->inputs };
	if (row->choose)
		row->choose(call, &choice);
	if (call->n_in > (uint32_t)row->inputs || !types_match(row, call, choice.inputs))
		choice.loop = NULL;
	return choice;
}

bool pointwise_supports(const struct op_call *call, const char **why)
{
	*why = "no vector loop for these types";
	return choose(call).loop != NULL;
}

/* ---- preparation ---- */

static struct shape no_axes(void)
{
	return SHAPE_SCALAR;
}

static void set_input(struct state *s, const struct op_call *call, int k,
		      const struct pointwise_op *row)
{
	const struct op_operand *o = (uint32_t)k < call->n_in ? &call->in[k] : NULL;
	struct input *in = &s->in[k];
	*in = (struct input){ .operand = s->loop.n, .absent = !o || !o->t.dtype };
	struct shape scalar = no_axes();
	if (in->absent) {
		in->size = sizeof(float);
		in->value = row->absent[k];
		loop_add(&s->loop, &scalar, LAYOUT_PLAIN);
		return;
	}
	in->size = dtype_bits(o->t.dtype) / 8;
	if (row->types == POINTWISE_FLOAT || row->types == POINTWISE_COMPARE)
		in->convert = half(o->t.dtype);
	/* one element, whatever its rank (the bounds of Clip) */
	bool single = shape_elements(&o->t.shape) == 1;
	loop_add(&s->loop, single ? &scalar : &o->t.shape, single ? LAYOUT_PLAIN : o->layout);
}

static void plan_blocks(struct state *s)
{
	struct loop *l = &s->loop;
	int row_axis = l->rank - 2, column_axis = l->rank - 1;
	s->rows = l->dim[row_axis];
	s->columns = l->dim[column_axis];
	s->block_rows = s->columns && s->columns < BLOCK / 2 ? BLOCK / s->columns : 1;
	s->pieces = s->block_rows > 1 ? 1 : (s->columns + BLOCK - 1) / BLOCK;
	s->plane_blocks = (s->rows + s->block_rows - 1) / s->block_rows * s->pieces;
	s->total = s->columns ? loop_size(l, 0, row_axis) * s->plane_blocks : 0;
	for (int k = 0; k < s->choice.inputs; k++) {
		struct input *in = &s->in[k];
		int64_t down = l->stride[in->operand][row_axis];
		int64_t across = l->stride[in->operand][column_axis];
		in->fixed_rows = down == 0;
		in->fixed_columns = across == 0;
		in->direct = across == 1 && (s->block_rows == 1 || down == s->columns);
	}
}

enum status pointwise_create(struct device *device, const struct op_call *call, void **state,
			     size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	const struct pointwise_op *row = find_row(call->def->name);
	const struct op_operand *y = &call->out[0];
	struct state *s = mem_alloc(sizeof *s);
	*s = (struct state){ .choice = choose(call),
			     .loop = loop_start(&y->t.shape),
			     .size = dtype_bits(y->t.dtype) / 8 };
	if (row->types == POINTWISE_FLOAT)
		s->convert = half(y->t.dtype);
	loop_add(&s->loop, &y->t.shape, y->layout);
	for (int k = 0; k < s->choice.inputs; k++)
		set_input(s, call, k, row);
	loop_order(&s->loop, 0);
	loop_merge(&s->loop, 2);
	plan_blocks(s);
	s->grain = (row->costly ? COSTLY_GRAIN : GRAIN) / BLOCK;
	*state = s;
	return OK;
}

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

static void run_blocks(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *job = ctx;
	const struct state *s = job->s;
	const struct loop *l = &s->loop;
	struct buffer buffers[POINTWISE_INPUTS];
	_Alignas(64) float result[BLOCK];
	for (int k = 0; k < s->choice.inputs; k++)
		buffers[k].holds = NULL;
	int64_t offset[LOOP_OPERANDS], plane = -1;
	for (int64_t i = begin; i < end; i++) {
		int64_t within = i % s->plane_blocks;
		int64_t row = within / s->pieces * s->block_rows,
			column = within % s->pieces * BLOCK;
		struct block b = { s->rows - row, s->columns - column };
		const void *x[POINTWISE_INPUTS];
		b.rows = b.rows < s->block_rows ? b.rows : s->block_rows;
		b.columns = s->pieces > 1 && b.columns > BLOCK ? BLOCK : b.columns;
		if (i / s->plane_blocks != plane) {
			plane = i / s->plane_blocks;
			loop_offsets(l, l->rank - 2, plane, offset);
		}
		for (int k = 0; k < s->choice.inputs; k++) {
			const struct input *in = &s->in[k];
			int64_t at = offset[in->operand] +
				     row * l->stride[in->operand][l->rank - 2] +
				     column * l->stride[in->operand][l->rank - 1];
			const char *base = in->absent ? (const char *)&in->value : job->io->in[k];
			x[k] = read_input(s, in, base + at * in->size, &b, &buffers[k]);
		}
		char *y = (char *)job->io->out[0] +
			  (offset[0] + row * s->columns + column) * s->size;
		int64_t n = b.rows * b.columns;
		if (s->convert) {
			s->choice.loop(result, x, n, s->choice.p);
			convert_store(s->convert, result, 0, n, y);
		} else {
			s->choice.loop(y, x, n, s->choice.p);
		}
	}
}

enum status pointwise_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct job job = { s, io };
	parallel_for(s->total, s->grain, run_blocks, &job);
	return OK;
}

void pointwise_destroy(void *state)
{
	free(state);
}
